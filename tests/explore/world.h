// World: one state of a small group, with everything that can still happen in it.
//
//   World world(&scene);
//   for (const Choice& choice : world.Choices()) {
//     World next = world;
//     next.Take(choice, nullptr);
//   }
//
// Replicas of the shipped core, their disks, what is on its way to the disks and on the network,
// the clock, and what is left of each budget. The world plays the driver as consensus/action.h asks
// it to. Nothing happens by itself. A value; copies share what did not change. One thread a copy.
//
// What is taken for one state. Everything that a later step or a later judgement depends on is in
// the digest: the replicas by their canonical form, the disks, the queues, the messages, the clock,
// the budgets, and the *history*: the Invariants object that judges every step, with all that it
// remembers, and what had been committed when each read was asked. A violation belongs to a state
// and a choice. As equal states have the same choices, judged alike, it is enough to take each
// choice of each distinct state once. No two nodes are exchanged for each other: ids decide turns
// and order ballots. Only the order of messages on the network is forgotten, since any may be next.
//
// Two kinds of worlds. In a free one any message may arrive next and any disk may complete its
// oldest write next: every interleaving, to a depth. In an orderly one disks complete what they are
// given before messages arrive, and these arrive in the order sent; time moves, and is heard of,
// when nothing is on its way. A budget of strays and stalls buys exceptions: a message leaves the
// line and arrives at any time or never; a disk falls behind. Crashes, restarts, proposals and
// reads come at any moment; what a node that crashes had in the line is lost. With few exceptions
// whole histories of several reigns are explored to their ends. (Departures from one schedule,
// bounded: Emmi, Qadeer, Rakamaric, "Delay-bounded scheduling", POPL 2011.)
//
// What is left out, and why nothing is lost by it:
// - A loose message is never delivered to a node that is down, and a delivery that changes nothing
//   else is not taken (Take says so): the state in which it is still on its way allows all that
//   follows, and no judgement looks at the network. For the same reason a lost message is one that
//   never arrives; a budget of drops only adds states.
// - All clocks are equal and move only when chosen, to the deadline of one of the nodes; the others
//   may be late for theirs.
// - What is applied is applied at once; a Reign is proposed as soon as the core asks for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/invariants.h"
#include "consensus/replica.h"
#include "tests/explore/canonical.h"
#include "tests/explore/choice.h"
#include "tests/explore/digest.h"

namespace baton::explore {

// How often each kind of thing may still happen. Deliveries, writes, ticks and restarts are free.
struct Budgets {
  uint8_t advances = 0;
  uint8_t crashes = 0;
  uint8_t duplicates = 0;
  uint8_t drops = 0;
  uint8_t proposals = 0;
  uint8_t reads = 0;
  uint8_t flushes = 0;
  uint8_t truncations = 0;
  uint8_t stops = 0;
  uint8_t changes = 0;    // of members
  uint8_t handovers = 0;  // begun, or given up
  // In orderly worlds:
  uint8_t strays = 0;  // messages that leave the line
  uint8_t stalls = 0;  // disks that fall behind

  void Feed(consensus::Hasher* hasher) const;
  static constexpr Budgets Ample() { return {99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}; }
  friend bool operator==(const Budgets&, const Budgets&) = default;
};

// What a world is made of. Outlives its worlds.
struct Scene {
  std::string name;
  consensus::Membership membership;
  consensus::Config config;  // of each node, but for `self` and, by life, `seed`
  // What its leaders may be asked for.
  std::vector<std::vector<consensus::Member>> wanted;
  // As in the server, where another thread writes: what waited for a Persist leaves before the core
  // hears of it, and the core may hear late. Else both are one step.
  bool writer_apart = false;
  // Of a test of the explorer: what the disks say is written is not.
  bool disks_lie = false;
  // Whether things happen in order unless a budget is spent on it.
  bool orderly = false;
};

// What survives a crash.
struct Disk {
  consensus::HardState hard;
  EntryId base;
  std::optional<consensus::Seal> base_seal;  // the entry at base, if it is one
  std::vector<consensus::Entry> log;         // above base, without gaps
  Slot flushed;  // the engine's, on disk; a witness has none, and its base here

  explicit Disk(consensus::HardState hard = {}) : hard(std::move(hard)) {}
  Slot last() const { return Slot{base.slot.value + log.size()}; }
  // The Seal at a slot from the base on; nullopt: there is another entry.
  std::optional<consensus::Seal> SealAt(Slot slot) const;
  void Feed(consensus::Hasher* hasher) const;
  friend bool operator==(const Disk&, const Disk&) = default;
};

struct Node {
  Hashed<Disk> disk;
  uint8_t lives = 0;  // that began; each counts and draws its jitter anew
  // Lost in a crash. `replica` is empty while the node is down.
  std::optional<consensus::Replica> replica;
  Slot applied;
  std::vector<Hashed<DiskWrite>> writing;  // oldest first
  uint64_t unheard = 0;  // newest Persist that completed and the core has not heard of; 0: none
  bool proof_unheard = false;  // the same of a probe, which completed after it
  std::vector<consensus::ReadLog> reading;
  std::map<uint64_t, Slot> asked;  // reads that wait, and what was committed anywhere by then
  bool stalled = false;            // what is on its way to the disk completes only when chosen
  bool stopped = false;            // told to stop

  size_t RecordsUnderWay() const;  // to the disk
  bool IsWitness() const;
  Slot MayTruncate() const;  // up to here; REQUIRES: it is up
  void Feed(consensus::Hasher* hasher) const;
  friend bool operator==(const Node&, const Node&) = default;
};

// Sees what happens during a choice, in order.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void Did(NodeId node, const consensus::Action& action) = 0;
  virtual void Sent(const consensus::Message& message) = 0;
};

class World {
 public:
  // All nodes start with empty disks. Budgets are empty.
  explicit World(const Scene* scene);

  void Allow(const Budgets& budgets) { left_ = budgets; }
  const Budgets& left() const { return left_; }

  // All that may happen next, within the budgets.
  std::vector<Choice> Choices() const;
  // True: something happened. False: whatever may follow may follow as well without this choice.
  // REQUIRES: `choice` is one of Choices(), or would be with larger budgets; broken() is "".
  bool Take(const Choice& choice, Watcher* watcher);
  const std::string& broken() const { return broken_; }  // "": all has held

  std::string Describe(const Choice& choice) const;  // for people
  Digest digest() const;
  friend bool operator==(const World&, const World&) = default;

  const Scene& scene() const { return *scene_; }
  int64_t now_us() const { return now_us_; }
  const std::vector<Hashed<Node>>& nodes() const { return nodes_; }  // node 1 first
  const Node& node(NodeId id) const { return *nodes_[id.value - 1]; }
  const std::vector<Hashed<Parcel>>& line() const { return line_; }
  const std::vector<Hashed<Parcel>>& loose() const { return loose_; }

 private:
  friend class Turn;

  std::optional<Choice> Next() const;
  void AddNext(const Choice& next, std::vector<Choice>* choices) const;
  void AddLooseChoices(std::vector<Choice>* choices) const;
  void AddNodeChoices(uint8_t id, std::vector<Choice>* choices) const;
  void AddDiskChoices(uint8_t id, std::vector<Choice>* choices) const;
  void AddHandoverChoices(uint8_t id, std::vector<Choice>* choices) const;
  void AddTimeChoices(std::vector<Choice>* choices) const;
  bool DeliverLoose(const Choice& choice, Watcher* watcher);
  void Drop(const Choice& choice, Watcher* watcher);
  void TakeFromLine(const Choice& choice, Watcher* watcher);
  void TakeOnNode(const Choice& choice, Watcher* watcher);
  void AddLoose(Hashed<Parcel> parcel);
  void Arrive(const Parcel& parcel, Watcher* watcher);
  std::string CheckLeases() const;

  const Scene* scene_;
  int64_t now_us_;
  Budgets left_;
  std::vector<Hashed<Node>> nodes_;
  std::vector<Hashed<Parcel>> line_;   // in the order sent; empty unless orderly
  std::vector<Hashed<Parcel>> loose_;  // in the order of their digests
  Hashed<consensus::Invariants> history_;
  Slot committed_;        // highest commit slot of any replica, ever
  uint8_t proposed_ = 0;  // entries, so that no two have the same bytes
  uint8_t reads_asked_ = 0;
  uint8_t sealed_ = 0;  // handovers, by number
  std::string broken_;
};

}  // namespace baton::explore
