// Which nodes of a simulation count: by the memberships that the nodes themselves reckon with.
//
// Functions of a Cluster; one thread.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "consensus/entry.h"
#include "tests/sim/cluster.h"

namespace baton::sim {

// The newest that any node knows to be chosen.
consensus::Membership NewestChosen(const Cluster& cluster);

// By which one of `nodes` counts quorums, or did when it went down: the newest in its log.
std::vector<consensus::Membership> CountedBy(const Cluster& cluster,
                                             const std::vector<uint32_t>& nodes);
// That of all nodes, and those that are on their way: asked for, and not refused.
std::vector<consensus::Membership> AllThatMayCount(const Cluster& cluster);

// Whether these nodes alone can serve, whichever of the memberships counts: they are a quorum of
// each, and one of them may lead by all.
bool CanServe(const std::vector<consensus::Membership>& memberships,
              const std::vector<uint32_t>& nodes);

// In use, and undamaged; member or not.
std::vector<uint32_t> SoundNodes(const Cluster& cluster);
// Those that the newest chosen membership names.
std::vector<uint32_t> CurrentMembers(const Cluster& cluster);

}  // namespace baton::sim
