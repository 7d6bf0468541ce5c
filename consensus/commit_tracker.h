// CommitTracker: what a quorum has accepted in one reign.
//
// A slot is chosen when a quorum has it durable in a log that matches this ballot's AND the reign's
// own Reign entry is covered: an entry of an older ballot is never counted by itself, since a
// leader of a ballot between may still replace it. A value, free of threads.
#pragma once

#include <algorithm>
#include <map>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class CommitTracker {
 public:
  explicit CommitTracker(Slot reign_slot) : reign_slot_(reign_slot) {}

  Slot reign_slot() const { return reign_slot_; }

  // `node` has everything up to `match` durable, as accepted at this reign's ballot.
  void Accepted(NodeId node, Slot match) {
    Slot& known = match_[node];
    known = std::max(known, match);
  }

  // Chosen up to here, as far as this reign tells; Slot{0} until the Reign entry is covered.
  Slot Chosen(const Configurations& configurations) const {
    const Slot reached = configurations.ReachedByQuorum(match_, Slot{});
    return reached < reign_slot_ ? Slot{} : reached;
  }

  void Feed(Hasher* hasher) const {
    hasher->Add(reign_slot_);
    hasher->Add(match_);
  }
  friend bool operator==(const CommitTracker&, const CommitTracker&) = default;

 private:
  Slot reign_slot_;
  std::map<NodeId, Slot> match_;  // by node, the leader included; never decreases
};

}  // namespace baton::consensus
