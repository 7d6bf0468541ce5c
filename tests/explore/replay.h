// Replays: a path of choices as a line to type, and as a story to read.
#pragma once

#include <string>

#include "tests/explore/tree.h"
#include "tests/explore/world.h"

namespace baton::explore {

// "baton-explore --world NAME --replay '...'"
std::string ReplayCommand(const std::string& world, const Path& path);

// What happens along `path`: each choice with all that the replicas did, up to what breaks.
std::string Transcript(const World& start, const Path& path);

// While one lives, a check of the core that ends the process during the choice told to it last has
// the replay printed first. One a thread.
class AbortNote {
 public:
  AbortNote(const World* start, const Tree* tree) : start_(*start), tree_(*tree) {
    current_ = this;
  }
  ~AbortNote() { current_ = nullptr; }
  AbortNote(const AbortNote&) = delete;
  AbortNote& operator=(const AbortNote&) = delete;

  void Taking(StateId state, Choice choice) {
    state_ = state;
    choice_ = choice;
  }
  // Once, before any exploration.
  static void HandleAborts();

 private:
  static void Print(int signal);
  static thread_local const AbortNote* current_;

  const World& start_;
  const Tree& tree_;
  StateId state_ = 0;
  Choice choice_;
};

}  // namespace baton::explore
