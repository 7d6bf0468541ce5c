#include "server/codec/membership_codec.h"

#include "base/check.h"

namespace baton::server {
namespace {

using consensus::Member;
using consensus::Membership;
using consensus::Role;

std::string ReadString(Decoder* from) {
  const std::string_view text = from->ReadString();
  if (text.size() > kCardBytesMax) from->Fail();
  return from->ok() ? std::string(text) : "";
}

bool ReadMember(Decoder* from, Member* member) {
  member->node = NodeId{from->ReadFixed32()};
  const uint8_t role = from->ReadByte();
  if (role < 1 || role > static_cast<uint8_t>(Role::kWitness)) return false;
  member->role = static_cast<Role>(role);
  member->card = ReadString(from);
  return from->ok();
}

bool ReadMembers(Decoder* from, std::vector<Member>* members) {
  const uint64_t count = from->ReadVarint();
  if (count > kMembersMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    Member member;
    if (!ReadMember(from, &member)) return false;
    if (!members->empty() && members->back().node >= member.node) return false;
    members->push_back(std::move(member));
  }
  return from->ok();
}

}  // namespace

std::string EncodeCard(const MemberCard& card) {
  std::string bytes;
  PutString(&bytes, card.name);
  PutId128(&bytes, card.directory);
  PutString(&bytes, card.client_address);
  PutString(&bytes, card.peer_address);
  BATON_CHECK(bytes.size() <= kCardBytesMax) << "a card of " << bytes.size() << " bytes";
  return bytes;
}

std::optional<MemberCard> DecodeCard(std::string_view bytes) {
  if (bytes.empty()) return MemberCard{};
  Decoder from(bytes);
  MemberCard card;
  card.name = ReadString(&from);
  card.directory = from.ReadId128();
  card.client_address = ReadString(&from);
  card.peer_address = ReadString(&from);
  if (!from.Done()) return std::nullopt;
  return card;
}

void PutMembership(std::string* to, const Membership& membership) {
  BATON_CHECK(membership.members.size() <= kMembersMax);
  BATON_CHECK(membership.outgoing.size() <= kMembersMax);
  PutFixed64(to, membership.epoch.value);
  for (const auto* members : {&membership.members, &membership.outgoing}) {
    PutVarint(to, members->size());
    for (const Member& member : *members) {
      PutFixed32(to, member.node.value);
      PutByte(to, static_cast<uint8_t>(member.role));
      PutString(to, member.card);
    }
  }
}

bool ReadMembership(Decoder* from, Membership* membership) {
  membership->epoch = Epoch{from->ReadFixed64()};
  return ReadMembers(from, &membership->members) && ReadMembers(from, &membership->outgoing);
}

}  // namespace baton::server
