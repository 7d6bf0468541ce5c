// Faults of processes: they are killed, stopped, paused, or slow in one of their threads.

#include "base/check.h"
#include "tests/sim/nemesis.h"

namespace baton::sim {

void KillProcess(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (!victim.up()) return;
  cluster->coverage().Add(Path::kKilled);
  victim.Die(Death::kKill);
}

void StopProcess(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (victim.serving()) victim.Die(Death::kStop);
}

void PauseProcess(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (!victim.serving()) return;
  cluster->coverage().Add(Path::kPaused);
  victim.Pause();
  cluster->schedule().After(cluster->random().Skewed(10'000, 5'000'000),
                            [&victim] { victim.Resume(); });
}

void SlowStage(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  Random& random = cluster->random();
  static constexpr StageOf kSlowed[] = {StageOf::kLoop, StageOf::kApplier, StageOf::kReaders,
                                        StageOf::kWorker};
  const StageOf stage = kSlowed[random.Below(4)];
  cluster->coverage().Add(Path::kStageSlow);
  Pace pace;
  pace.us_max = random.Skewed(1'000, stage == StageOf::kLoop ? 30'000 : 300'000);
  pace.stuck = stage != StageOf::kLoop && random.OneIn(4);
  victim.SetPace(stage, pace);
  cluster->schedule().After(random.Skewed(50'000, 3'000'000),
                            [&victim, stage] { victim.SetPace(stage, {}); });
}

// What a full memtable does: the state survives a crash up to here.
void FlushEngine(Cluster* cluster) {
  Machine& one = cluster->AnyMachine();
  if (one.up() && one.has_engine()) BATON_CHECK(one.engine().Flush().ok());
}

}  // namespace baton::sim
