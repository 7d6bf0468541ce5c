#include "consensus/invariants.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/checksum.h"

namespace baton::consensus {
namespace {

std::string Broken(NodeId node, const std::string& what) {
  return "node " + std::to_string(node.value) + ": " + what;
}

// The greatest slot that more than half of the voters have accepted, and, while the membership is
// joint, more than half of those that voted before. Counted here anew, and not by the functions
// under test.
Slot Chosen(const std::vector<Member>& members, const std::map<NodeId, Slot>& accepted) {
  std::vector<Slot> slots;
  for (const Member& member : members) {
    if (member.role == Role::kLearner) continue;
    const auto found = accepted.find(member.node);
    slots.push_back(found == accepted.end() ? Slot{} : found->second);
  }
  std::sort(slots.begin(), slots.end());
  return slots.empty() ? Slot{} : slots[(slots.size() - 1) / 2];
}
Slot Chosen(const Membership& membership, const std::map<NodeId, Slot>& accepted) {
  const Slot now = Chosen(membership.members, accepted);
  return membership.outgoing.empty() ? now : std::min(now, Chosen(membership.outgoing, accepted));
}

template <class Map>
void FeedPairs(const Map& map, Hasher* hasher) {
  hasher->Add(uint64_t{map.size()});
  for (const auto& [key, value] : map) {
    hasher->Add(key);
    hasher->Add(value);
  }
}

}  // namespace

std::string Invariants::Started(const Replica& replica) {
  const NodeId node = replica.self();
  if (replica.promised() < promised_[node]) {
    return Broken(node, "forgot its promise " + ToString(promised_[node]));
  }
  if (replica.hard_state().longest_lease_us < granted_us_[node]) {
    return Broken(node, "forgot the longest lease that it granted before");
  }
  seen_[node] = Seen{replica.promised(), replica.commit(), Ballot{}, replica.log().last(),
                     replica.hard_state().longest_lease_us};
  if (std::string broken = CheckEntries(replica, replica.log().base().slot); !broken.empty()) {
    return broken;
  }
  // What an engine holds was chosen before this history began, or in it.
  for (Slot slot = replica.log().base().slot; slot <= replica.commit(); slot = slot.Next()) {
    const EntryId id = replica.log().IdAt(slot);
    const auto [known, fresh] = chosen_.try_emplace(slot, id);
    if (!fresh && known->second != id) return Broken(node, "applied " + ToString(id));
    if (fresh) newest_chosen_[Ballot{}] = id;
  }
  return "";
}

std::string Invariants::AfterStep(const Replica& replica, const Disk& disk) {
  const NodeId node = replica.self();
  const Seen before = seen_[node];
  Seen& now = seen_[node];
  now = Seen{replica.promised(), replica.commit(),
             replica.standing() == Standing::kLeader ? replica.promised() : Ballot{},
             replica.log().last(), replica.hard_state().longest_lease_us};
  if (now.promised < before.promised) return Broken(node, "its promise decreased");
  if (now.longest_lease_us < before.longest_lease_us) {
    return Broken(node, "forgot the longest lease that it granted");
  }
  if (now.commit < before.commit) return Broken(node, "its commit slot decreased");
  if (now.commit > now.last.slot) return Broken(node, "commit above its last");
  if (replica.durable() > now.last.slot) return Broken(node, "durable above its last");
  if (replica.durable() > replica.log().base().slot &&
      !disk(replica.log().IdAt(replica.durable()))) {
    return Broken(node, ToString(replica.log().IdAt(replica.durable())) + " is not on its disk");
  }
  const Slot above = std::max(before.commit, replica.log().base().slot);
  std::string broken = CheckEntries(replica, above);
  if (broken.empty()) broken = CheckLeader(replica, before);
  if (broken.empty()) broken = CheckConfigurations(replica);
  if (broken.empty()) broken = CheckCommit(replica, above);
  return broken;
}

// Same id, same prefix and same bytes; a born begins with its Reign; nothing follows its Seal.
std::string Invariants::CheckEntries(const Replica& replica, Slot above) {
  const LogWindow& log = replica.log();
  for (Slot slot = above.Next(); slot <= log.last().slot; slot = slot.Next()) {
    const EntryId id = log.IdAt(slot);
    const EntryId prev = log.IdAt(slot.Prev());
    const auto [known, fresh] = follows_.try_emplace(id, prev);
    if (!fresh && known->second != prev) {
      return Broken(replica.self(), ToString(id) + " follows " + ToString(prev) + ", elsewhere " +
                                        ToString(known->second));
    }
    EntryId& end = ends_.try_emplace(id.born, id).first->second;
    end = std::max(end, id);
    if (const Entry* entry = log.Find(slot)) {
      if (std::string broken = CheckEntry(*entry); !broken.empty()) {
        return Broken(replica.self(), broken);
      }
      const auto reign = reigns_.find(id.born);
      if (prev.born != id.born && (reign == reigns_.end() || reign->second != slot)) {
        return Broken(replica.self(), ToString(id) + " begins its reign and is no Reign");
      }
    }
    const auto seal = seals_.find(id.born);
    if (seal != seals_.end() && slot > seal->second.at.slot) {
      return Broken(replica.self(), ToString(id) + " follows the Seal of its reign");
    }
  }
  return "";
}

// The Reign after a Seal says what became of the handover, and no other does.
std::string Invariants::CheckCause(const Reign& reign, const EntryId& prev) const {
  const auto found = seals_.find(prev.born);
  const bool follows_seal = found != seals_.end() && found->second.at == prev;
  Cause cause = Cause::kElection;
  uint64_t handover = 0;
  if (follows_seal) {
    const Seal& seal = found->second.seal;
    cause = seal.to == reign.ballot.node ? Cause::kHandover : Cause::kAborted;
    handover = seal.handover;
  }
  return reign.cause == cause && reign.handover == handover
             ? ""
             : "the Reign of " + ToString(reign.ballot) + " tells a wrong cause";
}

std::string Invariants::CheckEntry(const Entry& entry) {
  const uint64_t content = Checksum(*entry.bytes);
  const auto [known, fresh] = contents_.try_emplace(entry.id, content);
  if (!fresh) return known->second == content ? "" : ToString(entry.id) + " has two contents";
  if (const auto* reign = std::get_if<Reign>(&entry.core)) {
    const bool first = reigns_.try_emplace(reign->ballot, entry.id.slot).second;
    if (!first) return "two Reigns of " + ToString(reign->ballot);
    if (reign->ballot != entry.id.born) return "a Reign born in " + ToString(entry.id.born);
    if (reign->predecessor != follows_[entry.id].born) return "a Reign over another predecessor";
    if (std::string broken = CheckCause(*reign, follows_[entry.id]); !broken.empty()) return broken;
  }
  if (const auto* membership = std::get_if<Membership>(&entry.core)) {
    if (std::string broken = CheckMembership(entry.id, *membership); !broken.empty()) return broken;
  }
  if (const auto* seal = std::get_if<Seal>(&entry.core)) {
    seals_.try_emplace(entry.id.born, Sealed{entry.id, *seal});
  }
  return "";
}

// Epochs follow each other; a change of voters goes through a joint membership, and any two that
// follow each other have a node in each two of their quorums.
std::string Invariants::CheckMembership(const EntryId& id, const Membership& membership) {
  memberships_.emplace(id, membership);
  const Membership before = ConfigurationsUpTo(follows_[id]).newest();
  const std::string name = "epoch " + std::to_string(membership.epoch.value);
  if (membership.epoch.value != before.epoch.value + 1) {
    return name + " follows epoch " + std::to_string(before.epoch.value);
  }
  if (before.joint()) {
    return membership.members == before.members && !membership.joint()
               ? ""
               : name + " does not end the change under way";
  }
  const std::vector<NodeId> voted = VotersAmong(before.members);
  if (VotersAmong(membership.members) == voted) return membership.joint() ? name + " is joint" : "";
  return VotersAmong(membership.outgoing) == voted ? "" : name + " changes the voters at once";
}

// What a node goes by is what its log says, entry by entry, above a chosen one.
std::string Invariants::CheckConfigurations(const Replica& replica) const {
  const std::vector<Configuration>& known = replica.configurations().all();
  const Configuration& front = known.front();
  // Given when the node joined, unless it came with an entry.
  const auto first = memberships_.find(front.at);
  if (first == memberships_.end() ? front.at != EntryId{} : first->second != front.membership) {
    return Broken(replica.self(),
                  "goes by members of " + ToString(front.at) + ", which are others");
  }
  if (front.at != EntryId{}) {
    const auto chosen = chosen_.find(front.at.slot);
    if (chosen == chosen_.end() || chosen->second != front.at) {
      return Broken(replica.self(), "holds the members of " + ToString(front.at) + " to be chosen");
    }
  }
  const LogWindow& log = replica.log();
  const Slot above = std::max(front.at.slot, log.base().slot);
  std::map<Slot, std::map<EntryId, Membership>::const_iterator> told;
  for (auto at = memberships_.begin(); at != memberships_.end(); ++at) {
    const bool newer = front.membership.epoch < at->second.epoch;
    if (at->first.slot > above && newer && log.Holds(at->first)) told.emplace(at->first.slot, at);
  }
  const bool same =
      std::equal(known.begin() + 1, known.end(), told.begin(), told.end(),
                 [](const Configuration& here, const auto& there) {
                   return here.at == there.second->first && here.membership == there.second->second;
                 });
  if (same) return "";
  const EntryId newest = told.empty() ? front.at : told.rbegin()->second->first;
  return Broken(replica.self(), "goes by the members of " + ToString(known.back().at) +
                                    ", its log says those of " + ToString(newest));
}

// Its Reign follows a chosen Seal that promises this very ballot.
bool Invariants::TakesOver(const Ballot& ballot) const {
  const auto reign = reigns_.find(ballot);
  if (reign == reigns_.end()) return true;  // it is to be proposed first
  const EntryId seal = follows_.at(EntryId{ballot, reign->second});
  const auto sealed = seals_.find(seal.born);
  const auto chosen = chosen_.find(seal.slot);
  return sealed != seals_.end() && sealed->second.at == seal && chosen != chosen_.end() &&
         chosen->second == seal && ballot == SuccessorOf(seal.born, sealed->second.seal);
}

std::string Invariants::CheckLeader(const Replica& replica, const Seen& before) {
  const NodeId node = replica.self();
  const LogWindow& log = replica.log();
  const Ballot ballot = replica.promised();
  if (replica.standing() != Standing::kLeader) {
    // In its last step as a leader it may have counted its own write.
    return before.leading == ballot ? Accepted(ballot, node, replica.durable()) : "";
  }
  if (ballot.node != node) return Broken(node, "leads in " + ToString(ballot));
  if (replica.MayPropose() && !replica.reign_open() && !TakesOver(ballot)) {
    return Broken(node,
                  "goes on behind the Reign of " + ToString(ballot) + ", which took nothing over");
  }
  if (before.leading == ballot) {
    if (!log.Holds(before.last)) return Broken(node, "overwrote its own " + ToString(before.last));
  } else if (!led_.insert(ballot).second) {
    return Broken(node, "begins " + ToString(ballot) + " a second time");
  } else if (!replica.configurations().MayLead(node)) {
    return Broken(node, "begins " + ToString(ballot) + ", and its log says that it may not lead");
  } else if (const auto later = newest_chosen_.lower_bound(ballot);
             later != newest_chosen_.begin() &&
             // Below the base is what was committed.
             log.base().slot <= std::prev(later)->second.slot &&
             !log.Holds(std::prev(later)->second)) {
    // What is chosen in a higher ballot need not be here: late promises may open a reign that can
    // choose nothing any more.
    return Broken(node, "leads " + ToString(ballot) + " without " +
                            ToString(std::prev(later)->second) + ", chosen before it");
  }
  return Accepted(ballot, node, replica.durable());
}

std::string Invariants::CheckCommit(const Replica& replica, Slot above) const {
  for (Slot slot = above.Next(); slot <= replica.commit(); slot = slot.Next()) {
    const EntryId id = replica.log().IdAt(slot);
    const auto found = chosen_.find(slot);
    if (found == chosen_.end()) {
      return Broken(replica.self(), "committed " + ToString(id) + ", which is not chosen");
    }
    if (found->second != id) {
      return Broken(replica.self(),
                    "committed " + ToString(id) + ", chosen is " + ToString(found->second));
    }
  }
  return "";
}

std::string Invariants::Sent(const Message& message, const Disk& disk) {
  Ballot& promised = promised_[message.from];
  if (const auto* prepare = std::get_if<Prepare>(&message.body)) {
    promised = std::max(promised, prepare->ballot);
  } else if (const auto* promise = std::get_if<Promise>(&message.body)) {
    if (promise->ballot < promised) {
      return Broken(message.from,
                    "promised " + ToString(promise->ballot) + " after " + ToString(promised));
    }
    promised = promise->ballot;
    if (std::string broken = CheckOwed(message.from, promise->ballot); !broken.empty()) {
      return broken;
    }
    if (promise->last != EntryId{} && !disk(promise->last)) {
      return Broken(message.from,
                    "promised with " + ToString(promise->last) + ", which is not on its disk");
    }
  } else if (const auto* accepted = std::get_if<consensus::Accepted>(&message.body)) {
    if (accepted->ballot < promised) {
      return Broken(message.from, "accepted in " + ToString(accepted->ballot) +
                                      " after promising " + ToString(promised));
    }
    promised = accepted->ballot;  // to accept is to have promised
    if (accepted->lease_granted) granted_us_[message.from] = seen_[message.from].longest_lease_us;
    std::string broken = CheckOwed(message.from, accepted->ballot);
    if (!broken.empty() || !accepted->matched) return broken;
    broken = CheckStated(message.from, accepted->ballot, accepted->match, disk);
    return broken.empty() ? Accepted(accepted->ballot, message.from, accepted->match) : broken;
  }
  return "";
}

// Who has said that it has the Seal of a ballot has promised the one that follows it, and takes
// part in none between the two.
std::string Invariants::CheckOwed(NodeId node, const Ballot& ballot) const {
  const auto owed = owed_.find(node);
  if (owed == owed_.end() || ballot <= owed->second) return "";
  const Ballot successor = SuccessorOf(owed->second, seals_.at(owed->second).seal);
  if (ballot >= successor) return "";
  return Broken(node, "takes part in " + ToString(ballot) + ", the Seal it has promises " +
                          ToString(successor));
}

// Up to `match` the disk has what the log of `ballot` has.
std::string Invariants::CheckStated(NodeId node, const Ballot& ballot, Slot match,
                                    const Disk& disk) const {
  const auto end = ends_.find(ballot);
  if (match == Slot{} || end == ends_.end()) return "";
  EntryId at = end->second;
  while (match < at.slot) {
    const auto before = follows_.find(at);
    if (before == follows_.end()) return "";  // truncated before this history began
    at = before->second;
  }
  if (at.slot == match && disk(at)) return "";
  return Broken(node, "stated in " + ToString(ballot) + " that it has slot " + ToString(match) +
                          ": " + ToString(at) + " is not on its disk");
}

std::string Invariants::Accepted(const Ballot& ballot, NodeId node, Slot match) {
  Slot& known = accepted_[ballot][node];
  known = std::max(known, match);
  const auto seal = seals_.find(ballot);
  if (seal != seals_.end() && match >= seal->second.at.slot) {
    owed_[node] = std::max(owed_[node], ballot);
  }
  const auto reign = reigns_.find(ballot);
  if (reign == reigns_.end()) return "";
  const Slot reached = Chosen(ConfigurationsUpTo(ends_.at(ballot)).newest(), accepted_[ballot]);
  if (reached < reign->second) return "";
  newest_chosen_[ballot] = EntryId{ballot, reached};
  return MarkChosen(EntryId{ballot, reached});
}

// From the newest in that log that is chosen to its end. A leader that has been overtaken may hold
// others than those that are chosen.
Configurations Invariants::ConfigurationsUpTo(EntryId end) const {
  const bool later = std::any_of(memberships_.begin(), memberships_.end(), [this](const auto& one) {
    return one.first.slot > configuration_.at.slot;
  });
  if (!later) return Configurations({configuration_});
  std::vector<Configuration> found;
  for (EntryId at = end;;) {
    const auto here = memberships_.find(at);
    if (here != memberships_.end()) found.push_back(Configuration{at, here->second});
    const auto chosen = chosen_.find(at.slot);
    if (here != memberships_.end() && chosen != chosen_.end() && chosen->second == at) break;
    const auto before = follows_.find(at);
    if (at == configuration_.at || before == follows_.end()) {
      // Where a log begins with a snapshot, what is below is chosen.
      const bool fits =
          found.empty() || (configuration_.at.slot < found.back().at.slot &&
                            configuration_.membership.epoch < found.back().membership.epoch);
      found.push_back(fits ? configuration_ : first_);
      break;
    }
    at = before->second;
  }
  std::reverse(found.begin(), found.end());
  return Configurations(std::move(found));
}

std::string Invariants::MarkChosen(const EntryId& id) {
  std::vector<EntryId> fresh;
  EntryId at = id;
  while (at.slot > chosen()) {
    fresh.push_back(at);
    const auto before = follows_.find(at);
    if (before == follows_.end()) return ToString(at) + " was accepted and never proposed";
    at = before->second;
  }
  const auto known = chosen_.find(at.slot);
  if (known != chosen_.end() && known->second != at) {
    return "chosen twice: " + ToString(known->second) + " and " + ToString(at);
  }
  for (const EntryId& entry : fresh) {
    chosen_.emplace(entry.slot, entry);
    const auto membership = memberships_.find(entry);
    if (membership != memberships_.end() && configuration_.at.slot < entry.slot) {
      configuration_ = Configuration{entry, membership->second};
    }
  }
  return "";
}

std::vector<Membership> Invariants::Possible(Epoch settled) const {
  std::vector<Membership> possible{configuration_.membership};
  for (const auto& [id, membership] : memberships_) {
    if (settled < membership.epoch) possible.push_back(membership);
  }
  return possible;
}

void Invariants::Feed(Hasher* hasher) const {
  Configurations({configuration_}).Feed(hasher);
  hasher->Add(uint64_t{memberships_.size()});
  for (const auto& [id, membership] : memberships_) {
    Configurations({Configuration{id, membership}}).Feed(hasher);
  }
  FeedPairs(ends_, hasher);
  hasher->Add(uint64_t{seen_.size()});
  for (const auto& [node, seen] : seen_) {
    hasher->Add(node);
    hasher->Add(seen.promised);
    hasher->Add(seen.commit);
    hasher->Add(seen.leading);
    hasher->Add(seen.last);
    hasher->AddTime(seen.longest_lease_us);
  }
  hasher->Add(promised_);
  hasher->Add(granted_us_);
  FeedPairs(follows_, hasher);
  FeedPairs(contents_, hasher);
  FeedPairs(reigns_, hasher);
  hasher->Add(uint64_t{seals_.size()});
  for (const auto& [ballot, sealed] : seals_) {
    hasher->Add(sealed.at);
    hasher->Add(sealed.seal.handover);
    hasher->Add(sealed.seal.to);
  }
  hasher->Add(owed_);
  hasher->Add(uint64_t{led_.size()});
  for (const Ballot& ballot : led_) hasher->Add(ballot);
  FeedPairs(accepted_, hasher);
  FeedPairs(chosen_, hasher);
  FeedPairs(newest_chosen_, hasher);
}

std::string Invariants::OneLease(const std::vector<Held>& replicas) {
  std::string holders;
  int count = 0;
  for (const Held& held : replicas) {
    if (held.replica->LeaseEndUs() <= held.now_us) continue;
    holders += " " + std::to_string(held.replica->self().value);
    ++count;
  }
  return count > 1 ? "leases run at nodes" + holders : "";
}

std::string Invariants::NothingDue(const Held& held) {
  if (held.replica->NextDeadlineUs() > held.now_us) return "";
  return "node " + std::to_string(held.replica->self().value) + ": a tick has left what was due";
}

}  // namespace baton::consensus
