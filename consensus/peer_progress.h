// PeerProgress: what a leader knows of one peer's log, and what it may send next.
//
//   match ......... durable there, equal to the leader's log
//   (match, next) . sent, on its way
//   next .......... to be sent
//
// While probing, one Accept at a time looks for the newest entry that both logs hold; once one has
// matched, Accepts are pipelined within the limits. While a snapshot is on its way, only heartbeats
// are sent. A value, free of threads.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/types.h"
#include "consensus/entry.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class PeerProgress {
 public:
  // Accepts with entries on their way to one peer.
  static constexpr size_t kInFlightMax = 1024;

  explicit PeerProgress(Slot next) : next_(next) {}

  Slot match() const { return match_; }
  Slot next() const { return next_; }
  bool in_flight() const { return !in_flight_.empty(); }
  bool MaySend(uint64_t inflight_bytes_max) const;

  void Sent(const std::vector<Entry>& entries);
  // The peer has everything up to `match` durable.
  void Matched(Slot match);
  // The peer lacks what an Accept sent at sent_at_us followed; `common` is the newest entry that
  // both logs may hold. True when that moved `next` back, and something should be sent. False for
  // answers that the last step back has overtaken, and when there is nothing older to try: the next
  // heartbeat asks again.
  bool Mismatched(Slot common, int64_t sent_at_us, int64_t now_us);

  bool probing() const { return probing_; }
  // Presumes that the peer has everything below next: Accepts are pipelined at once, until one does
  // not match. REQUIRES: nothing was sent.
  void Presume() { probing_ = false; }

  // A snapshot is on its way there: nothing but heartbeats until it has ended, or the peer matches
  // more than it did. False when one is on its way already, or when the answer to what was sent at
  // sent_at_us is older than the last one's end. `next`: what follows what the peer then has, as
  // far as is known now.
  bool BeginSnapshot(Slot next, int64_t sent_at_us);
  void EndSnapshot(bool failed, int64_t now_us);
  bool snapshot() const { return snapshot_; }
  // The last one did: where the log reaches the peer, the log is the better way.
  bool snapshot_failed() const { return snapshot_failed_; }

  // Entries at next() are being read from disk for this peer.
  void Reading(uint64_t read_id) { read_id_ = read_id; }
  bool reading(uint64_t read_id) const { return read_id_ == read_id; }
  void ReadDone() { read_id_ = 0; }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const PeerProgress&, const PeerProgress&) = default;

 private:
  void Probe(Slot next);

  struct InFlight {
    Slot last;
    uint64_t bytes = 0;
    friend bool operator==(const InFlight&, const InFlight&) = default;
  };

  Slot match_;  // < next_; never decreases
  Slot next_;
  bool probing_ = true;
  bool probed_ = false;             // while probing: nothing more is sent until an answer
  bool snapshot_ = false;           // on its way
  bool snapshot_failed_ = false;    // the last one
  int64_t stepped_back_us_ = 0;     // when next_ last moved back
  std::deque<InFlight> in_flight_;  // in the order sent; last > match_
  uint64_t in_flight_bytes_ = 0;    // their sum
  uint64_t read_id_ = 0;            // of the ReadLog under way for this peer; 0: none
};

}  // namespace baton::consensus
