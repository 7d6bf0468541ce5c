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

std::optional<Refusal> CheckLength(const char* what, std::string_view key, uint64_t max) {
  if (key.size() <= max) return std::nullopt;
  return Over(what, key.size(), " bytes", "key_bytes_max", kKeyBytesMax, "use a shorter key");
}

// May be the first key after the longest, or empty.
std::optional<Refusal> CheckBound(const char* what, std::string_view key) {
  return CheckLength(what, key, kKeyBytesMax + 1);
}

std::optional<Refusal> CheckKey(std::string_view key) {
  if (key.empty()) return Invalid("the key is empty: give one of at least 1 byte");
  return CheckLength("a key", key, kKeyBytesMax);
}

std::optional<Refusal> CheckRange(std::string_view begin, std::string_view end) {
  if (auto refusal = CheckBound("a range's begin", begin)) return refusal;
  if (auto refusal = CheckBound("a range's end", end)) return refusal;
  if (!end.empty() && begin > end) {
    return Invalid("the range ends before it begins: swap begin and end");
  }
  return std::nullopt;
}

std::optional<Refusal> CheckKeyAndValue(std::string_view key, std::string_view value) {
  if (auto refusal = CheckKey(key)) return refusal;
  if (value.size() > kValueBytesMax) {
    return Over("a value", value.size(), " bytes", "value_bytes_max", kValueBytesMax,
                "split it over several keys");
  }
  return std::nullopt;
}

std::optional<Refusal> CheckOp(const PutOp& op) { return CheckKeyAndValue(op.key, op.value); }
std::optional<Refusal> CheckOp(const DeleteOp& op) { return CheckKey(op.key); }
std::optional<Refusal> CheckOp(const DeleteRangeOp& op) { return CheckRange(op.begin, op.end); }
std::optional<Refusal> CheckOp(const IncrementOp& op) { return CheckKey(op.key); }
std::optional<Refusal> CheckOp(const AppendOp& op) { return CheckKeyAndValue(op.key, op.bytes); }

std::optional<Refusal> CheckCondition(const Condition& condition) {
  if (condition.kind == Condition::Kind::kRevision && condition.revision == Revision{}) {
    return Invalid("a condition on revision 0: ask that the key be absent");
  }
  return CheckKeyAndValue(condition.key, condition.value);
}

uint64_t BytesOf(const PutOp& op) { return op.key.size() + op.value.size(); }
uint64_t BytesOf(const DeleteOp& op) { return op.key.size(); }
uint64_t BytesOf(const DeleteRangeOp& op) { return op.begin.size() + op.end.size(); }
uint64_t BytesOf(const IncrementOp& op) { return op.key.size(); }
uint64_t BytesOf(const AppendOp& op) { return op.key.size() + op.bytes.size(); }

}  // namespace

uint64_t OpBytes(const WriteOp& op) {
  return std::visit([](const auto& each) { return BytesOf(each); }, op);
}

uint64_t RequestBytes(const WriteRequest& request) {
  uint64_t bytes = 0;
  for (const WriteOp& op : request.ops) bytes += OpBytes(op);
  for (const Condition& condition : request.conditions) {
    bytes += condition.key.size() + condition.value.size();
  }
  return bytes;
}

std::optional<Refusal> Validate(const WriteRequest& request) {
  if (request.ops.empty()) return Invalid("the request has no operation: give at least one");
  const size_t parts = request.ops.size() + request.conditions.size();
  if (parts > kRequestOpsMax) {
    return Over("a request", parts, " operations and conditions", "request_ops_max", kRequestOpsMax,
                "split it into several requests");
  }
  if (request.keyspace == kSystemKeyspace) return Invalid("the system keyspace takes no writes");
  for (const Condition& condition : request.conditions) {
    if (std::optional<Refusal> refusal = CheckCondition(condition)) return refusal;
  }
  for (const WriteOp& op : request.ops) {
    const auto check = [](const auto& each) { return CheckOp(each); };
    if (std::optional<Refusal> refusal = std::visit(check, op)) return refusal;
  }
  if (const uint64_t bytes = RequestBytes(request); bytes > kRequestBytesMax) {
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
