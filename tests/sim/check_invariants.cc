#include "tests/sim/check_invariants.h"

#include <algorithm>

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
  Slot slot = std::min(node.durable, agreement_->newest());
  for (; slot > node.log.base().slot; slot = slot.Prev()) {
    const EntryId id = node.log.IdAt(slot);
    if (agreement_->ChosenAt(slot) != id) continue;
    const bool kept = slot <= core.log().base().slot || core.log().Holds(id);
    if (!kept) Violated(machine, "lost " + ToString(id) + ", which it had synced");
    break;
  }
  node.raised = core.promised();
  node.said = Slot{};
  CheckOwn(machine);
}

void CheckInvariants::Died(Machine& machine) {
  if (machine.core() == nullptr) return;
  Node& node = nodes_[machine.number() - 1];
  node.durable = DurableOf(machine.number());
  node.log = machine.core()->log();
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
    if (accepted->matched) node.said = std::max(node.said, accepted->match);
  }
}

void CheckInvariants::Turned(Machine& machine, StageOf stage) {
  if (machine.core() == nullptr) return;
  if (stage == StageOf::kLoop) {
    CheckChosen(machine);
    CheckLeases(machine);
  }
  if (stage == StageOf::kLoop || stage == StageOf::kApplier) CheckOwn(machine);
}

Slot CheckInvariants::DurableOf(uint32_t n) {
  const Node& node = nodes_[n - 1];
  const consensus::Replica* core = cluster_->machine(n).core();
  if (core == nullptr) return node.durable;
  return std::min(std::max(core->durable(), node.said), core->log().last().slot);
}

bool CheckInvariants::OnDisk(uint32_t n, const EntryId& id) {
  const consensus::Replica* core = cluster_->machine(n).core();
  const consensus::LogWindow& log = core != nullptr ? core->log() : nodes_[n - 1].log;
  if (id.slot <= log.base().slot) return true;  // truncated: it was chosen
  return id.slot <= DurableOf(n) && log.IdAt(id.slot) == id;
}

void CheckInvariants::CheckChosen(Machine& machine) {
  const Slot commit = machine.core()->commit();
  if (commit <= chosen_) return;
  const EntryId id = machine.core()->log().IdAt(commit);
  uint32_t holders = 0;
  for (uint32_t n = 1; n <= cluster_->size(); ++n) {
    holders += cluster_->Votes(n) && OnDisk(n, id);
  }
  if (holders < cluster_->quorum()) {
    return Violated(machine, "committed " + ToString(id) + ", which is on the disks of " +
                                 std::to_string(holders) + " of " +
                                 std::to_string(cluster_->voters()) + " voters");
  }
  chosen_ = commit;
}

void CheckInvariants::CheckOwn(Machine& machine) {
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
