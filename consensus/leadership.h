// Leadership: one reign of this node. Phase 2, the heartbeats that carry it, and the reads it
// serves.
//
// It begins with phase 1 won and the adopted log in place; it proposes the Reign entry first, and
// opens to requests when that is chosen. Part of one Replica; a value that lives as long as the
// reign.
#pragma once

#include <cstdint>
#include <map>
#include <string>

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

  // Asks the driver for the Reign entry.
  void Begin(Core* core, Slot predecessor_durable);
  // REQUIRES: entry.id == NextEntryId(); it is this ballot's Reign if and only if none was proposed
  // yet; nothing follows a Seal.
  void OnProposed(Core* core, const Entry& entry);
  void OnAccepted(Core* core, NodeId from, const Accepted& m);
  void OnPersisted(Core* core);
  void OnLogRead(Core* core, const LogRead& read);
  void OnReadRequested(Core* core, uint64_t read_id);
  void OnTick(Core* core);
  // Ends the reign: StoppedLeading, then a refusal for every read that waits. With `abdicate` the
  // voters are released from its lease.
  void Stop(Core* core, const std::string& reason, bool abdicate);

  // When a quorum will have been silent for a lease, if none of it answers.
  int64_t QuorumLostAtUs(const Core& core) const;
  int64_t NextHeartbeatUs() const { return next_heartbeat_us_; }

  Ballot ballot() const { return ballot_; }
  bool open() const { return open_; }
  int64_t LeaseEndUs(const Core& core) const;
  bool MayPropose(const Core& core) const;
  EntryId NextEntryId(const Core& core) const;
  Slot MatchOf(NodeId peer) const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Leadership&, const Leadership&) = default;

 private:
  void SendAccept(Core* core, NodeId to, PeerProgress* peer, std::vector<Entry> entries);
  void Pump(Core* core, NodeId to, PeerProgress* peer);
  void PumpAll(Core* core);
  void SendToAll(Core* core);
  void AdvanceCommit(Core* core);
  void AdvanceReads(Core* core);

  Ballot ballot_;
  bool proposed_ = false;           // the Reign entry is in the log
  bool open_ = false;               // and chosen; proposed_ before
  bool sealed_ = false;             // a Seal is in the log; nothing follows it
  uint64_t uncommitted_bytes_ = 0;  // of this reign's entries above the commit slot
  int64_t next_heartbeat_us_;
  std::map<NodeId, PeerProgress> peers_;  // every member but this node
  std::map<NodeId, Slot> commit_sent_;    // newest commit slot sent, by peer
  std::map<NodeId, int64_t> heard_us_;    // newest Accepted, by peer, when it arrived
  int64_t began_us_;
  CommitTracker accepted_;
  LeaseHeld lease_;
  ReadIndex reads_;
};

}  // namespace baton::consensus
