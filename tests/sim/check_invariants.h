// Invariants, from outside and in true time:
//   - what is committed anywhere is on the disks of a quorum, dead nodes' disks included: of the
//     newest membership in the log of the leader that counted;
//   - a restarted node still has what it had synced of what is chosen, and all it promised;
//   - a promise never decreases; applied <= min(commit, durable); durable and commit <= last;
//   - at most one lease runs at any moment, whatever the clocks of the nodes say.
//
// It looks at the shipped core between turns of the loop, and at what nodes say to each other. A
// watcher; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/check_agreement.h"
#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckInvariants : public Watcher {
 public:
  // REQUIRES: `agreement` watches too, and before this.
  CheckInvariants(Cluster* cluster, const CheckAgreement* agreement)
      : cluster_(cluster), agreement_(agreement), nodes_(cluster->size()) {}

  void Started(Machine& machine) override;
  void Turned(Machine& machine, StageOf stage) override;
  void Died(Machine& machine) override;
  void Sent(const consensus::Message& message) override;

 private:
  // Of one node, over its lives.
  struct Node {
    Ballot promised;  // highest that it has said, which must be on its disk
    Ballot raised;    // of its core in this life: may be on its way to the disk
    Slot said;        // newest that it said to be durable; its core may not know yet; <= last
    // Its log, by slot - 1, as its core holds it, or held it last. Up to `base`, which is chosen,
    // an id may be missing.
    std::vector<Ballot> born;
    Slot base;
    Slot durable;  // as its core knows, or knew last
    // Replacements of this life: nothing that was said in a lower ballot counts from there on.
    std::vector<std::pair<Ballot, Slot>> replaced;
    Ballot lease_ran_out;  // reign of which it was counted
    // After its last turn as a leader: of which ballot, and by which membership it counts.
    Ballot reign;
    consensus::Membership counts;
  };

  bool OnDisk(uint32_t n, const EntryId& id) const;
  void Follow(Machine& machine);
  void CheckChosen(Machine& machine);
  std::vector<consensus::Membership> MayHaveCounted(Machine& machine) const;
  void NoteCounts(Machine& machine);
  void CheckOwn(Machine& machine);
  void CheckLeases(Machine& machine);
  void Violated(const Machine& machine, const std::string& what);

  Cluster* const cluster_;
  const CheckAgreement* const agreement_;
  std::vector<Node> nodes_;
  Slot chosen_;  // on the disks of a quorum up to here
};

}  // namespace baton::sim
