// Faults of clocks: rates that change within the bound that leases count on, and wall clocks that
// jump by any amount.

#include "tests/sim/nemesis.h"

namespace baton::sim {

void ChangeClockRate(Cluster* cluster) {
  const int64_t max = cluster->plan().rate_ppm_max;
  if (max == 0) return;
  cluster->coverage().Add(Path::kClockChanged);
  Random& random = cluster->random();
  // The ends of the range are where a missing bound shows.
  const int64_t ppm = random.OneIn(2) ? (random.OneIn(2) ? max : -max) : random.Between(-max, max);
  cluster->AnyMachine().SetClockRate(ppm);
}

void JumpWallClock(Cluster* cluster) {
  cluster->coverage().Add(Path::kWallJumped);
  constexpr int64_t kDayUs = 86'400'000'000;
  cluster->AnyMachine().clock().SetWallOff(cluster->random().Between(-kDayUs, kDayUs));
}

}  // namespace baton::sim
