// What a message must be to be looked at: its fields make sense together, whatever the state.
// Peers are authenticated, not trusted: one that fails is dropped, and nothing crashes.
#pragma once

#include "consensus/entry.h"
#include "consensus/message.h"

namespace baton::consensus {

// A round above this is malformed, so that counting up never wraps.
inline constexpr uint64_t kRoundMax = uint64_t{1} << 62;
inline constexpr uint64_t kSlotMax = uint64_t{1} << 62;
inline constexpr size_t kMembersMax = 64;  // of one membership

// A ballot is spoken for by its own node: Canvass, Prepare, Fetch, Accept, Abdicate come from it.
// Whether it is a member is not asked: a log that is behind does not know. Entries are consecutive
// after `prev`, their borns never decrease and are not above the ballot, they have bytes, a Reign
// is that of its own born.
bool WellFormed(const Message& message);

}  // namespace baton::consensus
