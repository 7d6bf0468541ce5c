// Nemesis: breaks a cluster in network namespaces, at random but repeatably in what it chooses, and
// mends it again.
//
//   Nemesis nemesis(&cluster, &network, seed);
//   while (...) { nemesis.Strike(); ...; nemesis.Mend(); ... }
//
// Each strike is one or two of: a symmetric cut, a one-way cut, a partial cut, an isolated node,
// clients cut off from a node, SIGSTOP, kill -9 of one node or of all. Owner: a test; the thread
// that made the cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include "tests/integration/network.h"

namespace baton::testing {

class Nemesis {
 public:
  Nemesis(Cluster* cluster, Network* network, uint64_t seed)
      : cluster_(cluster), network_(network), random_(seed) {}

  // Breaks something, on top of what is broken. Returns what, for people.
  std::string Strike();
  // Everything runs and reaches everything.
  void Mend();

  std::chrono::milliseconds Between(int64_t min_ms, int64_t max_ms);

 private:
  int AnyNode() { return static_cast<int>(random_() % network_->size()); }
  int OtherThan(int node);
  // The node that leads, as asked just now; any node when none answers that it does.
  int Leader();
  std::string StrikeAt(int node);

  Cluster* const cluster_;
  Network* const network_;
  std::mt19937_64 random_;
};

}  // namespace baton::testing
