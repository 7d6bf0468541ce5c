// What a request may be: one place for all limits. server/rpc calls it before a request is queued,
// the evaluator relies on it. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/state/request.h"

namespace baton::engine {

// Why a request is refused, whole and for good.
struct Refusal {
  absl::Status status;  // INVALID_ARGUMENT; says what to change
  std::string limit;    // "value_bytes_max=1048576"; empty when no limit is at fault
};

// Of keys, values and bounds.
uint64_t OpBytes(const WriteOp& op);
uint64_t RequestBytes(const WriteRequest& request);
// nullopt: the request may be evaluated.
std::optional<Refusal> Validate(const WriteRequest& request);
// begin and end may be up to kKeyBytesMax + 1; begin <= end unless end is empty.
std::optional<Refusal> Validate(const ScanSpec& spec);
// The keys of one get: 1 to kRequestOpsMax.
std::optional<Refusal> ValidateKeys(absl::Span<const std::string> keys);

}  // namespace baton::engine
