// Explorer: breadth-first over all that can happen in a world, each distinct state once.
//
//   Report report = Explore(start, Limits{.depth_max = 20});
//   EXPECT_EQ(report.broken, "") << ToText(report.path);
//
// World says what a distinct state is and why it is enough to take each choice of each once. A
// depth is explored in blocks of neighbouring states by `threads` threads; what they find is merged
// in the order of the blocks, so that a run's report does not depend on threads or their luck, and
// the violation reported is one of the shortest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/consensus/cluster.h"
#include "tests/explore/world.h"

namespace baton::explore {

struct Limits {
  uint64_t states_max = UINT32_MAX;  // stops within a depth
  uint32_t depth_max = UINT32_MAX;   // stops after it
  unsigned threads = 2;
};

struct Report {
  uint64_t states = 1;                // distinct ones, the start included
  uint64_t transitions = 0;           // choices taken, each judged
  std::vector<uint64_t> at_depth{1};  // states first met there
  uint32_t depth_done = 0;            // every path of so many choices has been followed
  bool exhausted = false;             // nothing further can happen within the budgets
  std::string broken;                 // the first violation met, "" for none, and how to reach it
  Path path;
  consensus::Coverage coverage;

  uint32_t depth() const { return static_cast<uint32_t>(at_depth.size()) - 1; }
};

// `progress`, if any, hears after each depth.
Report Explore(const World& start, const Limits& limits,
               const std::function<void(const Report&)>& progress = {});

}  // namespace baton::explore
