#include "tests/sim/check_agreement.h"

#include "base/checksum.h"

namespace baton::sim {

void CheckAgreement::Started(Machine& machine) {
  if (machine.core() == nullptr) return;
  const Slot commit = machine.core()->commit();
  Compare(machine, machine.core()->log().base().slot.Next(), commit);
  seen_[machine.number() - 1] = commit;
}

void CheckAgreement::Turned(Machine& machine, StageOf stage) {
  if (stage != StageOf::kLoop || machine.core() == nullptr) return;
  Slot& seen = seen_[machine.number() - 1];
  const Slot commit = machine.core()->commit();
  if (commit == seen) return;
  if (commit < seen) {
    return cluster_->Violated("agreement: the commit slot of node " +
                              std::to_string(machine.number()) + " went back to " +
                              ToString(commit));
  }
  Compare(machine, seen.Next(), commit);
  seen = commit;
}

void CheckAgreement::Compare(Machine& machine, Slot first, Slot last) {
  const consensus::LogWindow& log = machine.core()->log();
  if (chosen_.size() < last.value) chosen_.resize(last.value);
  for (Slot slot = std::max(first, log.base().slot); slot <= last; slot = slot.Next()) {
    if (slot == Slot{}) continue;
    const EntryId id = log.IdAt(slot);
    Chosen& chosen = chosen_[slot.value - 1];
    if (chosen.id == EntryId{}) chosen.id = id;
    if (chosen.id != id) {
      return cluster_->Violated("agreement: node " + std::to_string(machine.number()) +
                                " committed " + ToString(id) + ", another " + ToString(chosen.id));
    }
    const consensus::Entry* entry = log.Find(slot);
    if (entry == nullptr) continue;
    const uint64_t content = Checksum(*entry->bytes);
    if (chosen.content == 0) chosen.content = content;
    if (chosen.content != content) {
      return cluster_->Violated("agreement: " + ToString(id) + " has other bytes at node " +
                                std::to_string(machine.number()));
    }
  }
}

}  // namespace baton::sim
