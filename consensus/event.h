// What happens to a Replica. `Step` is called once for each, in the order they happened.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/entry.h"
#include "consensus/health.h"
#include "consensus/message.h"

namespace baton::consensus {

// Time has passed. Due when the clock reaches Replica::NextDeadlineUs(); early ones do nothing.
struct Tick {};

struct Received {
  Message message;
};

// Persist actions complete in order: all with an id up to this one are on disk.
struct Persisted {
  uint64_t persist_id = 0;
};

// Answers ReadLog. Entries are consecutive from the slot asked, at least one, unless `missing`.
struct LogRead {
  uint64_t read_id = 0;
  std::vector<Entry> entries;
  bool missing = false;  // replaced or truncated since it was asked
};

// Answers ProveWrite.
struct WriteProved {};

// The leader's next entry, encoded for exactly the slot and ballot that Replica::NextEntryId()
// gives. REQUIRES: Replica::MayPropose(), or for a Reign or Membership entry an action OpenReign or
// ProposeMembers before. One of a ballot that this node leads no more is dropped: StoppedLeading
// has told of it.
struct Proposed {
  Entry entry;
  Slot log_floor;  // every member's disk has had the log up to here: known to this leader, or told
                   // by the entry before the Reign
};

// A linearizable read asks for a slot, at a leader or a follower. Answered by one ReadReady or
// ReadRefused with this id.
struct ReadRequested {
  uint64_t read_id = 0;
};

// Entries up to `slot` are in the engine.
struct Applied {
  Slot slot;
};

// The log below and including `base` is gone from disk.
struct Truncated {
  EntryId base;
};

// An operator wants these members. Answered by MembersRefused, or by ProposeMembers and, once the
// change is done, MembersSettled; a reign that ends before leaves it to the next one.
struct MembersRequested {
  uint64_t request_id = 0;
  std::vector<Member> members;
};

// The handover that this leader has sealed takes too long, and is given up. Nothing can follow the
// Seal in this reign: it ends, and this node prepares the next one.
struct HandoverGivenUp {};

// The driver has measured this node: its own health (the lag in it is the leader's to measure), in
// which order nodes are to be ranked if it leads, and about how many bytes its state and its kept
// log have.
struct Measured {
  NodeHealth health;
  RankOrder order = kRankOrder;  // REQUIRES: IsRankOrder()
  uint64_t policy_version = 0;   // that says so: what this node's Reign names, if it leads
  uint64_t state_bytes = 0;
  uint64_t log_bytes = 0;
  friend bool operator==(const Measured&, const Measured&) = default;
};

// The snapshot for `to`, asked for by SendSnapshot, is there or has failed. What `to` has now is
// seen in the Accepted that follow.
struct SnapshotEnded {
  NodeId to;
  bool failed = false;
  friend bool operator==(const SnapshotEnded&, const SnapshotEnded&) = default;
};

// A whole snapshot has arrived, verified: the state after `last`, and the newest configuration that
// the leader of `ballot`, who sent it, knew to be chosen; its entry may come after `last`. Answered
// by InstallSnapshot or DropSnapshot.
struct SnapshotReceived {
  Ballot ballot;
  EntryId last;
  Configuration configuration;
};

// The process is about to stop: a leader abdicates, nobody stands any more.
struct Stopping {};

using EventBody = std::variant<Tick, Received, Persisted, LogRead, WriteProved, Proposed,
                               ReadRequested, Applied, Truncated, MembersRequested, HandoverGivenUp,
                               Measured, SnapshotEnded, SnapshotReceived, Stopping>;

struct Event {
  int64_t now_us = 0;  // lease clock, read just before the step; never decreases
  EventBody body;
};

}  // namespace baton::consensus
