// Policy: by what leaders are ranked, and the limits that go with moving leadership. Versions of it
// are rows of the system keyspace; one of them is in force, one more may be judged beside it on
// whatever happens, to see what it would have decided otherwise.
//
// Version 1 is built in, and has a row once another was activated. Values and pure functions, any
// thread.
//
//   row := version of the row (u8 = 1) version (varint) state (u8) before (varint)
//          since (varint, us) order (6 * u8) limits (varint) limit*
//          actor (string) reason (string)
//   limit := name (string) value (varint)
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "consensus/health.h"

namespace baton::server {

inline constexpr uint8_t kPolicyRowVersion = 1;
inline constexpr uint64_t kBuiltInPolicy = 1;

enum class PolicyLimit : uint8_t {
  kHandoverLag,
  kHandoverUnapplied,
  kHandoverClock,
  kHandoverWriteFactor,
  kHandoverWriteFloor,
  kFlapReign,
  kHoldDown,
  kHoldDownMax,
  kFlapsForgotten,
  kApproveCrossRegion,
  kApproveMovesPerHour,
  kApprovalWait,
};
struct PolicyLimitInfo {
  std::string_view name;
  std::string_view unit;
  uint64_t usual;
  uint64_t max;
  std::string_view what;
};
inline constexpr size_t kPolicyLimits = 12;
static_assert(static_cast<size_t>(PolicyLimit::kApprovalWait) + 1 == kPolicyLimits);
// By PolicyLimit.
const std::array<PolicyLimitInfo, kPolicyLimits>& PolicyLimitInfos();
inline constexpr uint64_t kMovesPerHourMax = 15;

struct Policy {
  Policy();  // the built-in one

  uint64_t operator[](PolicyLimit limit) const { return limits[static_cast<size_t>(limit)]; }
  int64_t Us(PolicyLimit limit) const;  // REQUIRES: a time; whatever its unit

  consensus::RankOrder order = consensus::kRankOrder;
  std::array<uint64_t, kPolicyLimits> limits;
  friend bool operator==(const Policy&, const Policy&) = default;
};

enum class PolicyState : uint8_t {
  kProposed = 1,
  kShadow = 2,   // judged beside the one in force
  kActive = 3,   // in force
  kRetired = 4,  // was in force
};
std::string_view NameOf(PolicyState state);  // "PROPOSED"

struct PolicyRow {
  uint64_t version = kBuiltInPolicy;
  PolicyState state = PolicyState::kActive;
  uint64_t before = 0;   // the version that was in force when this one came into force; 0: none
  int64_t since_us = 0;  // in this state, by the wall clock; 0: from the start
  Policy policy;
  std::string actor;  // of the last change of state
  std::string reason;
  friend bool operator==(const PolicyRow&, const PolicyRow&) = default;
};
std::string PolicyRowSuffix(uint64_t version);  // big-endian: rows sort by version
std::string EncodePolicyRow(const PolicyRow& row);
// Errors: DATA_LOSS, or FAILED_PRECONDITION for a newer version, or a limit that is not known here.
absl::StatusOr<PolicyRow> DecodePolicyRow(std::string_view bytes);

// All versions. One is always in force.
class Policies {
 public:
  Policies() { Put(PolicyRow{}); }

  const PolicyRow& Active() const;
  const PolicyRow* Shadow() const { return Only(PolicyState::kShadow); }  // null: none
  const PolicyRow* Find(uint64_t version) const;
  void Put(PolicyRow row);
  const std::map<uint64_t, PolicyRow>& rows() const { return rows_; }

 private:
  const PolicyRow* Only(PolicyState state) const;

  std::map<uint64_t, PolicyRow> rows_;
};

// What is asked for. Repeating one changes nothing.
struct PolicyRequest {
  enum class Change : uint8_t {
    kPropose = 1,   // a new version: `version` with that order and those limits instead
    kShadow = 2,    // judge `version` beside the one in force, in place of another
    kUnshadow = 3,  // no longer
    kActivate = 4,  // `version` is in force
    kRollBack = 5,  // `version`, which is in force, gives way to the one before it
  };
  Change change = Change::kPropose;
  uint64_t version = 0;                     // 0: the one in force
  std::vector<consensus::Criterion> order;  // empty: as it is
  std::vector<std::pair<PolicyLimit, uint64_t>> limits;
  std::string actor;
  std::string reason;
};
struct PolicyResult {
  PolicyRow row;           // that it is about, as it is now
  bool unchanged = false;  // it was so already: nothing is written
};

}  // namespace baton::server
