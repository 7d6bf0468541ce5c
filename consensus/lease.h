// Leases. A follower that answers an Accept grants its leader a lease: while it runs the follower
// helps no other ballot, nor stands itself. The leader adds up the grants of a quorum.
//
// Safe because the leader counts from when it *sent* what was answered and the follower from when
// it *received* it, and the leader's share is shortened by the bound on clock drift. Clocks of two
// nodes are never compared. Values, free of threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/types.h"
#include "consensus/config.h"
#include "consensus/configurations.h"
#include "consensus/hasher.h"
#include "consensus/message.h"

namespace baton::consensus {

// An Accept that asks for more is malformed: it would bind its receiver for good.
inline constexpr int64_t kLeaseUsMax = 60'000'000;

// What this node has granted. It binds its promises, its answers to a canvass, and its own
// candidacy.
class LeaseGiven {
 public:
  LeaseGiven() = default;
  // A restarted node does not know what it granted: it waits out the longest it ever did, from its
  // hard state. Nothing shortens this wait.
  explicit LeaseGiven(int64_t restart_wait_end_us) : restart_wait_end_us_(restart_wait_end_us) {}

  // Grants `ballot` a lease of lease_us from now. False when it asks for none, or has abdicated.
  bool Grant(const Ballot& ballot, int64_t now_us, int64_t lease_us);
  // The leader of `ballot` leads no more: releases what was granted to it, and to it only.
  void Release(const Ballot& ballot, int64_t now_us);
  // It, or a higher ballot that was promised here, is over: nothing is granted to it any more.
  bool Abdicated(const Ballot& ballot) const { return ballot <= abdicated_; }

  // Why `ballot` must wait (kLeased, kRestartWait), or kNone.
  Refusal Binds(const Ballot& ballot, int64_t now_us) const;
  bool IsOf(const Ballot& ballot) const { return ballot == ballot_; }
  // When the lease granted to `ballot` ends; 0 when it is not the newest to be granted one.
  int64_t EndUs(const Ballot& ballot) const { return ballot == ballot_ ? end_us_ : 0; }
  // Until then a node that restarted leads nobody, whoever gives way to it.
  int64_t RestartWaitEndUs() const { return restart_wait_end_us_; }
  // From when this node is free to follow or to be any other leader.
  int64_t BoundUntilUs() const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const LeaseGiven&, const LeaseGiven&) = default;

 private:
  Ballot ballot_;                    // newest ballot that got a grant
  int64_t end_us_ = 0;               // of the grant to ballot_
  int64_t restart_wait_end_us_ = 0;  // fixed at construction
  Ballot abdicated_;                 // highest known to have stopped; nothing is granted up to it
};

// What a leader has been granted, in one reign.
class LeaseHeld {
 public:
  // `node` granted a lease in answer to what was sent at sent_at_us.
  void Granted(NodeId node, int64_t sent_at_us);
  // When the lease of a quorum ends; 0 when there is none. The leader's own share is its being
  // here.
  int64_t EndUs(const Configurations& configurations, NodeId self, int64_t now_us,
                const Timing& timing) const;

  void Feed(Hasher* hasher) const { hasher->Add(sent_at_us_); }
  friend bool operator==(const LeaseHeld&, const LeaseHeld&) = default;

 private:
  std::map<NodeId, int64_t> sent_at_us_;  // newest granted, by node; never decreases
};

}  // namespace baton::consensus
