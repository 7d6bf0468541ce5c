// Convergence: once all faults are healed, every node that can trust its log comes to hold the same
// state at the same slot, as its own digest says and as its engine holds it; and to name the same
// members of the same epoch, with no change of them under way. Nodes that were removed owe nothing.
#pragma once

#include "tests/sim/cluster.h"

namespace baton::sim {

// Waits until the members of the newest membership agree on it, for at most `us`.
void RequireSettled(Cluster* cluster, int64_t us);
// Writes a last entry and waits for it everywhere. REQUIRES: everything is healed.
void CheckConvergence(Cluster* cluster);

}  // namespace baton::sim
