#include "engine/state/limits.h"

#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"

namespace baton::engine {
namespace {

Refusal Invalid(std::string_view what) {
  return Refusal{absl::InvalidArgumentError(absl::string_view(what.data(), what.size())), ""};
}

Refusal Over(const char* what, uint64_t found, const char* unit, const char* limit, uint64_t max,
             const char* advice) {
  return Refusal{absl::InvalidArgumentError(absl::StrCat(
                     what, " of ", found, unit, " is over the limit of ", max, unit, ": ", advice)),
                 absl::StrCat(limit, "=", max)};
}

std::optional<Refusal> CheckBound(const char* what, std::string_view key) {
  if (key.size() > kKeyBytesMax) {
    return Over(what, key.size(), " bytes", "key_bytes_max", kKeyBytesMax, "use a shorter key");
  }
  return std::nullopt;
}

std::optional<Refusal> CheckKey(std::string_view key) {
  if (key.empty()) return Invalid("the key is empty: give one of at least 1 byte");
  return CheckBound("a key", key);
}

std::optional<Refusal> CheckRange(std::string_view begin, std::string_view end) {
  if (auto refusal = CheckBound("a range's begin", begin)) return refusal;
  if (auto refusal = CheckBound("a range's end", end)) return refusal;
  if (!end.empty() && begin > end) {
    return Invalid("the range ends before it begins: swap begin and end");
  }
  return std::nullopt;
}

std::optional<Refusal> CheckOp(const PutOp& op, uint64_t* bytes) {
  *bytes += op.key.size() + op.value.size();
  if (auto refusal = CheckKey(op.key)) return refusal;
  if (op.value.size() > kValueBytesMax) {
    return Over("a value", op.value.size(), " bytes", "value_bytes_max", kValueBytesMax,
                "split it over several keys");
  }
  return std::nullopt;
}
std::optional<Refusal> CheckOp(const DeleteOp& op, uint64_t* bytes) {
  *bytes += op.key.size();
  return CheckKey(op.key);
}
std::optional<Refusal> CheckOp(const DeleteRangeOp& op, uint64_t* bytes) {
  *bytes += op.begin.size() + op.end.size();
  return CheckRange(op.begin, op.end);
}

}  // namespace

std::optional<Refusal> Validate(const WriteRequest& request) {
  if (request.ops.empty()) return Invalid("the request has no operation: give at least one");
  if (request.ops.size() > kRequestOpsMax) {
    return Over("a request", request.ops.size(), " operations", "request_ops_max", kRequestOpsMax,
                "split it into several requests");
  }
  if (request.keyspace == kSystemKeyspace) return Invalid("the system keyspace takes no writes");
  uint64_t bytes = 0;
  for (const WriteOp& op : request.ops) {
    const auto check = [&bytes](const auto& each) { return CheckOp(each, &bytes); };
    if (std::optional<Refusal> refusal = std::visit(check, op)) return refusal;
  }
  if (bytes > kRequestBytesMax) {
    return Over("a request", bytes, " bytes", "request_bytes_max", kRequestBytesMax,
                "split it into several requests");
  }
  return std::nullopt;
}

std::optional<Refusal> Validate(const ScanSpec& spec) { return CheckRange(spec.begin, spec.end); }

std::optional<Refusal> ValidateKeys(absl::Span<const std::string> keys) {
  if (keys.empty()) return Invalid("the request names no key: give at least one");
  if (keys.size() > kRequestOpsMax) {
    return Over("a request", keys.size(), " keys", "request_ops_max", kRequestOpsMax,
                "split it into several requests");
  }
  for (const std::string& key : keys) {
    if (std::optional<Refusal> refusal = CheckKey(key)) return refusal;
  }
  return std::nullopt;
}

}  // namespace baton::engine
