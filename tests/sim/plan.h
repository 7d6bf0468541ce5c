// Plan: what one seed is about: the shape of the cluster, its limits, the load, and which faults
// strike it. Each seed draws its own subset, so that some seeds are calm but for one thing and
// others have it all (swarm testing: https://doi.org/10.1145/2338965.2336763).
//
// A value. All times are true time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "consensus/entry.h"
#include "tests/sim/random.h"

namespace baton::sim {

struct Plan {
  uint64_t seed = 1;
  std::vector<consensus::Role> roles;  // of nodes 1, 2, ...
  // Machines that stand by, numbered after those; as what each is added. A learner may be promoted.
  std::vector<consensus::Role> spares;
  int64_t chaos_us = 10'000'000;

  // The load.
  uint32_t clients = 6;
  uint32_t keys = 4;
  int64_t think_us_max = 40'000;
  uint32_t value_bytes_max = 0;  // of padding, on one value in eight

  // The product's limits, small, so that what is rare with large ones happens.
  uint64_t segment_bytes = 64 << 10;
  uint64_t replay_bytes_max = 64 << 10;
  uint64_t truncate_bytes_min = 16 << 10;
  uint64_t disk_reserve_bytes = 0;
  uint64_t log_retention_bytes = 1 << 30;
  int64_t write_objective_us = 500'000;  // of new leaders in their probation

  bool cold_cache = false;
  bool through_codec = false;
  int64_t rate_ppm_max = 0;   // clocks run off true time by up to this
  int64_t disk_us_max = 300;  // of an fdatasync on a good day

  std::vector<std::string> workloads = {"register"};  // by name, see workload.h
  std::vector<std::string> nemeses;                   // by name, see nemesis.h
  double cut_in_recovery = 0;                         // of restarts

  uint32_t nodes() const { return static_cast<uint32_t>(roles.size() + spares.size()); }
  consensus::Role RoleOf(uint32_t n) const {
    return n <= roles.size() ? roles[n - 1] : spares[n - roles.size() - 1];
  }
};

// Draws the plan of a seed.
Plan DrawPlan(uint64_t seed);

// For people, one line.
std::string Describe(const Plan& plan);

}  // namespace baton::sim
