// DurableTracker: which part of the log in memory is on this disk, from the ids of Persist actions.
//
// Persists complete in order. A cut forgets what the cut entries would have made durable, so that
// durable() never names an entry that has been replaced since. A value, free of threads.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/types.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class DurableTracker {
 public:
  DurableTracker() = default;
  explicit DurableTracker(Slot durable) : durable_(durable) {}

  // A Persist leaves, with hard state and with entries that end at `last`, if any. Returns its id.
  uint64_t Issue(bool hard_state, std::optional<Slot> last);
  // Entries at and above `first` are being replaced.
  void Cut(Slot first);
  // All ids up to this one are done; true when any of them wrote something. REQUIRES: it was
  // issued. Repeats are harmless.
  bool Done(uint64_t persist_id);

  Slot durable() const { return durable_; }
  bool IsDone(uint64_t persist_id) const { return persist_id <= done_; }
  bool idle() const { return done_ == issued_; }      // nothing is on its way to the disk
  bool writing() const { return !pending_.empty(); }  // something is that writes
  bool hard_state_durable() const { return IsDone(hard_state_id_); }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const DurableTracker&, const DurableTracker&) = default;

 private:
  struct Pending {
    uint64_t persist_id = 0;
    Slot last;  // durable, at least, once it is done; Slot{0} when it carries no entries
    friend bool operator==(const Pending&, const Pending&) = default;
  };

  Slot durable_;                 // <= the log's last
  uint64_t issued_ = 0;          // newest id given
  uint64_t done_ = 0;            // <= issued_
  uint64_t hard_state_id_ = 0;   // newest id that carried hard state, <= issued_
  std::deque<Pending> pending_;  // those that write; ids ascending, above done_
};

}  // namespace baton::consensus
