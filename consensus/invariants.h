// Invariants: the promises of ordered Multi-Paxos as code, for a whole group and its history.
//
//   Invariants invariants(membership);
//   invariants.Started(replica);                         // at each (re)start
//   EXPECT_EQ(invariants.AfterStep(replica, disk), "");  // after every step, before its actions
//   EXPECT_EQ(invariants.Sent(message, disk), "");       // as each message leaves its node
//
// Scenarios, random groups and the explorer call it after every step; the simulator, which runs the
// whole driver, after every turn of its loop, beside checks of its own (tests/sim). The product has
// none.
// What is chosen it works out by itself, from the Accepted that left and the leaders' own disks,
// and it believes neither: the harness tells what a disk really holds. So a replica that commits,
// or states, too early is caught in the act. An answer "" means all holds, else it says what is
// broken. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/replica.h"

namespace baton::consensus {

class Invariants {
 public:
  // `membership` is the first one, in force before the log begins.
  explicit Invariants(Membership membership)
      : first_{EntryId{}, std::move(membership)}, configuration_(first_) {}

  // Whether the disk of a node holds this entry; below its base everything counts as held.
  using Disk = std::function<bool(const EntryId&)>;

  std::string Started(const Replica& replica);
  // It crashed: what its memory held is compared with nothing any more.
  void Stopped(NodeId node) { seen_.erase(node); }
  std::string AfterStep(const Replica& replica, const Disk& disk);
  std::string Sent(const Message& message, const Disk& disk);

  // One replica's view at one moment, on its own clock.
  struct Held {
    const Replica* replica;
    int64_t now_us;
  };
  // At most one lease runs at any moment.
  static std::string OneLease(const std::vector<Held>& replicas);
  // After a Tick: one whose deadline stayed behind would be woken without end.
  static std::string NothingDue(const Held& held);

  // Chosen up to here, as the acceptances tell.
  Slot chosen() const { return chosen_.empty() ? Slot{} : chosen_.rbegin()->first; }

  // The memberships that may be in force somewhere or come to be, once that of `settled` is: the
  // newest that is chosen first, then all later than `settled` that were ever in a log.
  std::vector<Membership> Possible(Epoch settled) const;

  // A value: equal histories judge alike whatever follows. The canonical form tells them apart.
  void Feed(Hasher* hasher) const;
  friend bool operator==(const Invariants&, const Invariants&) = default;

 private:
  // What the last step of one node left, in its present life.
  struct Seen {
    Ballot promised;
    Slot commit;
    Ballot leading;  // Ballot{}: it does not
    EntryId last;    // of its log
    int64_t longest_lease_us = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };

  std::string CheckEntries(const Replica& replica, Slot above);
  std::string CheckEntry(const Entry& entry);
  std::string CheckCause(const Reign& reign, const EntryId& prev) const;
  std::string CheckMembership(const EntryId& id, const Membership& membership);
  std::string CheckConfigurations(const Replica& replica) const;
  std::string CheckLeader(const Replica& replica, const Seen& before);
  bool TakesOver(const Ballot& ballot) const;
  std::string CheckCommit(const Replica& replica, Slot above) const;
  std::string CheckOwed(NodeId node, const Ballot& ballot) const;
  std::string CheckStated(NodeId node, const Ballot& ballot, Slot match, const Disk& disk) const;
  std::string Accepted(const Ballot& ballot, NodeId node, Slot match);
  std::string MarkChosen(const EntryId& id);
  Configurations ConfigurationsUpTo(EntryId end) const;

  Configuration first_;          // before all that history tells of
  Configuration configuration_;  // the newest that is chosen
  std::map<EntryId, Membership> memberships_;
  std::map<Ballot, EntryId> ends_;  // the newest entry born in each ballot
  std::map<NodeId, Seen> seen_;
  std::map<NodeId, Ballot> promised_;     // highest ballot a node has said it promised
  std::map<NodeId, int64_t> granted_us_;  // its longest lease, when it said last that it grants one
  std::set<Ballot> led_;                  // every one that a node has begun to lead in
  std::map<EntryId, EntryId> follows_;    // each entry ever seen in a log, and the one before it
  std::map<EntryId, uint64_t> contents_;  // checksum of its bytes
  std::map<Ballot, Slot> reigns_;         // where they are in their ballot's log
  std::map<Ballot, Sealed> seals_;        // by the ballot that each ends
  std::map<NodeId, Ballot> owed_;         // the newest whose Seal a node has said it has
  std::map<Ballot, std::map<NodeId, Slot>> accepted_;  // newest durable match, by ballot and node
  std::map<Slot, EntryId> chosen_;
  std::map<Ballot, EntryId> newest_chosen_;  // by the ballot that chose it; Ballot{}: before it all
};

}  // namespace baton::consensus
