#include "server/replica/answers.h"

#include <algorithm>

namespace baton::server {
namespace {

constexpr uint32_t kElectionRetryMs = 50;
constexpr uint32_t kOverloadRetryMs = 20;
constexpr uint32_t kDiskFullRetryMs = 1'000;

Failure Make(absl::StatusCode code, Reason reason, std::string message,
             uint32_t retry_after_ms = 0) {
  Failure failure;
  failure.code = code;
  failure.reason = reason;
  failure.message = std::move(message);
  failure.retry_after_ms = retry_after_ms;
  return failure;
}

}  // namespace

void AnswerBatch::Fail(const ReturnAddress& to, Failure failure) {
  Answer answer;
  answer.failure = std::move(failure);
  Add(to, std::move(answer));
}

void AnswerBatch::Deliver() {
  if (waiting_.empty()) return;
  std::vector<Waiting> group;
  group.swap(waiting_);
  std::vector<AnswerSink*> touched;
  for (Waiting& one : group) {
    AnswerSink* sink = one.to.sink.get();
    sink->Answered(one.to.tag, std::move(one.answer));
    if (touched.empty() || touched.back() != sink) touched.push_back(sink);
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (AnswerSink* sink : touched) sink->Flush();
  group.clear();
  if (waiting_.empty()) waiting_.swap(group);  // keeps the memory
}

Failure NotLeaderFailure(const std::optional<LeaderHint>& leader) {
  if (!leader) {
    return Make(absl::StatusCode::kUnavailable, Reason::kNoLeader,
                "no leader is known: an election runs, or no quorum can be reached; try again",
                kElectionRetryMs);
  }
  Failure failure =
      Make(absl::StatusCode::kUnavailable, Reason::kNotLeader,
           "this node does not lead; ask " + leader->name + " at " + leader->client_address);
  failure.leader = leader;
  return failure;
}

Failure OutcomeUnknownFailure(std::string why) {
  return Make(absl::StatusCode::kUnavailable, Reason::kOutcomeUnknown,
              "the write may or may not take effect: " + std::move(why));
}

Failure DeadlineFailure() {
  return Make(absl::StatusCode::kDeadlineExceeded, Reason::kDeadline,
              "the deadline passed before the request took effect");
}

Failure OverloadedFailure(std::string limit) {
  Failure failure = Make(absl::StatusCode::kResourceExhausted, Reason::kOverloaded,
                         "a queue of this node is full; try again later", kOverloadRetryMs);
  failure.limit = std::move(limit);
  return failure;
}

Failure ShuttingDownFailure() {
  return Make(absl::StatusCode::kUnavailable, Reason::kShuttingDown, "this node is stopping");
}

Failure LogFaultyFailure(const std::string& reason) {
  return Make(absl::StatusCode::kUnavailable, Reason::kLogFaulty,
              "this node cannot trust its log and takes no part: " + reason);
}

Failure NoDataFailure() {
  Failure failure;
  failure.code = absl::StatusCode::kFailedPrecondition;
  failure.reason = Reason::kNotSupported;
  failure.message = "this node is a witness and holds no data: ask another member";
  return failure;
}

Failure DiskFullFailure() {
  return Make(absl::StatusCode::kResourceExhausted, Reason::kDiskFull,
              "the disk of the leader is full: free space on it", kDiskFullRetryMs);
}

Failure UnreadableFailure(const absl::Status& status) {
  return Make(status.code(), Reason::kNone, std::string(status.message()));
}

Failure TooStaleFailure(std::optional<int64_t> age_us) {
  const std::string age =
      age_us ? "is " + std::to_string(*age_us / 1000) + " ms old" : "is of unknown age";
  return Make(absl::StatusCode::kUnavailable, Reason::kTooStale,
              "the state of this node " + age +
                  ", and could not be brought up to what the read allows: ask another node, or "
                  "allow more",
              kElectionRetryMs);
}

Failure PositionLostFailure(const Position& position) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kPositionLost,
              "slot " + ToString(position.slot) + " of reign " +
                  std::to_string(position.reign_round) +
                  " is not in the log: what was acknowledged there is lost, or the position is of "
                  "another cluster. Read anew without it");
}

Failure RefusedFailure(const engine::Refusal& refusal) {
  Failure failure = Make(refusal.status.code(),
                         refusal.limit.empty() ? Reason::kInvalidArgument : Reason::kLimitExceeded,
                         std::string(refusal.status.message()));
  failure.limit = refusal.limit;
  return failure;
}

Failure MembersRefusedFailure(absl::StatusCode code, std::string why) {
  return Make(code, Reason::kMembersRefused, std::move(why));
}

}  // namespace baton::server
