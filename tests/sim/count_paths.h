// CountPaths: notes on the coverage which paths of the product ran. A watcher; one thread.
#pragma once

#include <vector>

#include "tests/sim/cluster.h"

namespace baton::sim {

class CountPaths : public Watcher {
 public:
  explicit CountPaths(Cluster* cluster) : cluster_(cluster), nodes_(cluster->size()) {}

  void Started(Machine& machine) override;
  void Turned(Machine& machine, StageOf stage) override;
  void Died(Machine& machine) override;
  void Sent(const consensus::Message& message) override;

 private:
  struct Node {
    EntryId last;  // of its log, after its last turn
    Slot base;
  };

  Cluster* const cluster_;
  std::vector<Node> nodes_;
};

}  // namespace baton::sim
