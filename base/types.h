// Identities and positions that every room of the house speaks of.
//
// Each is a distinct type with explicit conversions only, so that a slot cannot be passed where a
// ballot's round is meant. All are plain values: copy them freely, from any thread.
// The words are those of docs/glossary.md.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace baton {

// A node of the cluster. Given at formation or when the node is added, from 1, never reused.
struct NodeId {
  uint32_t value = 0;  // 0: no node
  friend constexpr auto operator<=>(NodeId, NodeId) = default;
};

// A replication group. A node serves one group (kFirstGroup) today; the id is in every entry and
// message so that several groups can share a log later.
struct GroupId {
  uint32_t value = 0;
  friend constexpr auto operator<=>(GroupId, GroupId) = default;
};
inline constexpr GroupId kFirstGroup{1};

// Position of an entry in the replicated log, from 1. Slot{0} is the position before the first.
struct Slot {
  uint64_t value = 0;
  friend constexpr auto operator<=>(Slot, Slot) = default;
  constexpr Slot Next() const { return Slot{value + 1}; }
  constexpr Slot Prev() const { return Slot{value - 1}; }  // REQUIRES: value > 0
};

// A totally ordered right to lead. Ballot{} is below every ballot that a node can hold.
struct Ballot {
  uint64_t round = 0;
  NodeId node;
  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

// Names one entry for ever: the ballot in which it was first proposed, and its slot. Two logs that
// hold an entry of the same id are equal up to it. Ordered as logs are ranked in phase 1: by born,
// then by slot. EntryId{} stands for the empty log's end.
struct EntryId {
  Ballot born;
  Slot slot;
  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

// A stretch of the log: entries from `first` on were born in `born`, up to the next run's first.
struct BornRun {
  Slot first;
  Ballot born;
  friend constexpr bool operator==(const BornRun&, const BornRun&) = default;
};

// Number of a write request within the group. Consecutive in a reign, jumping between reigns,
// never given twice. 0: none (a key that does not exist, a request without effects).
struct Revision {
  uint64_t value = 0;
  friend constexpr auto operator<=>(Revision, Revision) = default;
};

// Number of a membership configuration, from 1. 0: the node is unformed.
struct Epoch {
  uint64_t value = 0;
  friend constexpr auto operator<=>(Epoch, Epoch) = default;
};

// Leads every engine key. Never reused.
struct KeyspaceId {
  uint32_t value = 0;
  friend constexpr auto operator<=>(KeyspaceId, KeyspaceId) = default;
};
inline constexpr KeyspaceId kSystemKeyspace{0};   // catalogue, applied slot, reign history
inline constexpr KeyspaceId kDefaultKeyspace{1};  // "default": exists from the start

// Where an answer was computed: carried by every acknowledgement and read.
struct Position {
  uint64_t reign_round = 0;
  Slot slot;
  Revision revision;
  friend constexpr bool operator==(const Position&, const Position&) = default;
};

// A random 128-bit name: of a cluster, or of one life of a data directory. All zero: none.
struct Id128 {
  uint64_t high = 0;
  uint64_t low = 0;
  friend constexpr auto operator<=>(const Id128&, const Id128&) = default;
  constexpr bool IsZero() const { return high == 0 && low == 0; }
};

// 32 lower-case hexadecimal digits, high half first.
inline std::string ToString(const Id128& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (int i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(id.high >> (4 * i)) & 15];
    text[31 - i] = kDigits[(id.low >> (4 * i)) & 15];
  }
  return text;
}

inline std::string ToString(Slot slot) { return std::to_string(slot.value); }
// "round.node", as in every transcript, log line and status table.
inline std::string ToString(const Ballot& ballot) {
  return std::to_string(ballot.round) + "." + std::to_string(ballot.node.value);
}
// "slot@round.node".
inline std::string ToString(const EntryId& id) {
  return ToString(id.slot) + "@" + ToString(id.born);
}

}  // namespace baton
