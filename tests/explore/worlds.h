// The worlds that are explored: where each starts, and how much may happen in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/explore/world.h"

namespace baton::explore {

enum class Tier : uint8_t { kShort, kLong };

// How far a world is explored.
struct Extent {
  uint64_t states_max;
  Budgets budgets;
};

struct Profile {
  std::string name;
  std::string about;
  Extent extent;
  std::unique_ptr<const Scene> scene;
  World start;  // of `scene`, with the budgets of `extent`
};

std::vector<std::string> ProfileNames();
// REQUIRES: one of ProfileNames().
Profile MakeProfile(const std::string& name, Tier tier);

}  // namespace baton::explore
