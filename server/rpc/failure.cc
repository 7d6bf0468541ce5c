#include "server/rpc/failure.h"

#include <utility>

namespace baton::server {

Failure InvalidRequest(std::string message) {
  Failure failure;
  failure.code = absl::StatusCode::kInvalidArgument;
  failure.reason = Reason::kInvalidArgument;
  failure.message = std::move(message);
  return failure;
}

Failure OverLimit(std::string message, std::string limit) {
  Failure failure = InvalidRequest(std::move(message) + "; the limit is " + limit);
  failure.reason = Reason::kLimitExceeded;
  failure.limit = std::move(limit);
  return failure;
}

Failure UnformedFailure() {
  Failure failure;
  failure.code = absl::StatusCode::kFailedPrecondition;
  failure.reason = Reason::kUnformed;
  failure.message =
      "this node belongs to no cluster yet: form one with `baton cluster init --members ...`";
  return failure;
}

Failure StartingFailure() {
  Failure failure;
  failure.code = absl::StatusCode::kUnavailable;
  failure.reason = Reason::kNoLeader;
  failure.message = "this node is starting";
  failure.retry_after_ms = 100;
  return failure;
}

// The two enums have the same numbers.
v1::Reason ToProto(Reason reason) { return static_cast<v1::Reason>(reason); }
static_assert(static_cast<int>(Reason::kNotLeader) == v1::REASON_NOT_LEADER);
static_assert(static_cast<int>(Reason::kDeadline) == v1::REASON_DEADLINE);
static_assert(static_cast<int>(Reason::kFormedDifferently) == v1::REASON_FORMED_DIFFERENTLY);
static_assert(static_cast<int>(Reason::kTooStale) == v1::REASON_TOO_STALE);
static_assert(static_cast<int>(Reason::kMembersRefused) == v1::REASON_MEMBERS_REFUSED);
static_assert(static_cast<int>(Reason::kValueUnfit) == v1::REASON_VALUE_UNFIT);
static_assert(static_cast<int>(Reason::kKeyspaceRefused) == v1::REASON_KEYSPACE_REFUSED);
static_assert(static_cast<int>(Reason::kFenced) == v1::REASON_FENCED);
static_assert(static_cast<int>(Reason::kHandoverRefused) == v1::REASON_HANDOVER_REFUSED);
static_assert(static_cast<int>(Reason::kPolicyRefused) == v1::REASON_POLICY_REFUSED);

Reason FromProto(v1::Reason reason) {
  return v1::Reason_IsValid(reason) ? static_cast<Reason>(reason) : Reason::kNone;
}

void ToProto(const Failure& failure, v1::Error* to) {
  to->set_reason(ToProto(failure.reason));
  to->set_message(failure.message);
  if (failure.leader) {
    to->mutable_leader()->set_name(failure.leader->name);
    to->mutable_leader()->set_address(failure.leader->client_address);
  }
  if (failure.retry_after_ms != 0) to->set_retry_after_ms(failure.retry_after_ms);
  if (!failure.limit.empty()) to->set_limit(failure.limit);
  if (failure.rejection) {
    to->set_condition(failure.rejection->at);
    to->set_found_revision(failure.rejection->found.value);
  }
  if (failure.judged) {
    ToProto(failure.judged->position, to->mutable_position());
    to->set_durability(static_cast<v1::Durability>(failure.judged->durability));
  }
}

void ToProto(const Position& position, v1::Position* to) {
  to->set_reign_round(position.reign_round);
  to->set_slot(position.slot.value);
  to->set_revision(position.revision.value);
}

Position FromProto(const v1::Position& position) {
  return Position{position.reign_round(), Slot{position.slot()}, Revision{position.revision()}};
}

grpc::Status ToGrpcStatus(const Failure& failure) {
  if (failure.ok()) return grpc::Status::OK;
  v1::Error error;
  ToProto(failure, &error);
  v1::RpcStatus status;
  status.set_code(static_cast<int>(failure.code));
  status.set_message(failure.message);
  status.add_details()->PackFrom(error);
  return grpc::Status(static_cast<grpc::StatusCode>(failure.code), failure.message,
                      status.SerializeAsString());
}

Failure FromGrpcStatus(const grpc::Status& status) {
  Failure failure;
  failure.code = static_cast<absl::StatusCode>(status.error_code());
  failure.message = status.error_message();
  v1::RpcStatus details;
  v1::Error error;
  if (!details.ParseFromString(status.error_details()) || details.details().empty() ||
      !details.details(0).UnpackTo(&error)) {
    return failure;
  }
  failure.reason = FromProto(error.reason());
  if (error.has_leader()) {
    failure.leader = LeaderHint{error.leader().name(), error.leader().address()};
  }
  failure.retry_after_ms = error.retry_after_ms();
  failure.limit = error.limit();
  if (failure.reason == Reason::kConditionNotMet) {
    failure.rejection = engine::Rejection{engine::Rejection::Why::kCondition, error.condition(),
                                          Revision{error.found_revision()}};
  }
  if (error.has_position()) {
    failure.judged = Judged{FromProto(error.position()), engine::Durability::kUnspecified};
    if (v1::Durability_IsValid(error.durability())) {
      failure.judged->durability = static_cast<engine::Durability>(error.durability());
    }
  }
  return failure;
}

}  // namespace baton::server
