// What a message must be to be looked at: its fields make sense together, whatever the state.
// Peers are authenticated, not trusted: one that fails is dropped, and nothing crashes.
#pragma once

#include <string>

#include "consensus/entry.h"
#include "consensus/message.h"

namespace baton::consensus {

// A round above this is malformed, so that counting up never wraps.
inline constexpr uint64_t kRoundMax = uint64_t{1} << 62;
inline constexpr int64_t kAgeUsMax = int64_t{1} << 52;
// Of a count of microseconds that begins at random, below 2^62.
inline constexpr int64_t kClockCountMax = (int64_t{1} << 62) + kAgeUsMax;
inline constexpr uint64_t kSlotMax = uint64_t{1} << 62;
inline constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 62;

// A ballot is spoken for by its own node: Canvass, Prepare, Fetch, Accept, Abdicate come from it.
// Whether it is a member is not asked: a log that is behind does not know. Entries are consecutive
// after `prev`, their borns never decrease and are not above the ballot, they have bytes, a Reign
// is that of its own born. A snapshot that is offered has some bytes, ends with an entry that
// follows `prev` and is not above the ballot, and brings a configuration in which somebody votes.
bool WellFormed(const Message& message);

// Why no entry may bring this membership; "" when one may. Somebody votes, each side is sorted with
// no node twice, and both together have at most kMembersMax nodes. A leader proposes no other.
std::string WhyMalformed(const Membership& membership);

}  // namespace baton::consensus
