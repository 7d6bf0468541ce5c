// An unsafe recovery: the quorum is gone for good, and one node goes on alone, with what it has.
// What the others had chosen beyond that is lost. Functions, any thread.
//
//   plan    := how the node stands: its name, the epoch of its members, the end of its log
//   execute := the same still; no leader, no quorum: a formation record of a new epoch, in which
//              the node is the only voter, with whom it left behind
//
// The new epoch is far above the old one, so that it is above any that the lost members may have
// chosen among themselves: neither an epoch nor a node id is ever given twice.
#pragma once

#include <string>
#include <vector>

#include "server/rpc/formation_host.h"

namespace baton::server {

inline constexpr uint64_t kRecoveryEpochs = 1'024;

// "n1.e3.7.2.1234": names the recovery by which the node that stands so goes on alone.
std::string RecoveryPlan(const NodeStatus& now, const EntryId& last);

// Refuses where a leader is known, or the members that are connected are a quorum with this one.
Failure CheckRecovery(const NodeStatus& now, const std::vector<NodeId>& connected);

// What the node goes on by. REQUIRES: it is a member in `now`.
FormationRecord AfterRecovery(const FormationRecord& formed, const NodeStatus& now,
                              UnsafeRecovery recovery);

}  // namespace baton::server
