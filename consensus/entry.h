// The entry of the replicated log, as the core sees it: an id, a kind with its fields, and shared
// immutable bytes that it never looks into. Encoding is server/codec's.
//
// Values, free of threads. Copying an Entry copies pointers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"

namespace baton::consensus {

enum class Role : uint8_t { kVoter = 1, kLearner = 2, kWitness = 3 };

struct Member {
  NodeId node;
  Role role = Role::kVoter;
  std::string card;  // who it is and where it is met: the driver's, never looked into here
  friend bool operator==(const Member&, const Member&) = default;
};

// Of one membership, and of all that a leader reckons with together.
inline constexpr size_t kMembersMax = 64;

// One membership configuration, in force from the moment its entry is accepted.
struct Membership {
  Epoch epoch;
  std::vector<Member> members;  // sorted by node
  // Not empty: a change is under way. A quorum is then one of `members` and one of these, the
  // members that voted before; sorted by node. Either may lead until the change is done.
  std::vector<Member> outgoing;
  bool joint() const { return !outgoing.empty(); }
  friend bool operator==(const Membership&, const Membership&) = default;
};

// Why a ballot was taken.
enum class Cause : uint8_t { kElection = 1, kHandover = 2, kAborted = 3 };

// Opens a reign: the first entry of a ballot, over everything its leader adopted.
struct Reign {
  Ballot ballot;
  Cause cause = Cause::kElection;
  uint64_t handover = 0;     // id, when the cause is kHandover or kAborted
  Ballot predecessor;        // born of the entry before; Ballot{} in an empty log
  Slot predecessor_durable;  // last durable slot the predecessor's leader is known to have stated
  uint64_t policy_version = 0;  // by which its leader ranked then; 0: not known
  friend bool operator==(const Reign&, const Reign&) = default;
};

// Ends a reign that hands over. Nothing follows it within its reign; and who has accepted it there
// has promised SuccessorOf that reign by the same write.
struct Seal {
  uint64_t handover = 0;
  NodeId to;
  friend bool operator==(const Seal&, const Seal&) = default;
};

// The ballot in which `to` takes over.
inline Ballot SuccessorOf(const Ballot& sealed, const Seal& seal) {
  return Ballot{sealed.round + 1, seal.to};
}

// monostate: an entry of effects only.
using CorePart = std::variant<std::monostate, Reign, Seal, Membership>;

inline std::optional<Seal> SealIn(const CorePart& core) {
  const auto* seal = std::get_if<Seal>(&core);
  return seal == nullptr ? std::nullopt : std::optional(*seal);
}

struct Entry {
  EntryId id;
  CorePart core;
  std::shared_ptr<const std::string> bytes;  // the whole encoded entry; never null inside a message

  uint64_t size() const { return bytes ? bytes->size() : 0; }
  // By content: equal entries of two logs need not share bytes.
  friend bool operator==(const Entry& a, const Entry& b) {
    return a.id == b.id && a.core == b.core &&
           (a.bytes == b.bytes || (a.bytes && b.bytes && *a.bytes == *b.bytes));
  }
};

}  // namespace baton::consensus
