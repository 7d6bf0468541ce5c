#include "tests/explore/tree.h"

#include <algorithm>

#include "base/check.h"

namespace baton::explore {

StateId Tree::Add(StateId parent, Choice choice) {
  BATON_CHECK(size() < kStatesMax) << "too many states for their ids";
  parents_.push_back(parent);
  choices_.push_back(choice.Pack());
  return static_cast<StateId>(size() - 1);
}

Path Tree::PathTo(StateId state) const {
  Path path;
  for (; state != 0; state = Parent(state)) path.push_back(ChoiceTo(state));
  std::reverse(path.begin(), path.end());
  return path;
}

const World& Climber::GoTo(StateId state) {
  std::vector<StateId> below{state};  // from the state asked for up to the start
  while (below.back() != 0) below.push_back(tree_.Parent(below.back()));
  size_t known = 0;  // the paths share their first `known` states
  while (known < std::min(worlds_.size(), below.size()) &&
         worlds_[known].state == below[below.size() - 1 - known]) {
    ++known;
  }
  worlds_.erase(worlds_.begin() + static_cast<std::ptrdiff_t>(known), worlds_.end());
  for (size_t depth = known; depth < below.size(); ++depth) {
    const StateId next = below[below.size() - 1 - depth];
    World world = worlds_.back().world;
    world.Take(tree_.ChoiceTo(next), nullptr);
    worlds_.push_back({next, std::move(world)});
  }
  return worlds_.back().world;
}

}  // namespace baton::explore
