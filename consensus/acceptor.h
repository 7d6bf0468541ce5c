// Acceptor: what a node owes to the ballots of others. It promises, accepts in order, grants
// leases, and serves its log to a candidate that adopts it.
//
// Part of one Replica; a value. Messages it gets are well formed; the rules are in
// docs/consensus.md.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "consensus/core.h"
#include "consensus/event.h"
#include "consensus/hasher.h"
#include "consensus/lease.h"
#include "consensus/message.h"

namespace baton::consensus {

class Acceptor {
 public:
  Acceptor(const Config& config, int64_t now_us, int64_t restart_wait_end_us);

  // Promises, durably, before it answers. REQUIRES: m.ballot >= promised, and no lease binds.
  void OnPrepare(Core* core, const Prepare& m);
  // Takes the entries when it holds what they follow, and answers up to where its durable log
  // matches this ballot; else names the newest id worth trying. Drops what no sound leader sends.
  // True: a lease was granted. REQUIRES: m.ballot >= promised.
  bool OnAccept(Core* core, const Accept& m);
  // Serves entries to the candidate this node has promised.
  void OnFetch(Core* core, NodeId from, const Fetch& m);
  // True when the read was for a Fetch, now answered.
  bool OnLogRead(Core* core, const LogRead& read);
  // Releases the lease of exactly that ballot; true when it is the one promised, and this is news.
  // One that was neither promised nor followed here may be that of a candidate whom others count:
  // it says nothing of the leader that is followed.
  bool OnAbdicate(const Core& core, const Abdicate& m);

  // The leader whose Accepts this node takes, if it has promised nothing higher since and its lease
  // runs.
  std::optional<NodeId> Leader(const Core& core) const;
  // Until when it is that, if it is not heard; 0: there is none.
  int64_t LeaderSilentAtUs(const Core& core) const;
  const LeaseGiven& lease() const { return lease_; }
  // How the nodes are, by the leader of `ballot`.
  void OnHealth(const Ballot& ballot, const HealthTable& table);
  // The newest durable slot that the leader of `ballot` stated here; Slot{0} when it stated none.
  Slot DurableStatedBy(const Ballot& ballot) const;
  // How each node was when a leader last told.
  const HealthTable& health() const { return health_; }
  // The log up to `applied` has everything that was committed at this time of this node's clock;
  // 0: not known. A leader that still led then has said so, in answer to what was sent since.
  int64_t FreshAsOfUs(Slot applied) const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Acceptor&, const Acceptor&) = default;

 private:
  bool Grant(Core* core, const Accept& m);
  void NoteFreshness(const Core& core, const Accept& m);

  // A Fetch that waits for the disk.
  struct Serving {
    uint64_t read_id = 0;
    Fetch fetch;
    friend bool operator==(const Serving&, const Serving&) = default;
  };

  Ballot following_;     // whose Accepts were taken last; <= promised
  Slot matched_;         // the log equals the leader's of following_ up to here
  Ballot stated_by_;     // newest ballot that stated ...
  Slot stated_durable_;  // ... its leader's durable slot
  LeaseGiven lease_;
  Ballot health_of_;    // the ballot whose leader ...
  HealthTable health_;  // ... told this; numbers ascend within it
  std::optional<Serving> serving_;

  // Clock readings travel as counts from a random start, so that one that a former life of this
  // node sent is not taken for one of this life.
  int64_t started_us_;
  int64_t count_start_;
  // Committed up to the slot at that time. The older one is kept until the newer is applied.
  struct Fresh {
    Slot slot;
    int64_t as_of_us = 0;
    friend bool operator==(const Fresh&, const Fresh&) = default;
  };
  Fresh fresh_, fresher_;  // fresh_.as_of_us <= fresher_.as_of_us
};

}  // namespace baton::consensus
