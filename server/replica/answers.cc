#include "server/replica/answers.h"

#include <algorithm>

#include "engine/state/evaluator.h"

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

Failure Rejected(const engine::Rejection& rejection) {
  using Why = engine::Rejection::Why;
  const std::string at = std::to_string(rejection.at);
  const auto over = [](absl::StatusCode code, const char* limit, uint64_t max, std::string what) {
    Failure failure = Make(code, Reason::kLimitExceeded, std::move(what));
    failure.limit = std::string(limit) + "=" + std::to_string(max);
    return failure;
  };
  switch (rejection.why) {
    case Why::kCondition: {
      const std::string found = rejection.found == Revision{}
                                    ? "does not exist"
                                    : "is at revision " + std::to_string(rejection.found.value);
      Failure failure = Make(absl::StatusCode::kFailedPrecondition, Reason::kConditionNotMet,
                             "condition " + at + " does not hold: the key " + found);
      failure.rejection = rejection;
      return failure;
    }
    case Why::kNotANumber:
      return Make(absl::StatusCode::kFailedPrecondition, Reason::kValueUnfit,
                  "operation " + at + " increments a value that is no decimal number of 64 bits");
    case Why::kOverflow:
      return Make(absl::StatusCode::kOutOfRange, Reason::kValueUnfit,
                  "operation " + at + " would make a number of more than 64 bits");
    case Why::kValueTooLong:
      return over(absl::StatusCode::kInvalidArgument, "value_bytes_max", rejection.limit,
                  "operation " + at + " would make a value that is too long: use several keys");
    case Why::kNoKeyspace:
      return KeyspaceUnknownFailure("");
    case Why::kFull:
      return over(absl::StatusCode::kResourceExhausted, "size_bytes_max", rejection.limit,
                  "the keyspace of operation " + at +
                      " has reached its size: delete some of it, or allow more");
    case Why::kTooLarge:
      return over(
          absl::StatusCode::kInvalidArgument, "request_effects_bytes_max",
          engine::kRequestEffectsBytesMax,
          "the values that it writes, those appended to whole, are too large together: split "
          "the request");
    case Why::kTooManyRows:
      return over(absl::StatusCode::kFailedPrecondition, "evaluate_rows_max",
                  engine::kEvaluateRowsMax,
                  "counting what is deleted would visit too many rows: ask without want_count, or "
                  "for smaller ranges");
    case Why::kNotCached:
      return over(absl::StatusCode::kResourceExhausted, "evaluate_parks_max",
                  engine::kEvaluateParksMax,
                  "the rows that this request reads do not stay in the block cache: ask for fewer "
                  "at once, or raise block_cache_bytes");
  }
  return Make(absl::StatusCode::kInternal, Reason::kNone, "rejected for an unknown reason");
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
    if (sink == nullptr) continue;
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

Failure KeyspaceUnknownFailure(const std::string& name) {
  std::string what = "the keyspace was dropped";
  if (!name.empty()) what = "there is no keyspace of that name";
  if (!name.empty() && name.size() <= 64) what = "there is no keyspace named \"" + name + "\"";
  return Make(absl::StatusCode::kNotFound, Reason::kKeyspaceUnknown,
              what +
                  ": create it with `baton keyspace create`; the one that always exists is named "
                  "default");
}

Failure KeyspaceRefusedFailure(const absl::Status& status) {
  const Reason reason =
      absl::IsNotFound(status) ? Reason::kKeyspaceUnknown : Reason::kKeyspaceRefused;
  return Make(status.code(), reason, std::string(status.message()));
}

Failure BudgetUsedFailure(const engine::KeyspaceInfo& keyspace) {
  return Make(
      absl::StatusCode::kResourceExhausted, Reason::kBudgetUsed,
      "keyspace " + keyspace.name +
          " has as much that no quorum holds as its budget allows, and is to fail then: try "
          "again later, or allow more",
      kOverloadRetryMs);
}

Failure RejectedFailure(const engine::Rejection& rejection) {
  Failure failure = Rejected(rejection);
  failure.judged.emplace();  // by what and how durably is for who lets it out to say
  return failure;
}

Failure SessionUnknownFailure(uint64_t session) {
  return Make(absl::StatusCode::kNotFound, Reason::kSessionUnknown,
              "there is no session " + std::to_string(session) +
                  ": it was idle for its time to live, or was ended. Open another; what became of "
                  "its requests cannot be told any more");
}

Failure SessionTooOldFailure(uint64_t sequence) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kSessionTooOld,
              "the result of number " + std::to_string(sequence) +
                  " is not kept any more: its client said, by acked_below, that it has it");
}

Failure FencedFailure(uint64_t sequence) {
  return Make(absl::StatusCode::kAborted, Reason::kFenced,
              "number " + std::to_string(sequence) +
                  " was asked about before it came, or is listed as lost (`baton loss list`): it "
                  "takes no effect. If it is still wanted, write it anew, under another number");
}

Failure MembersRefusedFailure(absl::StatusCode code, std::string why) {
  return Make(code, Reason::kMembersRefused, std::move(why));
}

Failure PolicyRefusedFailure(const absl::Status& status) {
  return Make(status.code(), Reason::kPolicyRefused, std::string(status.message()));
}

Failure HandoverRefusedFailure(absl::StatusCode code, std::string why) {
  return Make(code, Reason::kHandoverRefused, std::move(why));
}

}  // namespace baton::server
