// Workload: what clients do to the cluster while it is under attack, and the history that they
// keep.
//
// A new kind is a file of its own with a class that derives from Workload, and a row in the table
// of workload.cc. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tests/history/history.h"
#include "tests/sim/cluster.h"

namespace baton::sim {

class Workload {
 public:
  virtual ~Workload() = default;
  virtual void Begin() = 0;
  // Nothing new from now on; what is under way ends soon.
  virtual void End() = 0;
  virtual bool Idle() const = 0;
  // Looks at everything once more, with all healed, so that the history ends in what is there.
  virtual void Finish() = 0;
  // When the newest was invoked of what must go on as soon as a quorum does. -1: nothing did yet.
  virtual int64_t NewestAckedUs() const = 0;
  virtual const std::vector<history::Operation>& history() const = 0;
};

struct WorkloadKind {
  std::string_view name;
  std::unique_ptr<Workload> (*make)(Cluster* cluster);
};

const std::vector<WorkloadKind>& AllWorkloads();

// Those of the cluster's plan.
std::vector<std::unique_ptr<Workload>> MakeWorkloads(Cluster* cluster);

}  // namespace baton::sim
