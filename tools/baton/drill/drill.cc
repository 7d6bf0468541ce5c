#include "tools/baton/drill/drill.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/baton/drill/drill_run.h"
#include "tools/baton/local_settle.h"

namespace baton::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLull{500};  // of mere load, before and after
constexpr int kHandovers = 10;

// The limits of a failover, on a machine that all nodes share; and of a planned move.
constexpr DrillLimits kFailover{.gap_ms = 1'500};
constexpr DrillLimits kPlanned{.gap_ms = 500};

// Loses the leader somehow, and waits until writes go on under another one.
template <class Lose>
absl::Status LoseLeader(DrillRun* run, Lose lose) {
  const absl::StatusOr<std::string> leader = run->AwaitSettled();
  if (!leader.ok()) return leader.status();
  if (absl::Status s = lose(*leader); !s.ok()) return s;
  if (const auto next = run->AwaitLeaderBut({*leader}); !next.ok()) return next.status();
  return run->Hold(kLull);
}

absl::Status LeaderKill(DrillRun* run) {
  return LoseLeader(run, [run](const std::string& leader) { return run->Kill(leader); });
}

absl::Status LeaderPause(DrillRun* run) {
  return LoseLeader(run, [run](const std::string& leader) { return run->Pause(leader); });
}

absl::Status DiskStall(DrillRun* run) {
  return LoseLeader(run, [run](const std::string& leader) { return run->Fault(leader, "stall"); });
}

// First it cannot be heard, then it, or who leads by then, cannot hear.
absl::Status OneWayCut(DrillRun* run) {
  absl::Status done =
      LoseLeader(run, [run](const std::string& leader) { return run->Fault(leader, "drop all"); });
  if (done.ok()) done = run->Mend();
  if (!done.ok()) return done;
  return LoseLeader(run, [run](const std::string& leader) {
    for (const LocalNode& node : run->cluster()->Nodes()) {
      if (node.name == leader) continue;
      if (absl::Status s = run->Fault(node.name, "drop " + leader); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
}

// Of a follower: the others are a quorum.
absl::Status FullDisk(DrillRun* run) {
  const absl::StatusOr<std::string> leader = run->AwaitSettled();
  if (!leader.ok()) return leader.status();
  const std::string follower = RollOrder(*run->cluster(), *leader).front();
  if (absl::Status s = run->Fault(follower, "full"); !s.ok()) return s;
  return run->Hold(4 * kLull);
}

absl::Status RollingRestart(DrillRun* run) {
  const absl::StatusOr<std::string> leader = run->AwaitSettled();
  if (!leader.ok()) return leader.status();
  for (const std::string& node : RollOrder(*run->cluster(), *leader)) {
    if (absl::Status s = run->Restart(node); !s.ok()) return s;
    if (const auto settled = run->AwaitSettled(); !settled.ok()) return settled.status();
  }
  return absl::OkStatus();
}

absl::Status HandoverLoop(DrillRun* run) {
  if (const auto settled = run->AwaitSettled(); !settled.ok()) return settled.status();
  for (int i = 0; i < kHandovers; ++i) {
    if (absl::Status s = run->HandOver(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// The leader and as many others as a quorum can do without, at one moment.
absl::Status RegionLoss(DrillRun* run) {
  const absl::StatusOr<std::string> leader = run->AwaitSettled();
  if (!leader.ok()) return leader.status();
  std::vector<std::string> lost = {*leader};
  const std::vector<std::string> order = RollOrder(*run->cluster(), *leader);
  for (size_t i = 0; lost.size() < (order.size() - 1) / 2; ++i) lost.push_back(order[i]);
  for (const std::string& node : lost) {
    if (absl::Status s = run->Kill(node); !s.ok()) return s;
  }
  if (const auto next = run->AwaitLeaderBut(lost); !next.ok()) return next.status();
  return run->Hold(kLull);
}

// Brings it about, and undoes it whatever came of it.
absl::Status Act(const Drill& drill, DrillRun* run) {
  absl::Status acted = run->Hold(kLull);
  if (acted.ok()) acted = drill.act(run);
  const absl::Status mended = run->Mend();
  if (acted.ok()) acted = run->AwaitSettled().status();
  return acted.ok() ? mended : acted;
}

}  // namespace

const std::vector<Drill>& Drills() {
  static const auto* const drills = new std::vector<Drill>{
      {"leader-kill", "the leader is killed with -9", false, kFailover, LeaderKill},
      {"leader-pause", "the leader is stopped with SIGSTOP, and wakes later", false, kFailover,
       LeaderPause},
      {"disk-stall", "the leader's disk completes nothing any more", true, kFailover, DiskStall},
      {"one-way-cut", "the leader is not heard; then it does not hear", true, kFailover, OneWayCut},
      {"full-disk", "a follower's disk is full", true, kPlanned, FullDisk},
      {"rolling-restart", "all nodes are restarted, the leader last", false, kPlanned,
       RollingRestart},
      {"handover-loop", "leadership is handed over ten times", false, kPlanned, HandoverLoop},
      {"region-loss", "the leader and as many others as a quorum can do without are killed at once",
       false, kFailover, RegionLoss},
  };
  return *drills;
}

absl::StatusOr<Drill> FindDrill(const std::string& name) {
  std::string names;
  for (const Drill& drill : Drills()) {
    if (name == drill.name) return drill;
    names += (names.empty() ? "" : ", ") + std::string(drill.name);
  }
  return absl::NotFoundError(absl::StrCat("no drill is called \"", name, "\"; there are ", names));
}

absl::StatusOr<DrillReport> RunDrill(const Drill& drill, LocalCluster* cluster) {
  if (absl::Status s = CheckAllRun(*cluster, "a drill"); !s.ok()) return s;
  if (drill.breaks && !cluster->layout().fault_injection) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the nodes of ", cluster->directory(), " do not break when told to; for ", drill.name,
        " make another cluster with: baton local up --fault-injection --dir DIR --base-port P"));
  }
  const auto client = Client::Connect({.endpoints = cluster->Addresses()});
  if (!client.ok()) return client.status();
  const absl::Time began = absl::Now();
  DrillReport report{.name = drill.name, .what = drill.what, .wall_us = absl::ToUnixMicros(began)};
  report.id = absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%E3S", began, absl::UTCTimeZone()), "-",
                           drill.name);
  report.nodes = static_cast<int>(cluster->Nodes().size());
  report.limits = drill.limits;

  DrillLoad load(client->get(), "default", absl::StrCat("baton/drill/", report.id, "/"));
  while (load.seen().writes < DrillLoad::kWriters && load.Elapsed() < milliseconds(10'000)) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  load.ResetSeen();
  DrillRun run(cluster, &load, drill.limits);
  absl::Status acted = Act(drill, &run);
  load.End();
  report.lasted_ms = load.Elapsed().count();
  report.seen = load.seen();
  report.events = run.events();
  if (acted.ok()) acted = run.WithinLimits();
  if (!acted.ok() && !absl::IsAborted(acted)) return acted;
  const absl::StatusOr<uint64_t> lost = load.CountLost();
  if (!lost.ok()) return lost.status();
  report.lost = *lost;
  if (acted.ok() && *lost > drill.limits.lost) {
    acted = absl::AbortedError(
        absl::StrCat(*lost, " acknowledged writes are gone; the limit is ", drill.limits.lost));
  }
  report.failure = std::string(acted.message());
  return report;
}

}  // namespace baton::cli
