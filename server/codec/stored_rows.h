// What a node stores beside entries: its hard state, and the rows of the system keyspace that go
// with the core's entries. Each starts with a version byte. Functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "consensus/action.h"
#include "consensus/entry.h"

namespace baton::server {

inline constexpr uint8_t kHardStateVersion = 2;
inline constexpr uint8_t kReignRowVersion = 1;
inline constexpr uint8_t kMembersRowVersion = 1;

// The WAL's state record: version, round, node, longest lease, configurations.
std::string EncodeHardState(const consensus::HardState& state);
// One of version 1 has no configurations: the node still goes by its first. Errors: DATA_LOSS, or
// FAILED_PRECONDITION for a newer version.
absl::StatusOr<consensus::HardState> DecodeHardState(std::string_view bytes);

// Why and when a node came to lead: one row for each reign, never changed.
struct ReignRow {
  consensus::Reign reign;
  Slot slot;  // of its Reign entry
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
  int64_t candidacy_us = 0;  // on the winner's clock, from first standing to this entry
  friend bool operator==(const ReignRow&, const ReignRow&) = default;
};
// Nobody handed over: the leader before was lost, whatever its log ended in.
bool ByElection(const consensus::Reign& reign);
// Where it lies in the table of reigns: round and node big-endian, so that rows sort by ballot.
std::string ReignRowSuffix(const Ballot& ballot);
std::string EncodeReignRow(const ReignRow& row);
absl::StatusOr<ReignRow> DecodeReignRow(std::string_view bytes);

// Who changed the members, when and why: one row for each epoch after the first. The last step of a
// change has the actor and the reason of its first if one leader has made both.
struct MembersRow {
  consensus::Membership membership;
  Slot slot;  // of its entry
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
  std::string actor;
  std::string reason;
  friend bool operator==(const MembersRow&, const MembersRow&) = default;
};
std::string MembersRowSuffix(Epoch epoch);  // big-endian: rows sort by epoch
std::string EncodeMembersRow(const MembersRow& row);
absl::StatusOr<MembersRow> DecodeMembersRow(std::string_view bytes);

}  // namespace baton::server
