// What goes into the log and what recovery brings back: the values of wal/wal.h.
//
// Plain values. Copying an EntryRecord copies a pointer, never the bytes. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"

namespace baton::wal {

// Whose log this is. Written into every segment; another identity is refused with the reason.
struct Identity {
  Id128 cluster;
  NodeId node;
  Id128 directory;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// An entry. It voids every earlier entry of its group at and above its slot.
// REQUIRES: base < id.slot <= last + 1, where `last` is the group's last slot so far, or its base.
// (A group that begins elsewhere than at slot 1 writes a BaseRecord first.)
struct EntryRecord {
  GroupId group;
  EntryId id;
  std::shared_ptr<const std::string>
      bytes;  // the last 8 are the XXH3-64 of the rest, little-endian
};

// The group's state; the newest one counts and is restated in each new segment.
struct StateRecord {
  GroupId group;
  std::string bytes;
};

// Everything at or below `base` may be forgotten. A base above the last entry empties the log; one
// below an earlier base changes nothing. With `anew` the log is empty after `base`, whatever it
// held: a snapshot takes its place.
struct BaseRecord {
  GroupId group;
  EntryId base;
  bool anew = false;
};

using Record = std::variant<EntryRecord, StateRecord, BaseRecord>;

// What recovery found of one group.
struct RecoveredGroup {
  GroupId group;
  std::string state;  // empty: none was written
  EntryId base;
  Slot last;                  // base.slot when there is no entry
  std::vector<BornRun> runs;  // cover (base.slot, last], ascending
};

// Damage below the last offset known to be synced: not a torn tail. The log must not be trusted.
struct Fault {
  GroupId group;
  Slot slot;         // the first entry that cannot be trusted; Slot{0} when no entry can be named
  std::string what;  // segment, offset and what is wrong with it, for people
};

struct Recovery {
  std::vector<RecoveredGroup> groups;  // ascending by group
  std::optional<Fault> fault;
  uint64_t torn_bytes = 0;  // recognized as this log's own and cut from the tail
};

}  // namespace baton::wal
