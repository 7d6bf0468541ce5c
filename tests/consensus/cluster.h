// Cluster: replicas of one group over a simulated network, simulated disks and simulated clocks.
//
// Nothing happens by itself: the test delivers, drops and repeats messages, completes writes and
// reads, moves time, crashes and restarts nodes. The cluster plays the driver: it carries out the
// actions of each step, encodes Reign entries, applies what is committed and durable. After every
// step it asks Invariants, and checks that leases exclude each other and that reads are
// linearizable; the first thing broken is kept in broken(). One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "consensus/invariants.h"
#include "consensus/replica.h"

namespace baton::consensus {

// What survives a crash.
struct SimDisk {
  HardState hard;  // has a first configuration from the start
  EntryId base;
  std::optional<Seal> base_seal;  // the entry at base, if it is one
  std::map<Slot, Entry> log;      // above base, without gaps
  Slot flushed;                   // the engine's, on disk; a witness has none, and its base here

  // Below the base it was chosen.
  bool Holds(const EntryId& id) const {
    if (id.slot <= base.slot) return id.slot < base.slot || id == base;
    const auto found = log.find(id.slot);
    return found != log.end() && found->second.id == id;
  }
  // The Seal at a slot from the base on; nullopt: there is another entry.
  std::optional<Seal> SealAt(Slot slot) const {
    if (slot == base.slot) return base_seal;
    return SealIn(log.at(slot).core);
  }
};

// A snapshot on its way: the state of `from` after `last`.
struct SimSnapshot {
  NodeId from;
  NodeId to;
  Ballot ballot;
  EntryId last;
  std::optional<Seal> seal;  // of the entry at `last`, if it is one
  Configuration configuration;
};

struct SimNode {
  Config config;
  int64_t clock_offset_us = 0;
  int64_t clock_rate_ppm = 0;  // how much faster than true time its clock runs
  SimDisk disk;

  // Lost in a crash; `replica` is empty while the node is down.
  std::optional<Replica> replica;
  Slot applied;
  std::deque<Persist> writing;
  std::deque<ReadLog> reading;
  std::deque<uint64_t> probing;  // probes, each behind so many writes that were issued before it
  uint64_t writes_issued = 0;
  uint64_t lives = 0;
  std::string refused;             // why the last change of members was not made
  std::map<uint64_t, Slot> reads;  // asked: id and what was committed anywhere at that moment
};

// How often the rarer paths were walked.
struct Coverage {
  uint64_t reigns = 0;
  uint64_t stopped_leading = 0;
  uint64_t suffixes_replaced = 0;
  uint64_t disk_reads = 0;
  uint64_t reads_ready = 0;
  uint64_t reads_refused = 0;
  uint64_t canvass_refused = 0;
  uint64_t nacks = 0;
  uint64_t fetched_entries = 0;
  uint64_t fetch_mismatches = 0;
  uint64_t accept_mismatches = 0;
  uint64_t abdications = 0;
  uint64_t handed_over = 0;
  uint64_t taken_over = 0;
  uint64_t reclaimed = 0;  // led again, or somebody else did, after a Seal that named another
  uint64_t members_settled = 0;
  uint64_t members_refused = 0;
  uint64_t snapshots_sent = 0;
  uint64_t snapshots_installed = 0;
  uint64_t slots_told = 0;

  void Count(const Action& action);
  void Count(const Message& message);
  void Add(const Coverage& other);
  uint64_t Least() const;
};

class Cluster {
 public:
  using Trace = std::function<void(const std::string& line)>;

  // `configure` may change each node before it starts.
  Cluster(std::vector<Member> members, const Config& config,
          std::function<void(SimNode*)> configure = {});

  void set_trace(Trace trace) { trace_ = std::move(trace); }
  const std::string& broken() const { return broken_; }  // "": all has held so far
  uint64_t steps() const { return steps_; }
  const Coverage& coverage() const { return coverage_; }

  // Network. Messages lie in the order sent.
  const std::deque<Message>& network() const { return network_; }
  void Deliver(size_t index);
  void Drop(size_t index);
  void Duplicate(size_t index);
  void Defer(size_t index);  // behind all others
  void Cut(NodeId from, NodeId to) { cut_.emplace(from, to); }
  void Heal() { cut_.clear(); }

  // Disks.
  bool CompleteWrite(NodeId node);  // the oldest Persist; false when there is none
  bool CompleteRead(NodeId node);
  bool CompleteProbe(NodeId node);        // false too while writes before it are not done
  void Flush(NodeId node);                // the engine: applied is on disk
  void Truncate(NodeId node, Slot slot);  // no further than is safe for this node itself

  // Snapshots, in the order sent. One that fails tells its sender only; one that the sender gives
  // up, as it does with a silent receiver, may arrive all the same.
  const std::deque<SimSnapshot>& snapshots() const { return snapshots_; }
  void DeliverSnapshot(size_t index);
  void FailSnapshot(size_t index);
  void GiveUpSnapshot(size_t index);

  // Life and time.
  void Crash(NodeId node, size_t writes_that_land = 0);
  void Restart(NodeId node);
  bool Up(NodeId node) const {
    const auto found = nodes_.find(node);
    return found != nodes_.end() && found->second.replica.has_value();
  }
  int64_t now_us() const { return now_us_; }
  void Advance(int64_t us) { now_us_ += us; }
  int64_t DeadlineUs(
      NodeId node) const;  // in true time, at least now; INT64_MAX when down or never
  void Tick(NodeId node) { Step(node, consensus::Tick{}); }

  // A node with an empty disk that was told the members of now; it must be among them to matter.
  void Join(NodeId node, const Membership& members);
  // Its disk is lost: it is nobody until it joins again, as another node.
  void Wipe(NodeId node);
  // It is no member, by any membership that may come to be in force, and its leader said that it
  // may go: its operator may take it away.
  bool HasLeft(NodeId node) const;
  // Without it, for good, the others must be able to go on: they have a quorum of every membership
  // that may be in force or come to be, and one that may lead. Until a change is settled that is
  // also the one before.
  bool MayLose(NodeId node) const;

  // The driver's requests.
  bool Propose(NodeId node, const std::string& bytes, CorePart core = {});
  void GiveUpHandover(NodeId node);
  void Read(NodeId node, uint64_t read_id);
  bool ChangeMembers(NodeId node, const std::vector<Member>& members);  // false: refused at once
  void Measure(NodeId node, const Measured& measured);
  void Stop(NodeId node) { Step(node, Stopping{}); }
  bool LeaseRuns(NodeId node) const;

  // Delivers, writes and reads until nothing is under way; true time stands still.
  void Settle();
  // Ends all faults, then lets time run until a new proposal is applied everywhere. Returns its
  // slot, Slot{0} when `within_us` was not enough.
  Slot Progress(int64_t within_us);

  const std::map<NodeId, SimNode>& nodes() const { return nodes_; }
  const Replica& replica(NodeId node) const { return *nodes_.at(node).replica; }
  std::vector<NodeId> Ids() const;
  std::optional<NodeId> OpenLeader() const;  // of the highest ballot
  uint64_t Hash64() const;                   // of all replicas that are up

 private:
  void TellFailed(size_t index, const char* how);  // a snapshot's sender
  void Step(NodeId node, EventBody body);
  void Do(NodeId node, Action action);
  void SendNow(const Message& message);
  void Apply(NodeId node);
  void Install(NodeId node, const InstallSnapshot& install);
  bool IsWitness(NodeId node) const;
  bool MayHaveToWait(NodeId node) const;
  bool AppliedByAllMembers(Slot slot) const;
  void Check(const std::string& broken);
  void CheckAll(NodeId node);
  void CheckBase(NodeId witness);
  int64_t LocalUs(const SimNode& node) const;
  void Note(const std::string& line) {
    if (trace_) trace_(line);
  }

  Membership membership_;  // the first
  std::deque<SimSnapshot> snapshots_;
  std::optional<Seal> arriving_seal_;  // of the snapshot that arrives, or arrived last
  std::map<NodeId, SimNode> nodes_;
  std::deque<Message> network_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  int64_t now_us_ = 1'000'000;
  uint64_t steps_ = 0;
  Coverage coverage_;
  Slot committed_;  // highest commit slot of any replica, ever
  Epoch settled_;   // newest of which a leader said that those who left may go; Epoch{0}: none yet
  Invariants invariants_;
  std::string broken_;
  Trace trace_;
};

// An entry as the cluster's driver encodes it.
Entry MakeEntry(const EntryId& id, const std::string& bytes, CorePart core = {});

}  // namespace baton::consensus
