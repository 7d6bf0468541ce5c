// The messages of ordered Multi-Paxos, one struct each. docs/consensus.md tells when they are sent.
//
// Values, free of threads. Bytes are server/codec's. Times are lease-clock microseconds of the node
// named; clocks of different nodes are never compared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/entry.h"
#include "consensus/health.h"

namespace baton::consensus {

// Why a node would not go along.
enum class Refusal : uint8_t {
  kNone = 0,
  kPromisedHigher = 1,  // it has promised a higher ballot; to a Canvass: it gives that one time
  kLeased = 2,          // its lease to the present leader has not run out
  kRestartWait = 3,     // it restarted and waits out the longest lease it may have granted
  kLeading = 4,         // it leads, with a quorum behind it
  kNotAMember = 5,      // the candidate is none, as far as a log at least as good as its own knows
  kUnable = 6,          // to a TakeOver: it may not stand now
};

// Phase 0: would you follow me? Without side effects.
struct Canvass {
  Ballot ballot;  // names this canvass; what is prepared after it is at least this
  EntryId last;
  friend bool operator==(const Canvass&, const Canvass&) = default;
};
struct CanvassReply {
  Ballot ballot;  // of the Canvass
  bool granted = false;
  Refusal refusal = Refusal::kNone;
  Ballot promised;  // a candidate prepares above all it is told of, so this alone refuses nothing
  friend bool operator==(const CanvassReply&, const CanvassReply&) = default;
};

// Phase 1. The sender's own promise is durable before this leaves.
struct Prepare {
  Ballot ballot;
  Ballot succeeds;  // its leader has dropped its lease for good: that binds nobody any more
  friend bool operator==(const Prepare&, const Prepare&) = default;
};
// The promise is durable before this leaves.
struct Promise {
  Ballot ballot;
  EntryId last;  // end of the durable log
  friend bool operator==(const Promise&, const Promise&) = default;
};
// Refuses a Prepare, a Fetch, an Accept or a TakeOver.
struct Nack {
  Ballot ballot;    // refused
  Ballot promised;  // > ballot when refusal is kPromisedHigher
  Refusal refusal = Refusal::kPromisedHigher;
  friend bool operator==(const Nack&, const Nack&) = default;
};

// A candidate asks the owner of the best promise for what it lacks. Bound to its ballot.
struct Fetch {
  Ballot ballot;
  EntryId prev;  // what the candidate holds; the answer follows it or names an older id
  uint64_t bytes_max = 0;
  friend bool operator==(const Fetch&, const Fetch&) = default;
};
struct Fetched {
  Ballot ballot;
  Ballot promised;  // the source's; above `ballot` it ends the candidacy
  bool matched = false;
  EntryId prev;  // matched: what `entries` follow; else the newest id worth asking from
  EntryId base;  // of the source's log: who lacks it can have nothing from there
  std::vector<Entry> entries;
  friend bool operator==(const Fetched&, const Fetched&) = default;
};

// Phase 2, and the heartbeat when `entries` is empty.
struct Accept {
  Ballot ballot;
  EntryId prev;
  std::vector<Entry> entries;
  Slot commit;
  int64_t sent_at_us = 0;  // leader's clock; echoed
  int64_t lease_us = 0;
  uint64_t read_round = 0;  // echoed; proves leadership to the reads of that round
  Slot durable;             // the leader's own durable slot: what its next Reign may state of it
  // Followers grant no lease when either is too old.
  int64_t proof_age_us = 0;   // how long ago a write of the leader's log last completed
  int64_t quorum_age_us = 0;  // how long ago the leader had last heard a quorum
  int64_t echo_us = 0;        // the receiver's newest Accepted::clock_us; 0: none came yet
  // Every quorum, of any membership that may come to be in force, has a voter that holds data and
  // everything up to here. Where nobody is a witness it is the commit slot.
  Slot data_floor;
  HealthTable health;  // in heartbeats; number 0: none
  friend bool operator==(const Accept&, const Accept&) = default;
};
struct Accepted {
  Ballot ballot;
  bool matched = false;
  EntryId hint;  // not matched: the newest id worth trying as prev
  Slot match;    // durable and equal to the leader's log, up to and including this slot
  int64_t sent_at_us = 0;
  bool lease_granted = false;
  uint64_t read_round = 0;
  int64_t clock_us = 0;  // when it was sent, by the sender's count; echoed
  NodeHealth health;     // the sender's own
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

// The leader of `ballot` stops leading and renews nothing: no one need wait for its lease. Or its
// candidate gives way: no one need be patient with it.
struct Abdicate {
  Ballot ballot;
  friend bool operator==(const Abdicate&, const Abdicate&) = default;
};

// The leader of `ballot` has ended its reign with a Seal, and dropped its lease for good: the
// receiver, whom the Seal names and who holds it, is to lead next and may succeed `ballot`. Refused
// by a Nack of that ballot.
struct TakeOver {
  Ballot ballot;
  EntryId seal;  // chosen, and the end of both logs
  friend bool operator==(const TakeOver&, const TakeOver&) = default;
};

// A follower asks its leader for a slot to read at, and is told one that was committed after it
// asked.
struct AskSlot {
  uint64_t ask = 0;
  friend bool operator==(const AskSlot&, const AskSlot&) = default;
};
struct TellSlot {
  uint64_t ask = 0;
  bool granted = false;  // false: the one asked leads no open reign
  Slot slot;
  friend bool operator==(const TellSlot&, const TellSlot&) = default;
};

// A snapshot on its way, between the drivers: the core says when one is sent (SendSnapshot) and
// whether it is installed (SnapshotReceived), and drops these three itself. The receiver pulls.
// Drivers look at none that is not WellFormed.
struct SnapshotOffer {
  Ballot ballot;
  uint64_t snapshot = 0;                     // names it among all that its sender ever offered
  EntryId prev;                              // before `last`
  EntryId last;                              // the state is that after this entry ...
  std::shared_ptr<const std::string> entry;  // ... which the next reign continues; never null
  Configuration configuration;
  uint64_t bytes = 0;  // of the whole stream; 0: to a witness, which takes no state
  friend bool operator==(const SnapshotOffer& a, const SnapshotOffer& b) {
    return a.ballot == b.ballot && a.snapshot == b.snapshot && a.prev == b.prev &&
           a.last == b.last && *a.entry == *b.entry && a.configuration == b.configuration &&
           a.bytes == b.bytes;
  }
};
struct SnapshotPull {
  uint64_t snapshot = 0;
  uint64_t position = 0;      // written here up to this byte: send what follows ...
  uint64_t window_bytes = 0;  // ... but no more than this
  bool again = false;         // what followed was lost: begin here anew
  bool done = false;          // nothing more is wanted
  bool failed = false;        // the receiver cannot take it now: offer none for a while
  friend bool operator==(const SnapshotPull&, const SnapshotPull&) = default;
};
struct SnapshotChunk {
  uint64_t snapshot = 0;
  uint64_t position = 0;
  uint64_t checksum = 0;                     // XXH3-64 of the bytes
  std::shared_ptr<const std::string> bytes;  // never null
  friend bool operator==(const SnapshotChunk& a, const SnapshotChunk& b) {
    return a.snapshot == b.snapshot && a.position == b.position && a.checksum == b.checksum &&
           *a.bytes == *b.bytes;
  }
};

// A node tells its leader of writes that its log has dropped and that are lost. The core does not
// look at it.
struct LossReport {
  std::shared_ptr<const std::string> losses;  // engine/state/loss.h; never null
  friend bool operator==(const LossReport& a, const LossReport& b) {
    return *a.losses == *b.losses;
  }
};

// What the nodes of a handover say to each other before and after leadership passes. The core does
// not look at it: what keeps a handover safe is in the log.
struct HandoverTalk {
  std::shared_ptr<const std::string> word;  // server/codec/handover_word.h; never null
  friend bool operator==(const HandoverTalk& a, const HandoverTalk& b) {
    return *a.word == *b.word;
  }
};

using MessageBody =
    std::variant<Canvass, CanvassReply, Prepare, Promise, Nack, Fetch, Fetched, Accept, Accepted,
                 Abdicate, TakeOver, AskSlot, TellSlot, SnapshotOffer, SnapshotPull, SnapshotChunk,
                 LossReport, HandoverTalk>;

struct Message {
  NodeId from;
  NodeId to;
  GroupId group = kFirstGroup;
  MessageBody body;
  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace baton::consensus
