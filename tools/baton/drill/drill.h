// Drills: failures that are brought about on purpose on a local cluster under load, with limits on
// what clients may see of them. When a limit is passed the drill is given up. Whatever happens, all
// nodes run again at the end and no fault is in force.
//
// Functions; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/baton/drill/drill_load.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {

// What clients may see at the most.
struct DrillLimits {
  int64_t gap_ms = 0;   // between two acknowledged writes
  uint64_t errors = 0;  // that the SDK gives
  uint64_t lost = 0;    // acknowledged writes that are gone; stale reads are never allowed
};

class DrillRun;

struct Drill {
  const char* name;
  const char* what;
  bool breaks;  // needs nodes that run with --fault-injection
  DrillLimits limits;
  absl::Status (*act)(DrillRun* run);
};
const std::vector<Drill>& Drills();
// NOT_FOUND: there is none of that name; the message lists those that exist.
absl::StatusOr<Drill> FindDrill(const std::string& name);

struct DrillEvent {
  int64_t at_ms = 0;  // since the load was under way
  std::string what;
};

struct DrillReport {
  std::string id;  // of the file that it is kept in
  std::string name;
  std::string what;
  int64_t wall_us = 0;  // when it began
  int64_t lasted_ms = 0;
  int nodes = 0;
  DrillLimits limits;
  DrillLoad::Seen seen;
  uint64_t lost = 0;
  std::vector<DrillEvent> events;  // by time
  std::string failure;             // empty: all within the limits
};

// Runs it on a cluster of which all nodes run. An error: it could not be run, or not be undone;
// that a limit was passed is in the report.
absl::StatusOr<DrillReport> RunDrill(const Drill& drill, LocalCluster* cluster);

}  // namespace baton::cli
