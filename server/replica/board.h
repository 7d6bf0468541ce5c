// Board: what the loop publishes of the core, as one value, for whoever answers beside it.
//
// The loop alone writes. Order matters: it publishes a commit slot before the answers and the
// applied state that follow from it can be seen, and the end of a reign before any action that
// lets another node lead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/mutex.h"
#include "base/types.h"
#include "consensus/replica.h"

namespace baton::server {

struct Published {
  consensus::Standing standing = consensus::Standing::kFollower;
  bool open = false;  // leads, its reign's entry is chosen and applied: requests are served
  bool stopping = false;
  Ballot ballot;  // promised; the reign's own while it is open
  std::optional<NodeId> leader;
  std::optional<NodeId> ask;  // whom clients are sent to: the leader, or who is about to be
  bool expecting = false;     // this node is about to lead: it keeps what comes
  Slot durable;
  EntryId last;              // of the log
  Slot commit;               // a linearizable read by lease reads here
  int64_t lease_end_us = 0;  // lease clock; a read that ended before it needs no quorum
  // Slots [reign_first, commit] were written by the reign of this round; reign_first <= commit + 1.
  uint64_t reign_round = 0;
  Slot reign_first;
  // The state as applied now has what was committed then, by the lease clock; 0: not known.
  int64_t fresh_as_of_us = 0;

  // Whether a read that has seen the state up to this board's commit may be answered at `now_us`.
  bool Leased(int64_t now_us) const { return open && now_us < lease_end_us; }
  // The round of the reign that wrote `slot`; 0: not known here. A slot's round never changes.
  uint64_t RoundOf(Slot slot) const {
    return reign_first <= slot && slot <= commit ? reign_round : 0;
  }
  // Whether the same reign is still open: what was read through its overlay was whole.
  bool SameReign(const Published& before) const {
    return open && before.open && ballot == before.ballot;
  }
};

class Board {
 public:
  void Publish(const Published& value) {
    MutexLock lock(&mutex_);
    value_ = value;
  }
  Published Read() const {
    MutexLock lock(&mutex_);
    return value_;
  }

  // How the nodes are, as the leader that is heard, or this node, has told last.
  void SetHealth(const consensus::HealthTable& table) {
    MutexLock lock(&mutex_);
    health_ = table;
  }
  consensus::HealthTable Health() const {
    MutexLock lock(&mutex_);
    return health_;
  }

  // Of a member: durable there and equal to the leader's log, as far as the leader knows. Those of
  // former members stay; their ids are never given again.
  void SetMatch(NodeId node, Slot match) {
    MutexLock lock(&mutex_);
    matches_[node] = match;
  }
  Slot Match(NodeId node) const {
    MutexLock lock(&mutex_);
    const auto found = matches_.find(node);
    return found == matches_.end() ? Slot{} : found->second;
  }

 private:
  mutable Mutex mutex_;
  Published value_ BATON_GUARDED_BY(mutex_);
  consensus::HealthTable health_ BATON_GUARDED_BY(mutex_);
  std::map<NodeId, Slot> matches_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::server
