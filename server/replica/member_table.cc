#include "server/replica/member_table.h"

#include <algorithm>
#include <map>

#include "consensus/quorum.h"
#include "server/codec/membership_codec.h"

namespace baton::server {
namespace {

MemberInfo InfoOf(const consensus::Member& member) {
  // A card that cannot be read names nobody: the member counts all the same.
  const MemberCard card = DecodeCard(member.card).value_or(MemberCard{});
  return MemberInfo{member.node,         card.name,         card.directory,
                    card.client_address, card.peer_address, static_cast<uint32_t>(member.role)};
}

}  // namespace

const MemberInfo* Members::Find(NodeId node) const {
  for (const MemberInfo& member : all) {
    if (member.node == node) return &member;
  }
  return nullptr;
}

bool Members::Stays(NodeId node) const {
  return Find(node) != nullptr && std::find(leaving.begin(), leaving.end(), node) == leaving.end();
}

Members MembersOf(const consensus::Configurations& configurations) {
  Members members;
  members.epoch = configurations.newest().epoch;
  members.changing = !configurations.Settled();
  std::map<NodeId, MemberInfo> all;  // what a newer one says of a member stands
  for (const consensus::Configuration& each : configurations.all()) {
    for (const auto* side : {&each.membership.outgoing, &each.membership.members}) {
      for (const consensus::Member& member : *side) all[member.node] = InfoOf(member);
    }
  }
  for (auto& [node, info] : all) {
    members.all.push_back(std::move(info));
    const bool stays = consensus::FindMember(configurations.newest(), node) != nullptr;
    if (!stays) members.leaving.push_back(node);
  }
  return members;
}

std::optional<LeaderHint> MemberTable::Hint(std::optional<NodeId> node) const {
  if (!node) return std::nullopt;
  const std::shared_ptr<const Members> members = Read();
  const MemberInfo* member = members->Find(*node);
  if (member == nullptr) return std::nullopt;
  return LeaderHint{member->name, member->client_address};
}

std::string MemberTable::NameOf(NodeId node) const {
  const std::shared_ptr<const Members> members = Read();
  const MemberInfo* member = members->Find(node);
  return member == nullptr ? "node " + std::to_string(node.value) : member->name;
}

}  // namespace baton::server
