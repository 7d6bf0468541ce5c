// Answers: how they are grouped on their way out, and the failures a replica gives.
//
// An AnswerBatch belongs to one thread. It gives each answer to its sink and then flushes each sink
// once, so that the answers of one commit leave in one message a client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "engine/state/limits.h"
#include "server/replica/node.h"

namespace baton::server {

// Where an answer goes.
struct ReturnAddress {
  std::shared_ptr<AnswerSink> sink;  // null: nobody waits for it
  uint64_t tag = 0;
};

class AnswerBatch {
 public:
  void Add(const ReturnAddress& to, Answer answer) {
    waiting_.push_back(Waiting{to, std::move(answer)});
  }
  void Fail(const ReturnAddress& to, Failure failure);
  bool empty() const { return waiting_.empty(); }
  // Gives out what was added and flushes the sinks touched.
  void Deliver();

 private:
  struct Waiting {
    ReturnAddress to;
    Answer answer;
  };
  std::vector<Waiting> waiting_;
};

// The failures of a replica. `surely no effect` holds for all but OutcomeUnknown.
Failure NotLeaderFailure(const std::optional<LeaderHint>& leader);
Failure OutcomeUnknownFailure(std::string why);
Failure DeadlineFailure();
Failure OverloadedFailure(std::string limit);
Failure ShuttingDownFailure();
Failure LogFaultyFailure(const std::string& reason);
Failure DiskFullFailure();
Failure NoDataFailure();                                // a witness was asked for data
Failure UnreadableFailure(const absl::Status& status);  // the engine could not read
// The state here is `age_us` old; nullopt: nobody knows.
Failure TooStaleFailure(std::optional<int64_t> age_us);
Failure PositionLostFailure(const Position& position);
Failure RefusedFailure(const engine::Refusal& refusal);
Failure KeyspaceUnknownFailure(const std::string& name);  // empty: it was dropped meanwhile
Failure KeyspaceRefusedFailure(const absl::Status& status);
Failure BudgetUsedFailure(const engine::KeyspaceInfo& keyspace);
Failure RejectedFailure(const engine::Rejection& rejection);
Failure SessionUnknownFailure(uint64_t session);  // it has ended, or never was
Failure SessionTooOldFailure(uint64_t sequence);  // its client said that it has the result
Failure FencedFailure(uint64_t sequence);         // it was asked about before it came
// A change of members that surely does not come about. kFailedPrecondition: something else must
// change first; kAborted: look at the members again; kNotFound: there is no such member.
Failure MembersRefusedFailure(absl::StatusCode code, std::string why);
Failure PolicyRefusedFailure(const absl::Status& status);
// A handover that surely is not begun, or not ended. kFailedPrecondition: another is under way, or
// it is over; kAlreadyExists: the id was given to another; kNotFound: to none.
Failure HandoverRefusedFailure(absl::StatusCode code, std::string why);

}  // namespace baton::server
