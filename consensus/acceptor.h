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
  explicit Acceptor(int64_t restart_wait_end_us) : lease_(restart_wait_end_us) {}

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
  // Releases the lease of exactly that ballot; true when it was this node's leader's.
  bool OnAbdicate(const Core& core, const Abdicate& m);

  // The leader whose Accepts this node takes, if it has promised nothing higher since.
  std::optional<NodeId> Leader(const Core& core) const;
  const LeaseGiven& lease() const { return lease_; }
  // The newest durable slot that the leader of `ballot` stated here; Slot{0} when it stated none.
  Slot DurableStatedBy(const Ballot& ballot) const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Acceptor&, const Acceptor&) = default;

 private:
  // A Fetch that waits for the disk.
  struct Serving {
    uint64_t read_id = 0;
    Fetch fetch;
    friend bool operator==(const Serving&, const Serving&) = default;
  };

  Ballot following_;     // whose Accepts were taken last; <= promised
  Slot matched_;         // the log equals the leader's of following_ up to here; >= commit
  Ballot stated_by_;     // newest ballot that stated ...
  Slot stated_durable_;  // ... its leader's durable slot
  LeaseGiven lease_;
  std::optional<Serving> serving_;
};

}  // namespace baton::consensus
