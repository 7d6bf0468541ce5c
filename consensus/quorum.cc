#include "consensus/quorum.h"

namespace baton::consensus {
namespace {

size_t CountIn(const std::vector<NodeId>& voters, const std::set<NodeId>& nodes) {
  return static_cast<size_t>(std::count_if(voters.begin(), voters.end(),
                                           [&](NodeId node) { return nodes.contains(node); }));
}

bool IsMajority(const std::vector<NodeId>& voters, const std::set<NodeId>& nodes) {
  return CountIn(voters, nodes) >= MajorityOf(voters.size());
}

bool MajorityOutOfReach(const std::vector<NodeId>& voters, const std::set<NodeId>& refused) {
  return voters.size() - CountIn(voters, refused) < MajorityOf(voters.size());
}

}  // namespace

const Member* FindMember(const Membership& membership, NodeId node) {
  for (const Member& member : membership.members) {
    if (member.node == node) return &member;
  }
  return nullptr;
}

bool Votes(const Member& member) {
  return member.role == Role::kVoter || member.role == Role::kWitness;
}

bool MayLead(const Membership& membership, NodeId node) {
  const auto leads = [&](const Member& member) {
    return member.node == node && member.role == Role::kVoter;
  };
  return std::any_of(membership.members.begin(), membership.members.end(), leads) ||
         std::any_of(membership.outgoing.begin(), membership.outgoing.end(), leads);
}

std::vector<NodeId> VotersAmong(const std::vector<Member>& members) {
  std::vector<NodeId> voters;
  for (const Member& member : members) {
    if (Votes(member)) voters.push_back(member.node);
  }
  return voters;
}

bool IsQuorum(const Membership& membership, const std::set<NodeId>& nodes) {
  return IsMajority(VotersAmong(membership.members), nodes) &&
         (!membership.joint() || IsMajority(VotersAmong(membership.outgoing), nodes));
}

bool QuorumOutOfReach(const Membership& membership, const std::set<NodeId>& refused) {
  return MajorityOutOfReach(VotersAmong(membership.members), refused) ||
         (membership.joint() && MajorityOutOfReach(VotersAmong(membership.outgoing), refused));
}

}  // namespace baton::consensus
