// Convergence: once all faults are healed, every node that can trust its log comes to hold the same
// state at the same slot, as its own digest says and as its engine holds it.
#pragma once

#include "tests/sim/cluster.h"

namespace baton::sim {

// Writes a last entry and waits for it everywhere. REQUIRES: everything is healed.
void CheckConvergence(Cluster* cluster);

}  // namespace baton::sim
