// What a Replica wants done. The driver carries actions out in the order given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"
#include "consensus/message.h"

namespace baton::consensus {

// What a node must remember beside its log.
struct HardState {
  Ballot promised;
  int64_t longest_lease_us = 0;  // ever granted, on this node's own clock
  Epoch epoch;
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

// This node won phase 1 and holds the adopted log. Encode the Reign entry `id` with the rows that
// go with it and feed it as Proposed.
struct OpenReign {
  EntryId id;
  Reign reign;
  friend bool operator==(const OpenReign&, const OpenReign&) = default;
};

// The reign's own entry is chosen: requests may be sequenced, reads served.
struct ReignOpened {
  Ballot ballot;
  friend bool operator==(const ReignOpened&, const ReignOpened&) = default;
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

using Action = std::variant<Persist, Send, Commit, ReadLog, OpenReign, ReignOpened, StoppedLeading,
                            SuffixReplaced, ReadReady, ReadRefused>;
using Actions = std::vector<Action>;

}  // namespace baton::consensus
