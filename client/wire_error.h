// Errors between the wire (baton.v1.Error) and the public API (absl::Status with an ErrorInfo).
//
// An absl::Status of Baton's carries the serialized v1.Error as its payload kErrorPayloadUrl, so
// that whatever a later server adds is still there. Pure functions, any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "baton/error.h"
#include "baton/v1/common.pb.h"

namespace grpc {
class Status;
}

namespace baton::client {

inline constexpr char kErrorPayloadUrl[] = "type.googleapis.com/baton.v1.Error";

// A failure as the server told it. `code` is a google.rpc.Code other than 0; one that this version
// does not know becomes UNKNOWN.
absl::Status MakeError(int code, const v1::Error& error);

// A failure that the client found out by itself.
absl::Status MakeError(absl::StatusCode code, Reason reason, const std::string& message);

// What a failed unary call says: the v1.Error of its details, if it has one, else code and message.
// REQUIRES: !status.ok().
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace baton::client
