// Quorums: pure functions of a membership. Nothing else that decides counts votes; invariants.cc
// counts them anew, to judge this.
//
// A quorum is a majority of the members that vote; while the membership is joint it is a majority
// of those that voted before as well. Any two quorums of one membership share a node, and so do any
// two of memberships that follow each other. What is counted is asked node by node, and nothing is
// allocated for it. Any thread. REQUIRES: at most kMembersMax members on either side.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/check.h"
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

// What `of(node)` tells of each voter, in descending order up to the one that `nth` names by how
// many there are: that one, or `none` of nobody.
template <class T, class Of, class Nth>
T NthGreatest(const std::vector<Member>& members, const Of& of, const Nth& nth, T none) {
  BATON_CHECK(members.size() <= kMembersMax) << members.size() << " members";
  std::array<T, kMembersMax> values;
  size_t voters = 0;
  for (const Member& member : members) {
    if (Votes(member)) values[voters++] = of(member.node);
  }
  if (voters == 0) return none;
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(voters);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(nth(voters));
  std::nth_element(values.begin(), at, end, std::greater<>());
  return *at;
}

// The greatest value that a majority of the voters has reached: that of each is `of(node)`, or
// more.
template <class T, class Of>
T ReachedByMajority(const std::vector<Member>& members, const Of& of, T unheard) {
  return NthGreatest(
      members, of, [](size_t voters) { return MajorityOf(voters) - 1; }, unheard);
}

// The greatest value that a quorum has reached; `unheard` where nobody votes.
template <class T, std::invocable<NodeId> Of>
T ReachedByQuorum(const Membership& membership, const Of& of, T unheard) {
  const T reached = ReachedByMajority(membership.members, of, unheard);
  if (!membership.joint()) return reached;
  return std::min(reached, ReachedByMajority(membership.outgoing, of, unheard));
}
// The same of a table: a voter that is not in it counts as `unheard`.
template <class T>
T ReachedByQuorum(const Membership& membership, const std::map<NodeId, T>& reported, T unheard) {
  const auto of = [&](NodeId node) {
    const auto found = reported.find(node);
    return found == reported.end() ? unheard : found->second;
  };
  return ReachedByQuorum(membership, of, unheard);
}

// The greatest slot that in every majority of the voters some node holds up to; each holds up to
// `of(node)`. Every majority has one of any n + 1 - majority voters.
template <std::invocable<NodeId> Of>
Slot HeldInEveryMajority(const std::vector<Member>& members, const Of& of) {
  return NthGreatest(
      members, of, [](size_t voters) { return voters - MajorityOf(voters); }, Slot{});
}

// The same of quorums, and of majorities of either side alone: what a joint membership leads to, or
// is taken back to, needs no more than one of them.
template <std::invocable<NodeId> Of>
Slot HeldInEveryQuorum(const Membership& membership, const Of& of) {
  const Slot held = HeldInEveryMajority(membership.members, of);
  if (!membership.joint()) return held;
  return std::min(held, HeldInEveryMajority(membership.outgoing, of));
}

bool IsQuorum(const Membership& membership, const std::set<NodeId>& nodes);
// Once these have refused, those left make no quorum.
bool QuorumOutOfReach(const Membership& membership, const std::set<NodeId>& refused);

}  // namespace baton::consensus
