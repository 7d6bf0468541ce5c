// The promises of the protocol as consensus/invariants.h has them, asked of the whole driver: the
// same prefix behind the same entry, one Reign for a ballot and its cause, nothing behind a Seal,
// chosen by the acceptances that left, members changed step by step.
//
// They are asked after each turn of the loop, which is several steps of the core, and believe what
// nodes say of their disks: that is CheckInvariants' to doubt. A watcher; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "consensus/invariants.h"
#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckProtocol : public Watcher {
 public:
  explicit CheckProtocol(Cluster* cluster) : cluster_(cluster) {}

  void Started(Machine& machine) override;
  void Turned(Machine& machine, StageOf stage) override;
  void Died(Machine& machine) override;
  void Sent(const consensus::Message& message) override;

 private:
  // Nothing that the invariants are about changes while this does not.
  struct Looked {
    Ballot promised;
    Slot commit;
    Slot durable;
    EntryId last;
    consensus::Standing standing = consensus::Standing::kFollower;
    friend bool operator==(const Looked&, const Looked&) = default;
  };

  void Look(Machine& machine);
  void CountItsOwn(const consensus::Replica& core, const Ballot& ballot, Slot last);
  void Take(const std::string& broken);

  Cluster* const cluster_;
  std::map<uint32_t, Looked> looked_;                // by number, in this life
  std::optional<consensus::Invariants> invariants_;  // once a node has told the first members
};

}  // namespace baton::sim
