// The numbers a Replica lives by, and what it is given at its start.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/entry.h"

namespace baton::consensus {

// Times of one network profile. docs/operations.md says how to choose.
struct Timing {
  int64_t heartbeat_us;
  int64_t lease_us;
  int64_t rank_step_us;     // between the turns of two candidates
  int64_t clock_drift_ppm;  // bound between any two lease clocks
  int64_t stall_us;         // a leader whose write takes longer stops leading
  friend bool operator==(const Timing&, const Timing&) = default;
};
// By how much what is `span_us` by one clock may differ by another. Rounded up.
inline int64_t DriftUs(const Timing& timing, int64_t span_us) {
  constexpr int64_t kMillion = 1'000'000;
  return span_us / kMillion * timing.clock_drift_ppm +
         (span_us % kMillion * timing.clock_drift_ppm + kMillion - 1) / kMillion;
}
inline constexpr Timing kLanTiming{50'000, 500'000, 20'000, 50'000, 700'000};
inline constexpr Timing kWanTiming{250'000, 3'000'000, 200'000, 50'000, 4'000'000};

struct Config {
  NodeId self;
  GroupId group = kFirstGroup;
  Timing timing = kLanTiming;
  uint64_t seed = 1;        // of the jitter
  bool lease_reads = true;  // false where clocks may stop: every read takes a quorum round

  uint64_t message_bytes_max = 1 << 20;   // entries in one Accept or Fetched; always at least one
  uint64_t inflight_bytes_max = 8 << 20;  // sent to one peer and not acknowledged
  uint64_t uncommitted_bytes_max = 64 << 20;  // MayPropose() is false above it
  uint64_t log_cache_bytes_max = 64 << 20;    // entries on disk that are kept in memory too
  uint64_t learner_lag_max = 1'024;           // entries: one further behind does not become a voter
  // A peer that lacks more log than this, and more than twice the state, gets a snapshot though the
  // log is still here.
  uint64_t snapshot_bytes_min = 64 << 20;
  friend bool operator==(const Config&, const Config&) = default;
};

// What a node finds on its disk. An empty log has no runs and last == base.slot.
// REQUIRES: base.slot <= applied <= last.
struct Recovered {
  HardState hard_state;
  std::vector<Configuration> in_log;  // Membership entries of the log above `applied`, in order
  EntryId base;                       // last truncated entry
  Slot last;                          // last entry on disk
  std::vector<BornRun> runs;          // cover (base.slot, last], ascending
  std::optional<Seal> seal;           // of the entry at `last`, if it is one
  Slot applied;                       // in the engine, hence chosen
};

}  // namespace baton::consensus
