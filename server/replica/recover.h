// Recovery: from what the log's recovery and the engine say to what the core is started with.
// A function of the node's start; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "consensus/config.h"
#include "engine/storage/engine.h"
#include "server/codec/entry_codec.h"
#include "server/replica/node.h"
#include "wal/wal.h"

namespace baton::server {

struct RecoveredNode {
  consensus::Recovered core;
  // Why the log must not be trusted; the node then takes part in nothing.
  std::optional<std::string> fault;
};

// `members` are those of `epoch`, which this node began with, or was recovered with. `engine` is
// null at a witness.
// Errors: FAILED_PRECONDITION when log or hard state were written by a newer build.
absl::StatusOr<RecoveredNode> Recover(const wal::Wal& wal, const wal::Recovery& recovery,
                                      const engine::Engine* engine, Epoch epoch,
                                      const std::vector<MemberInfo>& members);

// What the leader of an entry on disk stamped it with.
absl::StatusOr<EntryStamp> ReadStamp(const wal::Wal& wal, Slot slot);

// The members as the core has them.
consensus::Membership MembershipOf(Epoch epoch, const std::vector<MemberInfo>& members);

}  // namespace baton::server
