// Agreement: no two nodes commit different entries in one slot, by id and by bytes; and no node
// ever commits another than before, over all its lives.
//
// A watcher; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckAgreement : public Watcher {
 public:
  explicit CheckAgreement(Cluster* cluster) : cluster_(cluster), seen_(cluster->size()) {}

  void Started(Machine& machine) override;
  void Turned(Machine& machine, StageOf stage) override;

  // The newest slot that any node has committed, and the entry of each up to it. EntryId{}: no node
  // told (it was truncated before any could be asked).
  Slot newest() const { return Slot{chosen_.size()}; }
  EntryId ChosenAt(Slot slot) const { return chosen_[slot.value - 1].id; }

 private:
  struct Chosen {
    EntryId id;
    uint64_t content = 0;  // checksum of the bytes; 0: nobody had them in memory
  };

  void Compare(Machine& machine, Slot first, Slot last);

  Cluster* const cluster_;
  std::vector<Slot> seen_;  // of each node: committed in this life, and compared
  std::vector<Chosen> chosen_;
};

}  // namespace baton::sim
