// Faults of disks that lose nothing: full, stuck, slow; and calls that fail, which end the process.

#include "tests/sim/nemesis.h"

namespace baton::sim {
namespace {

constexpr uint64_t kAmpleBytes = uint64_t{1} << 40;

}  // namespace

void FillDisk(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (!victim.serving()) return;
  victim.disk().SetCapacity(0);
  cluster->schedule().After(cluster->random().Skewed(300'000, 5'000'000),
                            [&victim] { victim.disk().SetCapacity(kAmpleBytes); });
}

void StickDisk(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  cluster->coverage().Add(Path::kDiskStuck);
  const bool wholly = cluster->random().OneIn(2);  // else for the log alone
  const auto set = [&victim, wholly](bool stuck, const Pace& usual) {
    Pace pace = usual;
    pace.stuck = stuck;
    victim.SetPace(StageOf::kLog, pace);
    if (!wholly) return;
    victim.SetPace(StageOf::kReaders, Pace{.stuck = stuck});
    victim.SetPace(StageOf::kWorker, Pace{.stuck = stuck});
  };
  const Pace usual = victim.disk_pace();
  set(true, usual);
  cluster->schedule().After(cluster->random().Skewed(50'000, 4'000'000),
                            [set, usual] { set(false, usual); });
}

void SlowDisk(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  const int64_t us_max = cluster->random().Skewed(2'000, 400'000);
  victim.SetPace(StageOf::kLog, Pace{us_max / 4, us_max});
  cluster->schedule().After(cluster->random().Skewed(200'000, 5'000'000),
                            [&victim] { victim.SetPace(StageOf::kLog, victim.disk_pace()); });
}

void FailDisk(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (!victim.serving()) return;
  victim.ExpectDeath();
  if (cluster->random().OneIn(2)) {
    victim.disk().FailSyncs(1);
  } else {
    victim.disk().FailWrites(1);
  }
}

}  // namespace baton::sim
