#include "tests/sim/check_protocol.h"

#include <algorithm>
#include <utility>

namespace baton::sim {
namespace {

bool Believed(const EntryId&) { return true; }

}  // namespace

void CheckProtocol::Take(const std::string& broken) {
  if (!broken.empty()) cluster_->Violated("protocol: " + broken);
}

void CheckProtocol::Started(Machine& machine) {
  if (machine.core() == nullptr) return;
  if (!invariants_) invariants_.emplace(machine.core()->membership());
  looked_.erase(machine.number());
  Take(invariants_->Started(*machine.core()));
}

void CheckProtocol::Turned(Machine& machine, StageOf stage) {
  if (stage == StageOf::kLoop && machine.core() != nullptr) Look(machine);
}

void CheckProtocol::Died(Machine& machine) {
  if (machine.core() == nullptr) return;
  Look(machine);
  invariants_->Stopped(NodeId{machine.number()});
}

void CheckProtocol::Look(Machine& machine) {
  const consensus::Replica& core = *machine.core();
  const Looked now{core.promised(), core.commit(), core.durable(), core.log().last(),
                   core.standing()};
  const auto [found, fresh] = looked_.try_emplace(machine.number(), now);
  const Looked before = std::exchange(found->second, now);
  if (!fresh && before == now) return;
  if (before.standing == consensus::Standing::kLeader) {
    CountItsOwn(core, before.promised, before.last.slot);
  }
  Take(invariants_->AfterStep(core, Believed));
}

// In one turn a leader may count by the members in force, and then change them, or lead no more.
void CheckProtocol::CountItsOwn(const consensus::Replica& core, const Ballot& ballot, Slot last) {
  consensus::Accepted own;
  own.ballot = ballot;
  own.matched = true;
  own.match = std::min(core.durable(), last);
  // Before its disk has the Reign it need not have the promise either, and counts nothing.
  if (own.match <= core.log().base().slot || core.log().IdAt(own.match).born != own.ballot) return;
  Take(invariants_->Sent({.from = core.self(), .to = core.self(), .body = own}, Believed));
}

void CheckProtocol::Sent(const consensus::Message& message) {
  if (invariants_) Take(invariants_->Sent(message, Believed));
}

}  // namespace baton::sim
