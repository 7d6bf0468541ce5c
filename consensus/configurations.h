// Configurations: the memberships that a node must reckon with, as its log tells.
//
//   [0] chosen ......... the front; what is older is forgotten
//   [1] not known to be chosen; there is one at most
//
// A membership is in force from the moment its entry is in the log: the last one here is that by
// which every quorum is counted, chosen or not. One is proposed only when the one before it is
// chosen, so an entry that brings one tells that too; and any two that follow each other have a
// node in common in each two of their quorums. The front is what a cut of the log falls back to.
// They are part of the hard state, written with the entries they come from, and survive truncation.
// Epochs ascend; an entry of an epoch that is not newer (a member that was added later reads the
// log of before its time) changes nothing. A value, free of threads.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"
#include "consensus/hasher.h"
#include "consensus/quorum.h"

namespace baton::consensus {

// A membership, and the entry it came with; EntryId{} when it was given before the log began.
struct Configuration {
  EntryId at;
  Membership membership;
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

class Configurations {
 public:
  Configurations() = default;
  // Keeps the last two. REQUIRES: not empty; at.slot and epochs strictly ascending.
  explicit Configurations(std::vector<Configuration> all);

  const std::vector<Configuration>& all() const { return all_; }
  const Membership& newest() const { return all_.back().membership; }  // in force
  // No change is under way: the newest is chosen and not joint.
  bool Settled() const { return all_.size() == 1 && !newest().joint(); }

  // Takes note of an entry that was added to the log. True when that changed anything.
  bool Appended(const Entry& entry);
  // The log was cut from `first` on. True when that changed anything.
  bool CutFrom(Slot first);
  // Everything up to `commit` is chosen: forgets what is older than the newest chosen one.
  void Chosen(Slot commit);

  // By any of the configurations.
  bool MayLead(NodeId node) const;
  std::set<NodeId> Members() const;
  std::set<NodeId> Voters() const;  // the outgoing too
  bool HasWitness() const;          // the outgoing too
  bool IsWitness(NodeId node) const;
  bool HasWitnessBeside(NodeId node) const;

  // Of the one in force.
  bool IsQuorum(const std::set<NodeId>& nodes) const;
  bool QuorumOutOfReach(const std::set<NodeId>& refused) const;
  template <class Reported, class T>
  T ReachedByQuorum(const Reported& reported, T unheard) const {
    return consensus::ReachedByQuorum(newest(), reported, unheard);
  }
  // Of each: whichever will be in force.
  template <class Of>
  Slot HeldInEveryQuorum(const Of& of) const {
    Slot held = consensus::HeldInEveryQuorum(all_.front().membership, of);
    for (size_t i = 1; i < all_.size(); ++i) {
      held = std::min(held, consensus::HeldInEveryQuorum(all_[i].membership, of));
    }
    return held;
  }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Configurations&, const Configurations&) = default;

 private:
  template <class Is>
  bool AnyMember(const Is& is) const;

  std::vector<Configuration> all_;  // one or two, once constructed from a list
};

}  // namespace baton::consensus
