// Turn: one node of a World does something. The world's driver: it carries out what the core asks
// for, and judges every step.
//
// Everything that depends on which events and actions there are is in turn.cc; a new kind does not
// compile until the driver knows what to do with it. Lives for one choice, on the stack of
// World::Take; the node's and the history's digests are right again when it ends. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "consensus/action.h"
#include "consensus/event.h"
#include "tests/explore/world.h"

namespace baton::explore {

class Turn {
 public:
  Turn(World* world, NodeId id, Watcher* watcher);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // One event for the core, which is up, and all that follows from it at once.
  void Step(consensus::EventBody body);

  void Receive(const Snapshot& snapshot);
  void CompleteWrite();
  void Hear();
  void CompleteRead();
  void Crash(size_t landed);
  void Restart();
  void Propose(const std::string& bytes);
  void Ask(uint64_t read_id);
  void Flush();
  void Truncate();
  void Stop();
  void Seal(NodeId to);
  void ChangeMembers(const std::vector<consensus::Member>& members);
  void Stall() { node_->stalled = true; }

 private:
  struct Driver;

  void Do(consensus::Action action);
  void Send(const consensus::Message& message);
  void Put(Parcel parcel);  // on its way
  void Install(const consensus::InstallSnapshot& install);
  void Apply();
  void Check(const std::string& broken);

  World* const world_;
  const NodeId id_;
  Watcher* const watcher_;
  // Already part of the world, which alone holds them beside this turn.
  const std::shared_ptr<Node> node_;
  const std::shared_ptr<consensus::Invariants> history_;
  std::optional<consensus::Seal> arriving_seal_;  // of the snapshot received
};

}  // namespace baton::explore
