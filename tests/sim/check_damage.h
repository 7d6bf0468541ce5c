// Damage: a node whose disk has a damaged entry in the kept log says so at its start, names the
// slot, and from then on says nothing to its peers; a node without damage never stands as faulty.
//
// A watcher; one thread.
#pragma once

#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckDamage : public Watcher {
 public:
  explicit CheckDamage(Cluster* cluster) : cluster_(cluster) {}

  void Started(Machine& machine) override;
  void Sent(const consensus::Message& message) override;

 private:
  Cluster* const cluster_;
};

}  // namespace baton::sim
