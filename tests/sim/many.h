// Many seeds, over several processes, since one that breaks an assertion of the product ends.
//
// A seed whose process dies, or hangs, counts as failed; the others go on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/coverage.h"
#include "tests/sim/run.h"

namespace baton::sim {

inline constexpr unsigned kSeedSecondsMax = 120;  // of work; a seed takes some 50 ms

struct Failure {
  uint64_t seed = 0;
  std::string what;
};

struct Summary {
  uint64_t seeds = 0;
  std::vector<Failure> failures;  // ascending by seed
  int64_t simulated_us = 0;
  uint64_t operations = 0;
  int64_t recovery_us_max = 0;
  uint64_t recovery_seed = 0;  // which took that long
  double wall_s = 0;
  Coverage coverage;
};

// Draws and simulates the plan of a seed.
Outcome SimulateSeed(uint64_t seed);

// REQUIRES: first <= last, jobs > 0, no other thread runs. `announce`: print each failure at once,
// with the line that replays it.
Summary RunMany(uint64_t first, uint64_t last, unsigned jobs, bool announce,
                Outcome (*simulate)(uint64_t seed) = SimulateSeed);

// The line that replays a seed.
std::string ReplayOf(uint64_t seed);

}  // namespace baton::sim
