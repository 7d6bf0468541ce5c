// What the absl::Status of a failed Baton call says to a program.
//
// The code is chosen by who should retry: UNAVAILABLE (the same call again; but see
// kOutcomeUnknown), DEADLINE_EXCEEDED (surely no effect, if a write), RESOURCE_EXHAUSTED (later, or
// with less), FAILED_PRECONDITION and INVALID_ARGUMENT (change something first), CANCELLED (the
// client was destroyed). The message says what to change. Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "baton/options.h"

namespace baton {

// Why a call failed. The numbers are those of the wire (proto/baton/v1/common.proto).
enum class Reason : uint32_t {
  kUnspecified = 0,
  kNotLeader = 1,
  kNoLeader = 2,
  kOutcomeUnknown = 3,  // the write may or may not take effect; comes with UNAVAILABLE
  kOverloaded = 4,
  kLimitExceeded = 5,  // ErrorInfo::limit names the limit
  kKeyspaceUnknown = 6,
  kInvalidArgument = 7,
  kConditionNotMet = 8,
  kUnformed = 9,
  kClusterMismatch = 10,
  kLogFaulty = 11,
  kDiskFull = 12,
  kDeadline = 13,  // a read, or a write that surely has no effect
  kShuttingDown = 14,
  kForwardedTwice = 15,
  kNotSupported = 16,
  kFormedDifferently = 17,
  kPositionLost = 18,     // what was acknowledged at the position asked for is not in the log
  kTooStale = 19,         // the node's state is older than the read allows
  kMembersRefused = 20,   // surely no effect: these members cannot follow those of now
  kBudgetUsed = 22,       // surely no effect: the keyspace has its fill of unreplicated writes
  kKeyspaceRefused = 23,  // surely no effect: this change of keyspaces cannot be
  kSessionUnknown = 24,   // the session has ended
  kSessionTooOld = 25,    // the result of that number is not kept any more
  kFenced = 26,           // surely no effect: it was asked about before it came, or is lost
  kHandoverRefused = 27,  // surely no effect: another is under way, or the id was given to one
  kPolicyRefused = 28,    // surely no effect: the version is none, or is not such a policy
  kValueUnfit = 21,       // no effect: the value is no number, or its sum has over 64 bits
};

struct ErrorInfo {
  Reason reason = Reason::kUnspecified;
  std::string leader_name;     // empty: not known
  std::string leader_address;  // where clients reach it
  uint32_t retry_after_ms = 0;
  std::string limit;  // e.g. "value_bytes_max=1048576"
  // With kConditionNotMet: which of the call's conditions, from 0, and the revision at which the
  // key is; 0: there is no such key.
  uint32_t condition = 0;
  uint64_t found_revision = 0;
  // With kOutcomeUnknown: what Client::GetOutcome takes; 0 if the client is not `exactly_once`.
  uint64_t session = 0;
  uint64_t sequence = 0;
  // Of a write that was evaluated and rejected: the state that it was judged by, and how durable
  // that is; kDefault: it was not evaluated.
  Position position;
  Durability durability = Durability::kDefault;
};

// What Baton attached to `status`; nothing if the status is OK or not Baton's.
std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status);

// The reason alone; kUnspecified if there is none.
Reason GetReason(const absl::Status& status);

// "OUTCOME_UNKNOWN", "NO_LEADER", ...; "UNSPECIFIED" for a number this version does not know.
const char* ReasonName(Reason reason);

// Whether a write that failed with `status` may still take effect, or have done so.
inline bool IsOutcomeUnknown(const absl::Status& status) {
  return GetReason(status) == Reason::kOutcomeUnknown;
}

}  // namespace baton
