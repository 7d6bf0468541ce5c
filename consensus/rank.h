// Rank: who stands first when a leader is gone. A pure function of facts that all nodes share, so
// that they take turns without talking. Any thread.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/health.h"

namespace baton::consensus {

// The turn in which `self` stands when the lease of `lapsed` runs out: 0 first. By health and in
// the order that the table has, then by node id, among the members that may lead; `lapsed` comes
// last. A node that the table does not name counts as healthy.
uint32_t Rank(const Configurations& configurations, const HealthTable& table, NodeId self,
              NodeId lapsed);

// Who stands first then; `lapsed` if nobody else may lead.
NodeId FirstInRank(const Configurations& configurations, const HealthTable& table, NodeId lapsed);

}  // namespace baton::consensus
