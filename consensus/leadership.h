// Leadership: one reign of this node. Phase 2, the heartbeats that carry it, and the reads it
// serves.
//
// It begins with phase 1 won and the adopted log in place; it proposes the Reign entry first, and
// opens to requests when that is chosen. Part of one Replica; a value that lives as long as the
// reign.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/commit_tracker.h"
#include "consensus/core.h"
#include "consensus/event.h"
#include "consensus/hasher.h"
#include "consensus/lease.h"
#include "consensus/message.h"
#include "consensus/peer_progress.h"
#include "consensus/read_index.h"

namespace baton::consensus {

class Leadership {
 public:
  // REQUIRES: a quorum promised `ballot`, and core.log is the best of its logs.
  Leadership(const Core& core, const Ballot& ballot);

  // Asks the driver for the Reign entry. takes_over: as OpenReign says.
  void Begin(Core* core, Slot predecessor_durable, bool takes_over);
  // REQUIRES: the entry has NextEntryId(); it is this ballot's Reign if and only if none was
  // proposed yet; nothing follows a Seal.
  void OnProposed(Core* core, const Proposed& proposed);
  void OnAccepted(Core* core, NodeId from, const Accepted& m);
  void OnPersisted(Core* core);
  void OnLogRead(Core* core, const LogRead& read);
  void OnReadRequested(Core* core, uint64_t read_id);
  void OnAskSlot(Core* core, NodeId from, const AskSlot& m);
  void OnMembersRequested(Core* core, const MembersRequested& request);
  void OnSnapshotEnded(Core* core, const SnapshotEnded& ended);
  void OnTick(Core* core);
  // Ends the reign: StoppedLeading, then a refusal for every read that waits. With `abdicate` the
  // voters are released from its lease.
  void Stop(Core* core, const std::string& reason, bool abdicate);

  // No change is under way, and in every quorum a voter with data knows it: those that have left
  // are needed no more, whatever is lost of the others.
  bool LeftMayGo(const Core& core) const;
  // The node that is to lead next: the Seal that names it is chosen, and it has it. Nullopt: none.
  std::optional<NodeId> Successor(const Core& core) const;
  bool sealed() const { return sealed_; }
  // This node is chosen to lead no more: the reign is to end.
  bool Removed(const Core& core) const;
  // When a quorum will have been silent for a lease, if none of it answers.
  int64_t QuorumLostAtUs(const Core& core) const;
  int64_t NextHeartbeatUs() const { return next_heartbeat_us_; }

  Ballot ballot() const { return ballot_; }
  Slot reign_slot() const { return accepted_.reign_slot(); }
  bool open() const { return open_; }
  int64_t LeaseEndUs(const Core& core) const;
  bool MayPropose(const Core& core) const;
  EntryId NextEntryId(const Core& core) const;
  Slot MatchOf(NodeId peer) const;
  const HealthTable& health() const { return health_; }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Leadership&, const Leadership&) = default;

 private:
  // What is known of one member beside this node.
  struct Peer {
    PeerProgress progress;
    Slot commit_sent;         // newest commit slot sent
    int64_t answered_us = 0;  // when the newest Accept that it answered was sent; 0: none yet
    int64_t clock_us = 0;     // its newest Accepted::clock_us, by arrival
    NodeHealth health;        // as it said; the lag is measured here
    friend bool operator==(const Peer&, const Peer&) = default;
  };

  // What Accepts that leave together state alike.
  struct Stated {
    int64_t followed_us = 0;  // up to when a quorum is known to have followed
    Slot data_floor;
  };
  Stated State(const Core& core) const;

  void SendAccept(Core* core, NodeId to, Peer* peer, std::vector<Entry> entries,
                  const Stated& stated, HealthTable health = {});
  void Pump(Core* core, NodeId to, Peer* peer, const Stated& stated);
  void PumpAll(Core* core);
  void SendToAll(Core* core, const HealthTable& health);
  void SendSnapshotTo(Core* core, NodeId to, Peer* peer, Slot next, int64_t sent_at_us);
  void OnMatched(Core* core, NodeId from, Peer* peer, Slot match);
  void OnMismatched(Core* core, NodeId from, Peer* peer, const Accepted& m);
  bool SnapshotIsCheaper(const Core& core, NodeId node, Slot match) const;
  void AdvanceCommit(Core* core);
  bool CountChosen(Core* core);
  void AdvanceReads(Core* core);

  // leadership_members.cc
  void AdvanceMembers(Core* core);
  void ProposeMembership(Core* core, uint64_t request_id, Membership membership);
  void MeetPeers(const Core& core);
  Slot HeldWithData(const Core& core, NodeId node) const;
  bool HeldInForceBy(const Core& core, const Membership& members) const;
  Slot DataFloor(const Core& core) const;
  bool MayBeginAnew(const Core& core, NodeId node) const;

  void MeasureHealth(const Core& core);
  LagClass LagOf(const Core& core, const Peer& peer) const;
  int64_t QuorumFollowedUs(const Core& core) const;

  Ballot ballot_;
  bool takes_over_ = false;
  bool proposed_ = false;           // the Reign entry is in the log
  bool open_ = false;               // and chosen; proposed_ before
  bool sealed_ = false;             // a Seal is in the log; nothing follows it
  uint64_t uncommitted_bytes_ = 0;  // of this reign's entries above the commit slot
  Slot log_floor_;                  // newest that came with a proposal
  int64_t next_heartbeat_us_;
  std::map<NodeId, Peer> peers_;  // every member but this node, by any configuration
  int64_t began_us_;
  std::optional<Membership> proposing_;  // asked of the driver and not proposed yet
  bool changing_ = false;                // members: the change under way is not done
  bool voters_change_ = false;  // by it, or by one before it that is not settled; changing_ then
  HealthTable health_;          // as last spread; ballot_'s own
  CommitTracker accepted_;
  LeaseHeld lease_;
  ReadIndex reads_;
};

}  // namespace baton::consensus
