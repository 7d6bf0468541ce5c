// Replica: one member of a group that runs ordered Multi-Paxos. Events in, actions out.
//
//   Replica replica(config, recovered, now_us);
//   for (Action& action : replica.Step(event)) driver.Do(std::move(action));
//
// A pure state machine: the same state and event give the same actions, bit for bit. It has no
// threads, clocks, files or sockets. It is a copyable value; equal replicas behave equally for ever.
// One thread steps it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/config.h"
#include "consensus/event.h"

namespace baton::consensus {

class LogWindow;

enum class Standing : uint8_t { kFollower, kCandidate, kLeader };

// This comment block is the public face; private state follows it in the shipped header.
class Replica {
 public:
  Replica(const Config& config, const Recovered& recovered, int64_t now_us);

  Actions Step(const Event& event);

  // When Step wants a Tick at the latest.
  int64_t NextDeadlineUs() const;

  Standing standing() const;
  Ballot promised() const;
  std::optional<NodeId> leader() const;  // of the highest ballot known to lead; self when leading
  Slot commit() const;
  Slot durable() const;      // last slot known to be on this disk
  const LogWindow& log() const;

  // Leader only, below.
  bool reign_open() const;   // the reign's own entry is chosen
  int64_t LeaseEndUs() const;  // a linearizable read that finished before this needs no quorum round
  bool MayPropose() const;   // reign open, room for uncommitted bytes
  EntryId NextEntryId() const;

  uint64_t Hash64() const;   // canonical: equal replicas have equal hashes
  friend bool operator==(const Replica&, const Replica&);
};

}  // namespace baton::consensus
