// Core: what the parts of one replica share. The durable facts, the log, the commit slot, and the
// actions of the step under way. The parts (acceptor, candidacy, leadership) get it as a parameter
// and keep only what is theirs.
//
// A value owned by Replica; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/config.h"
#include "consensus/configurations.h"
#include "consensus/durable_tracker.h"
#include "consensus/event.h"
#include "consensus/hasher.h"
#include "consensus/log_window.h"
#include "consensus/write_gate.h"

namespace baton::consensus {

// A Seal, and where it stands.
struct Sealed {
  EntryId at;
  Seal seal;
  // It came in this life of the process: the ballot that it promises was not used in one before.
  bool fresh = false;
  friend bool operator==(const Sealed&, const Sealed&) = default;
};

struct Core {
  Config config;
  int64_t now_us = 0;         // of the step under way; never decreases
  HardState hard;             // promised and longest_lease_us never decrease
  bool hard_changed = false;  // since it was last given to the disk: the next Write takes it along
  LogWindow log;
  DurableTracker disk;           // disk.durable() <= log.last().slot
  WriteGate gate;                // whether that disk completes writes
  Slot commit;                   // <= log.last().slot; never decreases
  Slot applied;                  // <= commit
  Slot data_floor;               // newest heard from a leader; never decreases (Accept::data_floor)
  std::optional<Sealed> sealed;  // newest Seal of the log; says something while it ends the log
  uint64_t round_seen = 0;       // highest round met anywhere; >= hard.promised.round
  uint64_t log_reads = 0;        // id of the newest ReadLog
  Measured measured;             // what the driver said last of this node
  Actions actions;               // empty between steps

  Core(const Config& config, const Recovered& recovered, int64_t now_us);

  NodeId self() const { return config.self; }
  const Configurations& configurations() const { return hard.configurations; }
  const Membership& membership() const { return hard.configurations.newest(); }
  void SawRound(const Ballot& ballot);
  // The Seal that ends the log; null: it ends in none.
  const Seal* SealAtEnd() const;
  // Nothing below is promised or accepted, but what its own leader sends in hard.promised: that, or
  // the successor of it once the log ends in its Seal.
  Ballot Promised() const;
  // Whether an Accept of that ballot may be taken.
  bool MayAcceptIn(const Ballot& ballot) const {
    return ballot == hard.promised || ballot >= Promised();
  }

  Message To(NodeId to, MessageBody body) const;
  void Send(NodeId to, MessageBody body);
  // Sends once everything given to the disk so far is durable: at once when the disk is idle.
  void SendAfterWrites(NodeId to, MessageBody body);

  // In memory: the next Write makes it durable.
  void RaisePromise(const Ballot& ballot);
  // One Persist action: hard state if that changed, and entries already in the log. Returns its id.
  uint64_t Write(std::vector<Entry> entries, std::vector<Message> then_send);
  // Adds to the log; a membership is in force from here on.
  void Append(const Entry& entry);
  // The disk has done what Write gave it, up to this id.
  void Wrote(uint64_t persist_id);
  // Asks for a probe of the disk.
  void Probe();
  // Takes those of `entries` that the log lacks; the first that conflicts replaces the tail, and
  // one that is there already never cuts what follows it. Returns what was taken and must be
  // written; nullopt, changing nothing, for entries that no sound leader sends: they conflict with
  // one up to `fixed`, or are older than what they follow. REQUIRES: entries are consecutive and
  // follow an entry of the log, or lie below its base; commit <= fixed.
  std::optional<std::vector<Entry>> Adopt(const std::vector<Entry>& entries, Slot fixed);
  // Raises the commit slot to `slot`, if that is higher.
  void CommitTo(Slot slot);
  // Asks for entries from `first` on that are not in memory. Returns the id of the read.
  uint64_t Read(Slot first, uint64_t bytes_max);
  // Whether what was read back is still this log, from `first` on.
  bool StillHolds(Slot first, const std::vector<Entry>& entries) const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Core&, const Core&) = default;
};

}  // namespace baton::consensus
