#include "tests/sim/check_damage.h"

namespace baton::sim {

void CheckDamage::Started(Machine& machine) {
  const std::string node = "damage: node " + std::to_string(machine.number());
  const Slot damaged = machine.damaged();
  if (!machine.faulty()) {
    if (damaged > machine.core()->log().base().slot) {
      cluster_->Violated(node + " takes part with slot " + ToString(damaged) +
                         " damaged; its log: " + ToString(machine.core()->log().base()) + " to " +
                         ToString(machine.core()->log().last()));
    }
    return;
  }
  const server::NodeStatus status = machine.process()->Status();
  if (damaged == Slot{}) {
    cluster_->Violated(node + " stands as faulty without damage: " + status.reason);
  } else if (status.reason.find("slot " + ToString(damaged) + ":") == std::string::npos) {
    cluster_->Violated(node + " has slot " + ToString(damaged) +
                       " damaged and says: " + status.reason);
  }
  cluster_->coverage().Add(Path::kDamageFoundAtStart);
}

void CheckDamage::Sent(const consensus::Message& message) {
  if (!cluster_->machine(message.from.value).faulty()) return;
  cluster_->Violated("damage: the faulty node " + std::to_string(message.from.value) +
                     " takes part");
}

}  // namespace baton::sim
