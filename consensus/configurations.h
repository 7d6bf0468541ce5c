// Configurations: the memberships that a node must reckon with, from the last one it knows to be
// chosen to the end of its log.
//
//   [0] chosen ......... the front; what is older is forgotten
//   [1..] not known to be chosen, in the order of the log; the last one is in force
//
// A membership is in force from the moment its entry is in the log, so a quorum counts only if it
// is one of EVERY configuration here: whichever of them turns out to be chosen, it was asked. They
// are part of the hard state, written with the entries they come from, and survive truncation.
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
  // REQUIRES: not empty; at.slot and epochs strictly ascending.
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
  bool IsMember(NodeId node) const;
  bool MayLead(NodeId node) const;
  std::set<NodeId> Members() const;
  std::set<NodeId> Voters() const;  // the outgoing too

  // Of every configuration.
  bool IsQuorum(const std::set<NodeId>& nodes) const;
  bool QuorumOutOfReach(const std::set<NodeId>& refused) const;
  template <class T>
  T ReachedByQuorum(const std::map<NodeId, T>& reported, T unheard) const {
    T reached = consensus::ReachedByQuorum(newest(), reported, unheard);
    for (const Configuration& each : all_) {
      reached = std::min(reached, consensus::ReachedByQuorum(each.membership, reported, unheard));
    }
    return reached;
  }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Configurations&, const Configurations&) = default;

 private:
  std::vector<Configuration> all_;  // never empty once constructed from a list
};

}  // namespace baton::consensus
