// Faults of the network between the nodes.

#include <algorithm>

#include "tests/sim/nemesis.h"

namespace baton::sim {
namespace {

constexpr int64_t kCutUsMin = 30'000;
constexpr int64_t kCutUsMax = 5'000'000;

int64_t CutTime(Cluster* cluster) { return cluster->random().Skewed(kCutUsMin, kCutUsMax); }

// A node, more often the leader than another.
uint32_t Victim(Cluster* cluster) {
  const uint32_t leader = cluster->Leader();
  if (leader != 0 && cluster->random().OneIn(2)) return leader;
  return cluster->AnyMachine().number();
}

}  // namespace

void CutFor(Cluster* cluster, uint32_t from, uint32_t to, int64_t us) {
  cluster->network().Cut(from, to, true);
  cluster->schedule().After(us, [cluster, from, to] { cluster->network().Cut(from, to, false); });
}

void ChangeWeather(Cluster* cluster) {
  Random& random = cluster->random();
  Weather& weather = cluster->network().weather();
  weather = Weather{};
  if (random.OneIn(3)) return;
  weather.delay_us_max = random.Skewed(200, 20'000);
  if (random.OneIn(2)) weather.drop = static_cast<double>(random.Between(1, 100)) / 1'000;
  if (random.OneIn(2)) weather.duplicate = static_cast<double>(random.Between(1, 100)) / 1'000;
  if (random.OneIn(2)) weather.late = static_cast<double>(random.Between(1, 100)) / 1'000;
  weather.late_us_max = random.Skewed(10'000, 2'000'000);
  weather.reorder = random.OneIn(2);
}

void IsolateNode(Cluster* cluster) {
  cluster->coverage().Add(Path::kIsolated);
  const uint32_t victim = Victim(cluster);
  const int64_t us = CutTime(cluster);
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    if (n == victim) continue;
    CutFor(cluster, n, victim, us);
    CutFor(cluster, victim, n, us);
  }
}

void CutOneWay(Cluster* cluster) {
  cluster->coverage().Add(Path::kOneWayCut);
  const uint32_t victim = Victim(cluster);
  const bool deaf = cluster->random().OneIn(2);  // else mute
  const bool all = cluster->random().OneIn(2);   // else one or more
  const int64_t us = CutTime(cluster);
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    if (n == victim || !(all || cluster->random().OneIn(2))) continue;
    CutFor(cluster, deaf ? n : victim, deaf ? victim : n, us);
  }
}

// One node sees the leader and another does not, though they see each other.
void CutBetweenTwo(Cluster* cluster) {
  const uint32_t one = Victim(cluster);
  const uint32_t other = cluster->AnyMachine().number();
  if (one == other) return;
  const int64_t us = CutTime(cluster);
  CutFor(cluster, one, other, us);
  CutFor(cluster, other, one, us);
}

void SplitInTwo(Cluster* cluster) {
  const int64_t us = CutTime(cluster);
  const uint64_t side = cluster->random().Next();
  for (uint32_t from = 1; from <= cluster->size(); ++from) {
    for (uint32_t to = 1; to <= cluster->size(); ++to) {
      if ((side >> from & 1) != (side >> to & 1)) CutFor(cluster, from, to, us);
    }
  }
}

void ClogLinks(Cluster* cluster) {
  const uint32_t victim = Victim(cluster);
  const bool both = cluster->random().OneIn(2);
  const int64_t us = cluster->random().Skewed(20'000, 2'000'000);
  Network& network = cluster->network();
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    if (n == victim || cluster->random().OneIn(3)) continue;
    const auto clog = [&](uint32_t from, uint32_t to) {
      network.Clog(from, to);
      cluster->schedule().After(us, [&network, from, to] { network.Unclog(from, to); });
    };
    clog(victim, n);
    if (both) clog(n, victim);
  }
}

}  // namespace baton::sim
