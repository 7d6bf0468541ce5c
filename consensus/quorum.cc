#include "consensus/quorum.h"

namespace baton::consensus {
namespace {

const Member* Find(const Membership& membership, NodeId node) {
  for (const Member& member : membership.members) {
    if (member.node == node) return &member;
  }
  return nullptr;
}

size_t VotesAmong(const Membership& membership, const std::set<NodeId>& nodes) {
  return static_cast<size_t>(std::count_if(nodes.begin(), nodes.end(),
                                           [&](NodeId node) { return Votes(membership, node); }));
}

size_t Voters(const Membership& membership) {
  return static_cast<size_t>(
      std::count_if(membership.members.begin(), membership.members.end(),
                    [&](const Member& member) { return Votes(membership, member.node); }));
}

}  // namespace

bool IsMember(const Membership& membership, NodeId node) {
  return Find(membership, node) != nullptr;
}

bool Votes(const Membership& membership, NodeId node) {
  const Member* member = Find(membership, node);
  return member != nullptr && (member->role == Role::kVoter || member->role == Role::kWitness);
}

bool MayLead(const Membership& membership, NodeId node) {
  const Member* member = Find(membership, node);
  return member != nullptr && member->role == Role::kVoter;
}

size_t QuorumSize(const Membership& membership) { return Voters(membership) / 2 + 1; }

bool IsQuorum(const Membership& membership, const std::set<NodeId>& nodes) {
  return VotesAmong(membership, nodes) >= QuorumSize(membership);
}

bool QuorumOutOfReach(const Membership& membership, const std::set<NodeId>& refused) {
  return Voters(membership) - VotesAmong(membership, refused) < QuorumSize(membership);
}

uint32_t Rank(const Membership& membership, NodeId self, NodeId lapsed) {
  uint32_t before = 0;
  for (const Member& member : membership.members) {
    if (!MayLead(membership, member.node) || member.node == self) continue;
    if (member.node == lapsed) continue;
    if (self == lapsed || member.node < self) ++before;
  }
  return before;
}

}  // namespace baton::consensus
