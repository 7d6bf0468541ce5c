// Nemesis: one kind of fault. It strikes again and again while there is chaos, and undoes each
// strike after a while by itself; healing (Cluster::HealNode, HealLinks) undoes what is left.
//
// A new kind is a file with its strike and a row in the table of nemesis.cc. Strikes take all that
// they draw from the cluster's Random, and nothing from elsewhere.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/sim/cluster.h"

namespace baton::sim {

struct Nemesis {
  std::string_view name;
  int64_t every_us;  // between two strikes, on average
  void (*strike)(Cluster* cluster);
};

const std::vector<Nemesis>& AllNemeses();

// Lets the nemeses of the plan strike until `until_us`.
void Unleash(Cluster* cluster, int64_t until_us);

// Cuts one direction for a while.
void CutFor(Cluster* cluster, uint32_t from, uint32_t to, int64_t us);

// nemesis_network.cc
void ChangeWeather(Cluster* cluster);
void IsolateNode(Cluster* cluster);
void CutOneWay(Cluster* cluster);
void CutBetweenTwo(Cluster* cluster);
void SplitInTwo(Cluster* cluster);
void ClogLinks(Cluster* cluster);

// nemesis_process.cc
void KillProcess(Cluster* cluster);
void StopProcess(Cluster* cluster);
void PauseProcess(Cluster* cluster);
void SlowStage(Cluster* cluster);
void FlushEngine(Cluster* cluster);

// nemesis_power.cc
void CutPower(Cluster* cluster);
void CutPowerInMidWrite(Cluster* cluster);
void CutPowerEverywhere(Cluster* cluster);
void BounceFollowers(Cluster* cluster);

// nemesis_disk.cc
void FillDisk(Cluster* cluster);
void StickDisk(Cluster* cluster);
void SlowDisk(Cluster* cluster);
void FailDisk(Cluster* cluster);

// nemesis_damage.cc
void DamageEntry(Cluster* cluster);

// nemesis_clock.cc
void ChangeClockRate(Cluster* cluster);
void JumpWallClock(Cluster* cluster);

}  // namespace baton::sim
