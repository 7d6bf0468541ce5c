// WriteGate: whether this node's disk completes writes. A leader states with every heartbeat how
// long ago its log last completed one, and stops leading when a write is stuck; where nothing is
// written it asks for a probe, so that an idle disk is known to work too. A value, free of threads.
#pragma once

#include <cstdint>
#include <limits>

#include "consensus/config.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class WriteGate {
 public:
  explicit WriteGate(int64_t now_us) : completed_us_(now_us), waiting_since_us_(now_us) {}

  // A write, or the probe, is on its way to the disk.
  void Issued(int64_t now_us) {
    if (!busy_) waiting_since_us_ = now_us;
    busy_ = true;
  }
  void ProbeIssued(int64_t now_us) {
    probing_ = true;
    Issued(now_us);
  }
  // One is done. `more`: other writes are still on their way.
  void Completed(int64_t now_us, bool more) {
    completed_us_ = now_us;
    waiting_since_us_ = now_us;
    busy_ = more || probing_;
  }
  void ProbeCompleted(int64_t now_us, bool more) {
    probing_ = false;
    Completed(now_us, more);
  }

  int64_t ProofAgeUs(int64_t now_us) const { return now_us - completed_us_; }
  // When a probe is due, if nothing is written until then.
  int64_t ProbeAtUs(const Timing& timing) const {
    return busy_ ? kNever : completed_us_ + timing.lease_us / 4;
  }
  // When what is on its way now counts as stuck, if nothing is done until then.
  int64_t StuckAtUs(const Timing& timing) const {
    return busy_ ? waiting_since_us_ + timing.stall_us : kNever;
  }

  void Feed(Hasher* hasher) const {
    hasher->AddTime(completed_us_);
    hasher->AddTime(waiting_since_us_);
    hasher->Add(uint64_t{busy_} << 1 | uint64_t{probing_});
  }
  friend bool operator==(const WriteGate&, const WriteGate&) = default;

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  int64_t completed_us_;      // when a write was last done
  int64_t waiting_since_us_;  // >= completed_us_: since when the disk owes one; only while busy_
  bool busy_ = false;
  bool probing_ = false;  // implies busy_
};

}  // namespace baton::consensus
