// What happens to a Replica. `Step` is called once for each, in the order they happened.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"
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

// The leader's next entry, encoded for exactly the slot and ballot that Replica::NextEntryId()
// gives. REQUIRES: Replica::MayPropose(), or for a Reign entry an OpenReign action before. One of a
// ballot that this node leads no more is dropped: StoppedLeading has told of it.
struct Proposed {
  Entry entry;
};

// A linearizable read asks for a slot. Answered by one ReadReady or ReadRefused with this id.
struct ReadRequested {
  uint64_t read_id = 0;
};

// Entries up to `slot` are in the engine: their bytes may leave memory.
struct Applied {
  Slot slot;
};

// The log below and including `base` is gone from disk.
struct Truncated {
  EntryId base;
};

// The process is about to stop: a leader abdicates, nobody stands any more.
struct Stopping {};

using EventBody = std::variant<Tick, Received, Persisted, LogRead, Proposed, ReadRequested, Applied,
                               Truncated, Stopping>;

struct Event {
  int64_t now_us = 0;  // lease clock, read just before the step; never decreases
  EventBody body;
};

}  // namespace baton::consensus
