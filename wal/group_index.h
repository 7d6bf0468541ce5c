// GroupIndex: where each entry of one group lies on disk, and in which ballots the entries were
// born. 12 bytes a slot.
//
// A plain value; its owner guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/types.h"

namespace baton::wal {

struct Location {
  uint32_t segment = 0;
  uint32_t offset = 0;  // of the frame
  uint32_t payload_bytes = 0;
  friend bool operator==(const Location&, const Location&) = default;
};

// No group lives to see a greater one; bytes that claim so are refused.
inline constexpr Slot kSlotMax{uint64_t{1} << 62};

class GroupIndex {
 public:
  // Voids everything at and above id.slot, then adds the entry. A slot above last + 1 is a gap:
  // what lay below it is forgotten and Complete() says so until the base passes the gap. REQUIRES:
  // base < id.slot <= kSlotMax. So for all slots given to an index.
  void AddEntry(const EntryId& id, const Location& location);

  // Forgets what lies at and below `base`; does nothing when `base` is not above the present one.
  void SetBase(const EntryId& base);

  // The log is empty after `base`.
  void BeginAt(const EntryId& base);

  // Entries up to `last` existed before the part of the log that is left; where, is not known.
  // REQUIRES: no entry and no base so far.
  void AssumeLast(Slot last);

  std::optional<Location> Find(Slot slot) const;

  const EntryId& base() const { return base_; }
  Slot last() const { return Slot{first_.value + locations_.size() - 1}; }
  bool empty() const { return first_.value == 1 && locations_.empty() && base_ == EntryId{}; }
  // Whether every slot in (base, last] has a location.
  bool Complete() const { return first_.value <= base_.slot.value + 1; }
  // Cover the slots that have a location, ascending.
  const std::vector<BornRun>& runs() const { return runs_; }

 private:
  EntryId base_;
  Slot first_{1};                   // > base_.slot unless Complete() is false
  std::deque<Location> locations_;  // of first_, first_ + 1, ...
  std::vector<BornRun> runs_;
};

}  // namespace baton::wal
