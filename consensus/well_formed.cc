#include "consensus/well_formed.h"

#include <algorithm>
#include <functional>
#include <set>
#include <variant>

#include "consensus/lease.h"
#include "consensus/quorum.h"

namespace baton::consensus {
namespace {

// An age. Longer than any clock runs, and far from where sums of them wrap.
bool Sane(int64_t age_us) { return age_us >= 0 && age_us <= kAgeUsMax; }
bool Sane(const Ballot& ballot) { return ballot.round <= kRoundMax; }
bool Sane(const EntryId& id) { return Sane(id.born) && id.slot.value <= kSlotMax; }

bool Sane(const Membership& membership) { return WhyMalformed(membership).empty(); }

// Unlike that of an entry it may be the only one that its receiver then goes by.
bool Sane(const Configuration& configuration) {
  const Membership& membership = configuration.membership;
  return Sane(configuration.at) && Sane(membership) &&
         (!membership.joint() || !VotersAmong(membership.outgoing).empty());
}

bool Sane(const Entry& entry) {
  const auto* reign = std::get_if<Reign>(&entry.core);
  const auto* membership = std::get_if<Membership>(&entry.core);
  return Sane(entry.id) && entry.bytes != nullptr &&
         (reign == nullptr || reign->ballot == entry.id.born) &&
         (membership == nullptr || Sane(*membership));
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
  NodeId from;

  bool Speaks(const Ballot& ballot) const { return Sane(ballot) && ballot.node == from; }

  bool operator()(const Canvass& m) const { return Speaks(m.ballot) && Sane(m.last); }
  bool operator()(const CanvassReply& m) const { return Sane(m.promised); }
  bool operator()(const Prepare& m) const { return Speaks(m.ballot) && m.succeeds < m.ballot; }
  bool operator()(const Promise& m) const { return Sane(m.last) && m.last.born < m.ballot; }
  bool operator()(const Nack& m) const { return Sane(m.promised); }
  bool operator()(const Fetch& m) const { return Speaks(m.ballot) && Sane(m.prev); }
  bool operator()(const Fetched& m) const {
    return Sane(m.promised) && Sane(m.prev) && Sane(m.base) && Follow(m.prev, m.entries, m.ballot);
  }
  bool operator()(const Accept& m) const {
    return Speaks(m.ballot) && Sane(m.prev) && Follow(m.prev, m.entries, m.ballot) &&
           m.lease_us >= 0 && m.lease_us <= kLeaseUsMax && Sane(m.proof_age_us) &&
           Sane(m.quorum_age_us) && m.echo_us >= 0 && m.echo_us <= kClockCountMax &&
           m.data_floor.value <= kSlotMax && m.health.nodes.size() <= kMembersMax &&
           IsRankOrder(m.health.order);
  }
  bool operator()(const Accepted& m) const { return Sane(m.hint); }
  bool operator()(const Abdicate& m) const { return Speaks(m.ballot); }
  bool operator()(const TakeOver& m) const {
    return Speaks(m.ballot) && Sane(m.seal) && m.seal.born == m.ballot;
  }
  bool operator()(const SnapshotOffer& m) const {
    return Speaks(m.ballot) && Sane(m.prev) && Sane(m.last) && m.prev.slot.Next() == m.last.slot &&
           m.prev.born <= m.last.born && m.last.born <= m.ballot && m.entry != nullptr &&
           Sane(m.configuration) && m.configuration.at.born <= m.ballot &&
           m.bytes <= kSnapshotBytesMax;
  }
  bool operator()(const SnapshotPull& m) const { return m.position <= kSnapshotBytesMax; }
  bool operator()(const SnapshotChunk& m) const {
    return m.position <= kSnapshotBytesMax && m.bytes != nullptr && !m.bytes->empty();
  }
  bool operator()(const LossReport& m) const { return m.losses != nullptr && !m.losses->empty(); }
  bool operator()(const HandoverTalk& m) const { return m.word != nullptr && !m.word->empty(); }
  bool operator()(const AskSlot&) const { return true; }
  bool operator()(const TellSlot& m) const { return m.slot.value <= kSlotMax; }
};

}  // namespace

std::string WhyMalformed(const Membership& membership) {
  std::set<NodeId> nodes;
  for (const auto* side : {&membership.members, &membership.outgoing}) {
    NodeId before;
    for (const Member& member : *side) {
      const std::string name = "node " + std::to_string(member.node.value);
      if (member.node == before) return name + " is listed twice, or is none";
      if (member.node < before) return name + " is not in its place";
      before = member.node;
      nodes.insert(before);
    }
  }
  if (VotersAmong(membership.members).empty()) return "nobody would vote";
  if (nodes.size() <= kMembersMax) return "";
  return std::to_string(nodes.size()) + " nodes with those of before, " +
         std::to_string(kMembersMax) + " are allowed";
}

bool WellFormed(const Message& message) { return std::visit(Checker{message.from}, message.body); }

}  // namespace baton::consensus
