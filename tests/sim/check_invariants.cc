#include "tests/sim/check_invariants.h"

#include <algorithm>

#include "consensus/quorum.h"

namespace baton::sim {

void CheckInvariants::Violated(const Machine& machine, const std::string& what) {
  cluster_->Violated("invariants: node " + std::to_string(machine.number()) + " " + what);
}

void CheckInvariants::Started(Machine& machine) {
  if (machine.core() == nullptr) return;
  const consensus::Replica& core = *machine.core();
  Node& node = nodes_[machine.number() - 1];
  if (core.promised() < node.promised) {
    return Violated(machine, "forgot its promise of " + ToString(node.promised));
  }
  // The newest that it had synced and that is chosen: chosen entries are never replaced.
  const consensus::LogWindow& log = core.log();
  Slot slot =
      std::min({std::max(node.durable, node.said), agreement_->newest(), Slot{node.born.size()}});
  for (; slot > node.base; slot = slot.Prev()) {
    const EntryId id{node.born[slot.value - 1], slot};
    if (agreement_->ChosenAt(slot) != id) continue;
    const bool kept = slot <= log.base().slot || log.Holds(id);
    if (!kept) Violated(machine, "lost " + ToString(id) + ", which it had synced");
    break;
  }
  node.raised = core.promised();
  node.said = Slot{};
  node.born.clear();
  node.replaced.clear();
  CheckOwn(machine);
}

// One that stops in order works on until it is gone.
void CheckInvariants::Died(Machine& machine) {
  if (machine.core() != nullptr) Follow(machine);
}

void CheckInvariants::Sent(const consensus::Message& message) {
  Node& node = nodes_[message.from.value - 1];
  if (const auto* prepare = std::get_if<consensus::Prepare>(&message.body)) {
    node.promised = std::max(node.promised, prepare->ballot);
  } else if (const auto* promise = std::get_if<consensus::Promise>(&message.body)) {
    node.promised = std::max(node.promised, promise->ballot);
  } else if (const auto* accepted = std::get_if<consensus::Accepted>(&message.body)) {
    if (accepted->ballot < node.promised) {
      Violated(cluster_->machine(message.from.value), "accepted in " + ToString(accepted->ballot) +
                                                          " after it promised " +
                                                          ToString(node.promised));
    }
    node.promised = std::max(node.promised, accepted->ballot);
    if (!accepted->matched) return;
    Slot said = accepted->match;
    for (const auto& [ballot, first] : node.replaced) {
      if (accepted->ballot < ballot) said = std::min(said, first.Prev());
    }
    node.said = std::max(node.said, said);
  }
}

void CheckInvariants::Turned(Machine& machine, StageOf stage) {
  if (machine.core() == nullptr) return;
  if (stage == StageOf::kLoop || stage == StageOf::kApplier) CheckOwn(machine);
  if (stage != StageOf::kLoop) return;
  CheckChosen(machine);
  NoteCounts(machine);
  CheckLeases(machine);
}

bool CheckInvariants::OnDisk(uint32_t n, const EntryId& id) const {
  const Node& node = nodes_[n - 1];
  if (id.slot <= node.base) return true;  // truncated: it was chosen
  const Slot durable = std::max(node.durable, node.said);
  return id.slot.value <= std::min<uint64_t>(durable.value, node.born.size()) &&
         node.born[id.slot.value - 1] == id.born;
}

// Takes over what the core's log has become.
void CheckInvariants::Follow(Machine& machine) {
  const consensus::LogWindow& log = machine.core()->log();
  Node& node = nodes_[machine.number() - 1];
  node.base = log.base().slot;
  node.durable = machine.core()->durable();
  const Slot last = log.last().slot;
  Slot same{std::min<uint64_t>(node.born.size(), last.value)};
  while (same > node.base && node.born[same.value - 1] != log.IdAt(same).born) same = same.Prev();
  if (same.value < node.born.size() && same >= node.base) {
    node.replaced.emplace_back(machine.core()->promised(), same.Next());
    node.said = std::min(node.said, same);
  }
  node.born.resize(last.value);
  for (Slot slot = std::max(same, node.base).Next(); slot <= last; slot = slot.Next()) {
    node.born[slot.value - 1] = log.IdAt(slot).born;
  }
}

void CheckInvariants::CheckChosen(Machine& machine) {
  const Slot commit = machine.core()->commit();
  if (commit <= chosen_) return;
  const EntryId id = machine.core()->log().IdAt(commit);
  std::set<NodeId> holders;
  for (uint32_t n = 1; n <= cluster_->size(); ++n) {
    if (OnDisk(n, id)) holders.insert(NodeId{n});
  }
  const std::vector<consensus::Membership> counted = MayHaveCounted(machine);
  if (std::none_of(counted.begin(), counted.end(), [&](const consensus::Membership& each) {
        return consensus::IsQuorum(each, holders);
      })) {
    return Violated(machine, "committed " + ToString(id) + ", which is on the disks of " +
                                 std::to_string(holders.size()) + " nodes: no quorum of epoch " +
                                 std::to_string(counted.back().epoch.value));
  }
  chosen_ = commit;
}

// By which the entry that was chosen in this turn may have been counted: by one alone, unless the
// members changed in this very turn, or another node counted.
std::vector<consensus::Membership> CheckInvariants::MayHaveCounted(Machine& machine) const {
  const consensus::Configurations& now = machine.core()->configurations();
  const Node& node = nodes_[machine.number() - 1];
  const bool led = node.reign == machine.core()->promised();
  if (led && node.counts == now.newest()) return {node.counts};
  std::vector<consensus::Membership> all;
  if (led) all.push_back(node.counts);
  for (const consensus::Configuration& each : now.all()) all.push_back(each.membership);
  return all;
}

void CheckInvariants::NoteCounts(Machine& machine) {
  Node& node = nodes_[machine.number() - 1];
  if (machine.core()->standing() != consensus::Standing::kLeader) {
    node.reign = Ballot{};
    return;
  }
  node.reign = machine.core()->promised();
  const consensus::Membership& newest = machine.core()->configurations().newest();
  if (node.counts != newest) node.counts = newest;
}

void CheckInvariants::CheckOwn(Machine& machine) {
  Follow(machine);
  const consensus::Replica& core = *machine.core();
  Node& node = nodes_[machine.number() - 1];
  if (core.promised() < node.raised) Violated(machine, "lowered its promise");
  node.raised = core.promised();
  const Slot last = core.log().last().slot;
  const Slot applied{machine.process()->metrics().applied_slot.Get()};
  if (core.commit() > last) Violated(machine, "has a commit slot above its last");
  if (core.durable() > last) Violated(machine, "has a durable slot above its last");
  if (applied > std::min(core.commit(), core.durable())) {
    Violated(machine, "applied slot " + ToString(applied) + ", committed " +
                          ToString(core.commit()) + ", durable " + ToString(core.durable()));
  }
}

void CheckInvariants::CheckLeases(Machine& machine) {
  const auto leads = [](Machine& one) {
    return one.core() != nullptr && one.core()->standing() == consensus::Standing::kLeader;
  };
  const auto leased = [](Machine& one) {
    return one.core()->LeaseEndUs() > one.clock().LeaseNowUs();
  };
  if (!leads(machine)) return;
  Node& node = nodes_[machine.number() - 1];
  if (!leased(machine)) {
    if (machine.core()->reign_open() && node.lease_ran_out != machine.core()->promised()) {
      node.lease_ran_out = machine.core()->promised();
      cluster_->coverage().Add(Path::kLeaseRanOut);
    }
    return;
  }
  for (uint32_t n = 1; n <= cluster_->size(); ++n) {
    Machine& other = cluster_->machine(n);
    if (n == machine.number() || !leads(other)) continue;
    if (leased(other)) Violated(machine, "and node " + std::to_string(n) + " both hold a lease");
    if (machine.core()->reign_open()) cluster_->coverage().Add(Path::kTwoLeaders);
  }
}

}  // namespace baton::sim
