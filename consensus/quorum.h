// Quorums: pure functions of a membership. Nothing else in consensus/ counts votes.
//
// A quorum is a majority of the members that vote; any two share a node. Any thread.
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

bool IsMember(const Membership& membership, NodeId node);
bool Votes(const Membership& membership,
           NodeId node);  // promises and accepts count: not a learner's
bool MayLead(const Membership& membership, NodeId node);  // a voter that holds data

size_t QuorumSize(const Membership& membership);
bool IsQuorum(const Membership& membership, const std::set<NodeId>& nodes);
// Once these have refused, those left make no quorum.
bool QuorumOutOfReach(const Membership& membership, const std::set<NodeId>& refused);

// The turn in which `self` stands when the lease of `lapsed` runs out: 0 first. By node id among
// those that may lead, without `lapsed`, which comes last.
uint32_t Rank(const Membership& membership, NodeId self, NodeId lapsed);

// The greatest value that a quorum has reached: reported by each of its nodes, or passed. A voter
// that reported nothing counts as `unheard`.
template <class T>
T ReachedByQuorum(const Membership& membership, const std::map<NodeId, T>& reported, T unheard) {
  std::vector<T> values;
  for (const Member& member : membership.members) {
    if (!Votes(membership, member.node)) continue;
    const auto found = reported.find(member.node);
    values.push_back(found == reported.end() ? unheard : found->second);
  }
  const size_t quorum = QuorumSize(membership);
  if (values.size() < quorum) return unheard;
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
  std::nth_element(values.begin(), nth, values.end(), std::greater<>());
  return *nth;
}

}  // namespace baton::consensus
