#include "client/wire_error.h"

#include <grpcpp/support/status.h>

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace baton {

std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status) {
  const auto payload = status.GetPayload(client::kErrorPayloadUrl);
  v1::Error error;
  if (!payload || !error.ParseFromString(std::string(*payload))) return std::nullopt;
  ErrorInfo info;
  info.reason = static_cast<Reason>(error.reason());
  info.leader_name = error.leader().name();
  info.leader_address = error.leader().address();
  info.retry_after_ms = error.retry_after_ms();
  info.limit = error.limit();
  info.condition = error.condition();
  info.found_revision = error.found_revision();
  info.session = error.session();
  info.sequence = error.sequence();
  info.durability = static_cast<Durability>(error.durability());
  info.position = {error.position().reign_round(), error.position().slot()};
  return info;
}

Reason GetReason(const absl::Status& status) {
  const auto info = GetErrorInfo(status);
  return info ? info->reason : Reason::kUnspecified;
}

const char* ReasonName(Reason reason) {
  static constexpr int kPrefixSize = sizeof("REASON_") - 1;
  const int number = static_cast<int>(reason);
  if (!v1::Reason_IsValid(number)) return "UNSPECIFIED";
  return v1::Reason_Name(static_cast<v1::Reason>(number)).c_str() + kPrefixSize;
}

namespace client {
namespace {

absl::Status WithPayload(absl::StatusCode code, const std::string& message,
                         const v1::Error& error) {
  absl::Status status(code, message);
  status.SetPayload(kErrorPayloadUrl, absl::Cord(error.SerializeAsString()));
  return status;
}

}  // namespace

absl::Status MakeError(int code, const v1::Error& error) {
  const bool known = code > 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  return WithPayload(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                     error.message(), error);
}

absl::Status MakeError(absl::StatusCode code, Reason reason, const std::string& message) {
  v1::Error error;
  error.set_reason(static_cast<v1::Reason>(reason));
  error.set_message(message);
  return WithPayload(code, message, error);
}

absl::Status FromGrpc(const grpc::Status& status) {
  v1::RpcStatus details;
  v1::Error error;
  if (details.ParseFromString(status.error_details()) && details.details_size() > 0 &&
      details.details(0).type_url() == kErrorPayloadUrl &&
      error.ParseFromString(details.details(0).value())) {
    if (error.message().empty()) error.set_message(status.error_message());
    return MakeError(status.error_code(), error);
  }
  error.set_message(status.error_message());
  return MakeError(status.error_code(), error);
}

}  // namespace client
}  // namespace baton
