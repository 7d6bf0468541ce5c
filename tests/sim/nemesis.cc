#include "tests/sim/nemesis.h"

#include <algorithm>

#include "base/check.h"

namespace baton::sim {
namespace {

void StrikeLater(Cluster* cluster, const Nemesis* nemesis, int64_t until_us) {
  const int64_t wait_us = cluster->random().Between(1, 2 * nemesis->every_us);
  if (cluster->now_us() + wait_us >= until_us) return;
  cluster->schedule().After(wait_us, [cluster, nemesis, until_us] {
    cluster->trace().Say(cluster->now_us(), 0, nemesis->name);
    nemesis->strike(cluster);
    StrikeLater(cluster, nemesis, until_us);
  });
}

}  // namespace

const std::vector<Nemesis>& AllNemeses() {
  static const std::vector<Nemesis> all = {
      {"weather", 1'500'000, ChangeWeather},
      {"isolate", 2'000'000, IsolateNode},
      {"one-way", 2'000'000, CutOneWay},
      {"between-two", 2'000'000, CutBetweenTwo},
      {"split", 3'000'000, SplitInTwo},
      {"clog", 1'500'000, ClogLinks},
      {"kill", 2'000'000, KillProcess},
      {"stop", 4'000'000, StopProcess},
      {"pause", 2'000'000, PauseProcess},
      {"slow-stage", 1'500'000, SlowStage},
      {"flush", 1'000'000, FlushEngine},
      {"power", 2'500'000, CutPower},
      {"mid-write", 2'500'000, CutPowerInMidWrite},
      {"blackout", 5'000'000, CutPowerEverywhere},
      {"bounce", 3'000'000, BounceFollowers},
      {"disk-full", 3'000'000, FillDisk},
      {"disk-stuck", 2'500'000, StickDisk},
      {"disk-slow", 2'000'000, SlowDisk},
      {"disk-fails", 3'000'000, FailDisk},
      {"damage", 2'000'000, DamageEntry},
      {"clock-rate", 1'000'000, ChangeClockRate},
      {"wall-clock", 2'000'000, JumpWallClock},
  };
  return all;
}

void Unleash(Cluster* cluster, int64_t until_us) {
  for (const std::string& name : cluster->plan().nemeses) {
    const auto found = std::find_if(AllNemeses().begin(), AllNemeses().end(),
                                    [&](const Nemesis& nemesis) { return nemesis.name == name; });
    BATON_CHECK(found != AllNemeses().end()) << "no nemesis " << name;
    StrikeLater(cluster, &*found, until_us);
  }
}

}  // namespace baton::sim
