// What a Replica wants done. The driver carries actions out in the order given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/entry.h"
#include "consensus/message.h"

namespace baton::consensus {

// What a node must remember beside its log.
struct HardState {
  Ballot promised;
  int64_t longest_lease_us = 0;   // ever granted, on this node's own clock
  Configurations configurations;  // written with the entries they came with
  friend bool operator==(const HardState&, const HardState&) = default;
};

// Write and sync, in order with every other Persist; then send `then_send`; then feed Persisted.
// An entry at slot s voids everything at and above s that was written before it.
// One without records writes nothing: its messages wait for the Persists before it.
struct Persist {
  uint64_t persist_id = 0;
  std::optional<HardState> hard_state;
  std::vector<Entry> entries;
  std::vector<Message> then_send;
  friend bool operator==(const Persist&, const Persist&) = default;
};

struct Send {
  Message message;
  friend bool operator==(const Send&, const Send&) = default;
};

// The commit slot rose to `slot`. Entries may be applied up to min(slot, Replica::durable()).
struct Commit {
  Slot slot;
  friend bool operator==(const Commit&, const Commit&) = default;
};

// Read entries [first, last] back from disk, fewer when they pass bytes_max (at least one); feed
// LogRead.
struct ReadLog {
  uint64_t read_id = 0;
  Slot first;
  Slot last;
  uint64_t bytes_max = 0;
  friend bool operator==(const ReadLog&, const ReadLog&) = default;
};

// Overwrite and sync something beside the log, in order with the Persists; then feed WriteProved.
struct ProveWrite {
  friend bool operator==(const ProveWrite&, const ProveWrite&) = default;
};

// This node won phase 1 and holds the adopted log. Encode the Reign entry `id` with the rows that
// go with it and feed it as Proposed.
struct OpenReign {
  EntryId id;
  Reign reign;
  // Told to take over, in the ballot that the Seal promises: all that is before the Reign is
  // chosen, and what the Seal left to give no other reign gives. Requests may be sequenced behind
  // the Reign before it is chosen.
  bool takes_over = false;
  friend bool operator==(const OpenReign&, const OpenReign&) = default;
};

// The reign's own entry is chosen: requests may be sequenced, reads served.
struct ReignOpened {
  Ballot ballot;
  friend bool operator==(const ReignOpened&, const ReignOpened&) = default;
};

// The change of members `request_id` (0: one that is under way goes on) needs this entry. Encode it
// with the rows that go with it and feed it as Proposed.
struct ProposeMembers {
  uint64_t request_id = 0;
  EntryId id;
  Membership membership;
  friend bool operator==(const ProposeMembers&, const ProposeMembers&) = default;
};
struct MembersRefused {
  uint64_t request_id = 0;
  std::string reason;  // for people: what to change
  friend bool operator==(const MembersRefused&, const MembersRefused&) = default;
};
// No change is under way any more: the membership of this epoch is chosen. Where it has changed the
// voters, those that have left may be taken away; Replica::LeftMayGo says so at any time.
struct MembersSettled {
  Epoch epoch;
  friend bool operator==(const MembersSettled&, const MembersSettled&) = default;
};

// `to` needs what this log has no longer, or would come back sooner by the state. Send it a
// snapshot under this ballot, then feed SnapshotEnded.
struct SendSnapshot {
  NodeId to;
  Ballot ballot;
  bool log_only = false;  // to a witness: no state; it begins its log where this log begins
  friend bool operator==(const SendSnapshot&, const SendSnapshot&) = default;
};
// Replace state, log and hard state by the snapshot received, so that a crash leaves all or
// nothing of it, and start a new Replica from them: this one does nothing any more.
struct InstallSnapshot {
  EntryId last;
  HardState hard_state;
  friend bool operator==(const InstallSnapshot&, const InstallSnapshot&) = default;
};
// The snapshot received is not needed, or not its leader's any more.
struct DropSnapshot {
  friend bool operator==(const DropSnapshot&, const DropSnapshot&) = default;
};

// This node leads no more; what was proposed and not committed has an unknown outcome. Stop serving
// by its lease before carrying out the actions that follow: they may release the voters from it.
struct StoppedLeading {
  Ballot ballot;
  std::string reason;  // for people: "promised 7.2", "no quorum for 500 ms", "stopping"
  friend bool operator==(const StoppedLeading&, const StoppedLeading&) = default;
};

// The log from `first` on was replaced by another leader's.
struct SuffixReplaced {
  Slot first;
  friend bool operator==(const SuffixReplaced&, const SuffixReplaced&) = default;
};

// Everything committed when the read was requested is at or below `slot`: read once it is applied.
struct ReadReady {
  uint64_t read_id = 0;
  Slot slot;
  friend bool operator==(const ReadReady&, const ReadReady&) = default;
};
struct ReadRefused {
  uint64_t read_id = 0;  // this node leads no open reign, or stopped leading meanwhile
  friend bool operator==(const ReadRefused&, const ReadRefused&) = default;
};

using Action =
    std::variant<Persist, Send, Commit, ReadLog, ProveWrite, OpenReign, ReignOpened, ProposeMembers,
                 MembersRefused, MembersSettled, SendSnapshot, InstallSnapshot, DropSnapshot,
                 StoppedLeading, SuffixReplaced, ReadReady, ReadRefused>;
using Actions = std::vector<Action>;

}  // namespace baton::consensus
