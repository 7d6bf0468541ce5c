// Tree: how each state met was first reached: from which other, by which choice. Six bytes a state,
// in the order met, so that the states of one depth are neighbours, and siblings too.
//
// It is all that is kept of a state beside its digest; Climber makes the state again. The tree has
// one writer; climbers on other threads may read while nobody writes.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "tests/explore/choice.h"
#include "tests/explore/world.h"

namespace baton::explore {

using StateId = uint32_t;  // 0: the start

class Tree {
 public:
  static constexpr uint64_t kStatesMax = UINT32_MAX;

  Tree() : parents_{0}, choices_{0} {}

  uint64_t size() const { return parents_.size(); }
  StateId Parent(StateId state) const { return parents_[state]; }
  Choice ChoiceTo(StateId state) const { return Choice::Unpack(choices_[state]); }
  Path PathTo(StateId state) const;

  StateId Add(StateId parent, Choice choice);

 private:
  std::deque<StateId> parents_;
  std::deque<uint16_t> choices_;
};

// Makes the states of a tree again. Keeps the states on the path to the last one, so that going to
// a neighbour costs few steps. One thread; the tree and the start outlive it.
class Climber {
 public:
  Climber(const Tree* tree, const World* start) : tree_(*tree), worlds_{{0, *start}} {}

  const World& start() const { return worlds_.front().world; }
  // Valid until the next call.
  const World& GoTo(StateId state);

 private:
  struct Step {
    StateId state;
    World world;
  };
  const Tree& tree_;
  std::vector<Step> worlds_;  // by depth: the start, ..., the state asked for last
};

}  // namespace baton::explore
