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

// The leader is cut off, and the others restart faster than its lease runs out: they must not have
// forgotten that they granted it.
void BounceFollowers(Cluster* cluster) {
  const uint32_t leader = cluster->Leader();
  if (leader == 0) return;
  cluster->coverage().Add(Path::kBounced);
  Random& random = cluster->random();
  const int64_t cut_us = random.Between(300'000, 2'000'000);
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    if (n == leader) continue;
    CutFor(cluster, n, leader, cut_us);
    CutFor(cluster, leader, n, cut_us);
    Machine& follower = cluster->machine(n);
    if (!follower.up() || random.OneIn(4)) continue;
    follower.Die(random.OneIn(2) ? Death::kKill : Death::kTornPowerCut);
    cluster->schedule().After(random.Between(1'000, 50'000), [cluster, &follower] {
      if (!follower.up()) cluster->Start(follower);
    });
  }
}

}  // namespace baton::sim
