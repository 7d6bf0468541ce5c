#include "consensus/well_formed.h"

#include <variant>

#include "consensus/lease.h"
#include "consensus/quorum.h"

namespace baton::consensus {
namespace {

bool Sane(const Ballot& ballot) { return ballot.round <= kRoundMax; }
bool Sane(const EntryId& id) { return Sane(id.born) && id.slot.value <= kSlotMax; }

// Membership entries arrive with the change of members; until then no leader proposes one.
bool Sane(const Entry& entry) {
  const auto* reign = std::get_if<Reign>(&entry.core);
  return Sane(entry.id) && entry.bytes != nullptr &&
         (reign == nullptr || reign->ballot == entry.id.born) &&
         !std::holds_alternative<Membership>(entry.core);
}

bool Follow(const EntryId& prev, const std::vector<Entry>& entries, const Ballot& born_max) {
  EntryId last = prev;
  for (const Entry& entry : entries) {
    if (!Sane(entry) || entry.id.slot != last.slot.Next() || entry.id.born < last.born)
      return false;
    last = entry.id;
  }
  return last.born <= born_max;
}

struct Checker {
  const Membership& membership;
  NodeId from;

  bool Speaks(const Ballot& ballot) const {
    return Sane(ballot) && ballot.node == from && MayLead(membership, from);
  }

  bool operator()(const Canvass& m) const { return Speaks(m.ballot) && Sane(m.last); }
  bool operator()(const CanvassReply& m) const { return Sane(m.promised); }
  bool operator()(const Prepare& m) const { return Speaks(m.ballot); }
  bool operator()(const Promise& m) const { return Sane(m.last) && m.last.born < m.ballot; }
  bool operator()(const Nack& m) const { return Sane(m.promised); }
  bool operator()(const Fetch& m) const { return Speaks(m.ballot) && Sane(m.prev); }
  bool operator()(const Fetched& m) const {
    return Sane(m.promised) && Sane(m.prev) && Sane(m.last) && Follow(m.prev, m.entries, m.ballot);
  }
  bool operator()(const Accept& m) const {
    return Speaks(m.ballot) && Sane(m.prev) && Follow(m.prev, m.entries, m.ballot) &&
           m.lease_us >= 0 && m.lease_us <= kLeaseUsMax;
  }
  bool operator()(const Accepted& m) const { return Sane(m.hint); }
  bool operator()(const Abdicate& m) const { return Speaks(m.ballot); }
};

}  // namespace

bool WellFormed(const Membership& membership, const Message& message) {
  return std::visit(Checker{membership, message.from}, message.body);
}

}  // namespace baton::consensus
