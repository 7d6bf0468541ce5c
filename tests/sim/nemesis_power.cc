// Faults of power: what was not synced is lost, or torn.

#include "tests/sim/nemesis.h"

namespace baton::sim {

void CutPower(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (!victim.up()) return;
  cluster->coverage().Add(Path::kPowerCut);
  victim.Die(Death::kPowerCut);
}

void CutPowerInMidWrite(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (victim.serving()) victim.CutPowerWithin(static_cast<int64_t>(cluster->random().Below(10)));
}

void CutPowerEverywhere(Cluster* cluster) {
  cluster->coverage().Add(Path::kPowerCutEverywhere);
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    if (cluster->machine(n).up()) cluster->machine(n).Die(Death::kPowerCut);
  }
}

}  // namespace baton::sim
