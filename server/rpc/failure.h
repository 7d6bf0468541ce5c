// Failures as clients see them: baton.v1.Error in answers, google.rpc.Status for unary calls.
// Functions, any thread.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "baton/v1/common.pb.h"
#include "server/replica/node.h"

namespace baton::server {

// A failure of the caller's making: INVALID_ARGUMENT.
Failure InvalidRequest(std::string message);
// The same, over a limit: `limit` reads "value_bytes_max=1048576".
Failure OverLimit(std::string message, std::string limit);
// The node belongs to no cluster yet.
Failure UnformedFailure();
// It does, and is recovering its log.
Failure StartingFailure();

v1::Reason ToProto(Reason reason);
Reason FromProto(v1::Reason reason);

void ToProto(const Failure& failure, v1::Error* to);
void ToProto(const Position& position, v1::Position* to);
Position FromProto(const v1::Position& position);

// Where an answer was computed, and how durable that is.
template <class Response>
void FillPosition(const Answer& answer, Response* to) {
  ToProto(answer.position, to->mutable_position());
  to->set_durability(static_cast<v1::Durability>(answer.durability));
}

// Carries the Error as the one detail of a google.rpc.Status.
grpc::Status ToGrpcStatus(const Failure& failure);

// The failure inside a status made by ToGrpcStatus; kNone as reason when there is none.
Failure FromGrpcStatus(const grpc::Status& status);

}  // namespace baton::server
