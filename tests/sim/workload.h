// Workload: what clients do to the cluster while it is under attack, and the history that they
// keep.
//
// A new kind is a file of its own with a class that derives from Workload. One thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
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
  // Reads everything once more, so that the history ends in what is there.
  virtual void ReadAll() = 0;
  // When a write was invoked that has been acknowledged; the newest. -1: none.
  virtual int64_t NewestAckedUs() const = 0;
  virtual const std::vector<history::Operation>& history() const = 0;
};

}  // namespace baton::sim
