// ReadLevelCheck: what reads of bounded staleness and at least a position must have seen. The state
// that answered is named by its slot, so it is enough to compare slots: every answer given so far
// says up to where the log was chosen at that time.
//
// Owned by a workload; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/replica/node.h"
#include "tests/sim/random.h"

namespace baton::sim {

class ReadLevelCheck {
 public:
  // A write, or a linearizable read, was answered.
  void Answered(int64_t now_us, const Position& position);
  // For the next read: any level, most often none; none but linearizable before the first answer.
  server::ReadLevel Draw(Random* random) const;
  // What is wrong with the answer; empty: nothing.
  std::string Judge(const server::ReadLevel& level, int64_t invoked_us,
                    const server::Answer& answer) const;

 private:
  // A little more than the drift between a node's clock and the schedule.
  static constexpr double kDrift = 1.03;

  std::vector<std::pair<int64_t, Position>> newest_;  // times and slots ascend
};

}  // namespace baton::sim
