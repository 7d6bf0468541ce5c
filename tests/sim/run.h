// One simulation from its beginning to its verdict: chaos; then a quorum is healed and must make
// progress, whatever the others do; then all is healed and must converge; then the checks of what
// clients saw.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/history/history.h"
#include "tests/sim/coverage.h"
#include "tests/sim/plan.h"

namespace baton::sim {

// A healed quorum acknowledges a write within this, in true time.
inline constexpr int64_t kProgressUsMax = 10'000'000;

struct Outcome {
  std::string violation;  // empty: all held
  uint64_t trace = 0;     // hash of everything that happened
  int64_t simulated_us = 0;
  uint64_t operations = 0;  // of clients
  int64_t recovery_us = 0;  // from healing a quorum to the first write acknowledged
  Coverage coverage;
  std::vector<history::Operation> history;
};

// `print`: where the trace goes as text; null: nowhere.
Outcome Simulate(const Plan& plan, std::FILE* print = nullptr);

}  // namespace baton::sim
