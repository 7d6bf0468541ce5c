// LogWindow: the log as this process knows it. For the whole kept log it knows each entry's id, as
// runs of equal born; for a suffix of it also the entries themselves.
//
//   base < ... ids only, on disk ... < first_cached() ... entries in memory ... <= last
//
// Every entry stored in this process's life stays in memory until it is on disk, a leader's own
// until it is chosen; then it stays while the cache has room. After a restart the log found on disk
// is known by ids only. The runs grow by one a reign, not by entry. A value; copying it copies
// pointers to entries.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class LogWindow {
 public:
  LogWindow() = default;
  // A log of which only the ids are known. REQUIRES: runs cover (base.slot, last], ascending.
  LogWindow(EntryId base, Slot last, std::vector<BornRun> runs);

  EntryId base() const { return base_; }  // last truncated entry; EntryId{} when none is
  EntryId last() const;
  Slot first_cached() const;  // last().slot.Next() when no entry is in memory

  // The id at `slot`. REQUIRES: base().slot <= slot <= last().slot.
  EntryId IdAt(Slot slot) const;
  // Whether this very entry is in the log, and with it everything before. The base counts.
  bool Holds(const EntryId& id) const;
  // The newest id of this log whose slot and born are both at most those of `bound`; base() when
  // there is none. Two logs that answer each other by it meet at their last common entry: see
  // findConflictByTerm in etcd-io/raft, log.go.
  EntryId NewestAtMost(const EntryId& bound) const;

  // The entry at `slot`, or null when its bytes are not in memory: then read it from disk.
  const Entry* Find(Slot slot) const;
  // Entries from `first` on, up to bytes_max of bytes but at least one; none when `first` is not in
  // memory.
  std::vector<Entry> Take(Slot first, uint64_t bytes_max) const;
  uint64_t cached_bytes() const { return cached_bytes_; }

  // REQUIRES: entry follows last(), its born is not below last().born, it has bytes.
  void Append(Entry entry);
  // Forgets everything at and above `first`. REQUIRES: base().slot < first <= last().slot.
  void CutFrom(Slot first);
  // Lets bytes of entries up to `upto` leave memory until the rest is within bytes_max.
  void Evict(Slot upto, uint64_t bytes_max);
  // Forgets everything up to `base`. REQUIRES: Holds(base).
  void TruncateTo(EntryId base);

  void Feed(Hasher* hasher) const;
  friend bool operator==(const LogWindow&, const LogWindow&) = default;

 private:
  EntryId base_;
  Slot last_;                  // base_.slot <= last_
  std::vector<BornRun> runs_;  // cover (base_.slot, last_]; first and born strictly ascending
  std::deque<Entry> cached_;   // slots (last_ - cached_.size(), last_]
  uint64_t cached_bytes_ = 0;  // sum of cached_'s sizes
};

}  // namespace baton::consensus
