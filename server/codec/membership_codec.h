// Memberships as bytes: inside a Membership entry, and in the hard state. docs/entry-format.md
// gives the grammar. A member's card, opaque to consensus, is read and written here too. Functions,
// any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/types.h"
#include "consensus/entry.h"

namespace baton::server {

inline constexpr uint32_t kMembersMax = 64;       // of one membership
inline constexpr uint32_t kCardBytesMax = 4'096;  // of one member

// Who a member is and where it is met.
struct MemberCard {
  std::string name;
  Id128 directory;
  std::string client_address;
  std::string peer_address;
  friend bool operator==(const MemberCard&, const MemberCard&) = default;
};

// REQUIRES: the card has at most kCardBytesMax bytes.
std::string EncodeCard(const MemberCard& card);
// nullopt: it cannot be read. An empty one is a card without names and addresses.
std::optional<MemberCard> DecodeCard(std::string_view bytes);

// REQUIRES: at most kMembersMax members and as many outgoing.
void PutMembership(std::string* to, const consensus::Membership& membership);
// False: what follows is no membership.
bool ReadMembership(Decoder* from, consensus::Membership* membership);

}  // namespace baton::server
