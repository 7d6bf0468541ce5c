// Faults of power: what was not synced is lost, or torn.

#include "tests/sim/nemesis.h"

namespace baton::sim {
namespace {

void CutPowerOf(Cluster* cluster, Machine* victim) {
  if (!victim->up()) return;
  victim->Die(cluster->random().OneIn(4) ? Death::kPowerCut : Death::kTornPowerCut);
}

}  // namespace

void CutPower(Cluster* cluster) {
  cluster->coverage().Add(Path::kPowerCut);
  CutPowerOf(cluster, &cluster->AnyMachine());
}

void CutPowerInMidWrite(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (victim.serving()) victim.CutPowerWithin(static_cast<int64_t>(cluster->random().Below(10)));
}

void CutPowerEverywhere(Cluster* cluster) {
  cluster->coverage().Add(Path::kPowerCutEverywhere);
  for (uint32_t n = 1; n <= cluster->size(); ++n) CutPowerOf(cluster, &cluster->machine(n));
}

}  // namespace baton::sim
