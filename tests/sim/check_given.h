// Given: no revision is given twice, to no write that was ever proposed, those that were lost and
// never answered among them.
//
// It reads what leaders send. A watcher; one thread.
#pragma once

#include <cstdint>
#include <map>

#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckGiven : public Watcher {
 public:
  explicit CheckGiven(Cluster* cluster) : cluster_(cluster) {}

  void Sent(const consensus::Message& message) override;

 private:
  struct Given {
    uint64_t end = 0;  // above the last
    EntryId by;
  };

  Cluster* const cluster_;
  std::map<Ballot, Slot> read_;      // its own entries are, up to here
  std::map<uint64_t, Given> given_;  // runs of revisions, by their first
};

}  // namespace baton::sim
