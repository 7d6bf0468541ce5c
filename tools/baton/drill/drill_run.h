// DrillRun: what a drill does, step by step. Each step notes itself, and ends the drill with
// ABORTED once a limit is passed.
//
// Owner: RunDrill. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/baton/drill/drill.h"

namespace baton::cli {

class DrillRun {
 public:
  // All outlive this.
  DrillRun(LocalCluster* cluster, DrillLoad* load, const DrillLimits& limits)
      : cluster_(cluster), load_(load), limits_(limits) {}

  LocalCluster* cluster() { return cluster_; }
  const std::vector<DrillEvent>& events() const { return events_; }

  // Who leads, once all nodes are as they should be.
  absl::StatusOr<std::string> AwaitSettled();
  // Who leads, once it is none of these.
  absl::StatusOr<std::string> AwaitLeaderBut(const std::vector<std::string>& lost);
  absl::Status Kill(const std::string& node);
  absl::Status Pause(const std::string& node);
  absl::Status Restart(const std::string& node);  // SIGTERM, and starts it again
  absl::Status Fault(const std::string& node, const std::string& command);
  absl::Status HandOver();  // to the best-ranked, and awaits its end
  // The load goes on for so long.
  absl::Status Hold(std::chrono::milliseconds time);
  // All nodes run and no fault is in force. Not held to the limits of the drill.
  absl::Status Mend();
  // OK: what clients have seen is within the limits.
  absl::Status WithinLimits() const;

 private:
  void Note(const std::string& what);
  // Asks until it says yes; ABORTED: a limit was passed meanwhile.
  absl::Status Await(const std::string& what, const std::function<bool()>& done);

  LocalCluster* const cluster_;
  DrillLoad* const load_;
  const DrillLimits limits_;
  std::vector<DrillEvent> events_;
};

}  // namespace baton::cli
