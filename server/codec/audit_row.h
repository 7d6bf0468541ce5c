// AuditRow: one line of the audit: who or what asked for a change of leadership, members,
// keyspaces, orders or policy, when and why. The lines are chained: each has the hash of the one
// before it, so none can be changed, left out or put in without its successors telling. Values; any
// thread.
//
//   row    := version (u8 = 1) number (varint) previous (32 bytes) kind (u8) what (string)
//             object (string) node (varint) actor (string) reason (string) reign (ballot)
//             from (ballot) from slot (varint) slot (varint) log time (varint, us)
//             wall time (varint, us)
//   ballot := round (varint) node (varint)
//   hash   := SHA-256 of the row
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/types.h"

namespace baton::server {

inline constexpr uint8_t kAuditRowVersion = 1;
inline constexpr size_t kAuditHashBytes = 32;

enum class AuditKind : uint8_t {
  kReign = 1,     // object: the reign; what: ELECTED, HANDED_OVER, CAME_BACK (it was given up)
  kHandover = 2,  // object: its id; what: its state
  kMembers = 3,   // object: the epoch; what: CHANGED, RECOVERED
  kKeyspace = 4,  // object: its name; what: CREATED, ALTERED, DROPPED, with its mode
  kOrder = 5,   // what: BARRED, UNBARRED, HELD_DOWN, …; object: until when, or what is preferred
  kPolicy = 6,  // object: its version; what: PROPOSED, SHADOWED, UNSHADOWED, ACTIVATED, ROLLED_BACK
};

struct AuditRow {
  uint64_t number = 0;   // from 1, without gaps
  std::string previous;  // hash of the row before; of the first: zeros
  AuditKind kind = AuditKind::kReign;
  std::string what;
  std::string object;
  NodeId node;  // whom it is about; 0: no node
  std::string actor;
  std::string reason;
  Ballot reign;  // in which it was written; every reign up to it has its row before this one
  Ballot from;   // of kReign: the one before, and what it is known to have had durable
  Slot from_slot;
  Slot slot;  // of the entry that made the change
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
  friend bool operator==(const AuditRow&, const AuditRow&) = default;
};
std::string AuditRowSuffix(uint64_t number);  // big-endian: rows sort by number
std::string EncodeAuditRow(const AuditRow& row);
// Errors: DATA_LOSS, or FAILED_PRECONDITION for a newer version.
absl::StatusOr<AuditRow> DecodeAuditRow(std::string_view bytes);
std::string_view NameOf(AuditKind kind);  // "REIGN"

// SHA-256, kAuditHashBytes long.
std::string AuditHash(std::string_view encoded_row);

}  // namespace baton::server
