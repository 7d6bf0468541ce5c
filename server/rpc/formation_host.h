// FormationHost: how the services speak of formation, without knowing data directories.
//
// The composition root implements it. Any thread; no method blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "server/replica/node.h"

namespace baton::server {

// What a node began with: epoch 1 if it formed the cluster, a later one if it was added, or was
// recovered. From then on the log alone says who is a member.
struct FormationRecord {
  Id128 cluster;
  NodeId self;
  Epoch epoch;  // its members are chosen
  uint32_t cluster_version = 0;
  std::string profile;                     // lan | wan
  std::vector<MemberInfo> members;         // by node id, ascending
  std::optional<UnsafeRecovery> recovery;  // by which that epoch came about
};

struct InitPlan {
  struct Planned {
    std::string name;
    std::string peer_address;
  };
  std::vector<Planned> members;
  std::string profile;
};

struct InitOutcome {
  Failure failure;
  Id128 cluster;
  std::vector<MemberInfo> members;
  bool already_formed = false;
};

struct NodeCard {
  std::string name;
  Id128 directory;
  Id128 cluster;  // zero: unformed
  std::string client_address;
  std::string peer_address;
};

class FormationHost {
 public:
  virtual ~FormationHost() = default;
  virtual NodeCard Identify() const = 0;
  virtual std::optional<FormationRecord> Formed() const = 0;
  // `done` is told why not, or nothing once the record is on disk. On another thread.
  virtual void Join(FormationRecord record, std::function<void(std::string)> done) = 0;
  // This formed node is to go on by that record, which has a recovery. `done` is told why not, or
  // nothing once that is on disk; the node starts anew then. On another thread.
  virtual void Recover(FormationRecord record, std::function<void(std::string)> done) = 0;
  // Coordinates a formation. `deadline_us` is of the lease clock. `done`: on another thread.
  virtual void Init(InitPlan plan, int64_t deadline_us, std::function<void(InitOutcome)> done) = 0;
};

}  // namespace baton::server
