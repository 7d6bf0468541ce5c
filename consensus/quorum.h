// Quorums: pure functions of a membership. Nothing else in consensus/ counts votes.
//
// A quorum is a majority of the members that vote; while the membership is joint it is a majority
// of those that voted before as well. Any two quorums of one membership share a node, and so do any
// two of memberships that follow each other. Any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"

namespace baton::consensus {

const Member* FindMember(const Membership& membership, NodeId node);
bool Votes(const Member& member);  // promises and accepts count: not a learner's
// A voter that holds data, or was one when the change under way began: it may be the only one that
// knows of the change.
bool MayLead(const Membership& membership, NodeId node);
std::vector<NodeId> VotersAmong(const std::vector<Member>& members);

constexpr size_t MajorityOf(size_t voters) { return voters / 2 + 1; }

// The greatest value that a majority of `voters` has reached: reported by each, or passed. A voter
// that reported nothing counts as `unheard`.
template <class T>
T ReachedByMajority(const std::vector<NodeId>& voters, const std::map<NodeId, T>& reported,
                    T unheard) {
  if (voters.empty()) return unheard;
  std::vector<T> values;
  for (NodeId node : voters) {
    const auto found = reported.find(node);
    values.push_back(found == reported.end() ? unheard : found->second);
  }
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(MajorityOf(voters.size()) - 1);
  std::nth_element(values.begin(), nth, values.end(), std::greater<>());
  return *nth;
}

// The greatest value that a quorum has reached.
template <class T>
T ReachedByQuorum(const Membership& membership, const std::map<NodeId, T>& reported, T unheard) {
  const T reached = ReachedByMajority(VotersAmong(membership.members), reported, unheard);
  if (!membership.joint()) return reached;
  return std::min(reached, ReachedByMajority(VotersAmong(membership.outgoing), reported, unheard));
}

// The greatest slot that in every quorum some node holds, when `held` says who holds how much.
Slot HeldInEveryQuorum(const Membership& membership, const std::map<NodeId, Slot>& held);

bool IsQuorum(const Membership& membership, const std::set<NodeId>& nodes);
// Once these have refused, those left make no quorum.
bool QuorumOutOfReach(const Membership& membership, const std::set<NodeId>& refused);

}  // namespace baton::consensus
