// DiskMeter: how the log's disk does, by how long it takes over what it is given.
//
// A disk is compared with itself. Latencies are gathered in windows of a second or more; the median
// of a window is what counts, so that single slow syncs, of which a shared virtual machine has
// many, say nothing. The baseline follows the medians: down fast, up slowly, so that it stands for
// what this disk has been able to do within the last half hour. Slow is a median far above the
// baseline for several windows in a row; normal again needs more of them well below. Stuck is seen
// at once, by what is on its way and does not end.
//
// The loop says what it hands over and asks; the log writer says what is done. Any thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/mutex.h"
#include "consensus/health.h"

namespace baton::server {

class DiskMeter {
 public:
  static constexpr int64_t kWindowUs = 1'000'000;
  // A window goes on until it has this many. An idle follower has two a second in `lan`.
  static constexpr uint32_t kWindowWrites = 5;
  // Slow: this many times the baseline. Neighbours on one machine that share its disk cost each
  // other a factor of 2 to 4.
  static constexpr double kSlowFactor = 8;
  // Never slow below this: a sync of a healthy disk under load may take 10 ms on two busy cores,
  // and what is well within a heartbeat hurts nobody.
  static constexpr int64_t kSlowFloorUs = 30'000;
  // Always slow at this share of the stall limit, whatever the baseline has become used to.
  static constexpr int64_t kStallShare = 4;
  // Stuck once something has been on its way for this share of it: rank is lost before leadership.
  static constexpr int64_t kStuckShare = 2;
  static constexpr int kSlowWindows = 3;  // in a row, to be slow
  static constexpr int kCalmWindows =
      10;  // in a row below half of what is slow, to be normal again
  // How long the baseline takes to double, and to halve.
  static constexpr int64_t kBaselineDoublesUs = int64_t{600} * 1'000'000;
  static constexpr int64_t kBaselineHalvesUs = int64_t{10} * 1'000'000;

  explicit DiskMeter(int64_t stall_us) : stall_us_(stall_us) {}

  // One more write or probe is on its way.
  void Submitted(int64_t now_us);
  // `writes` of them are done, the oldest of which was submitted then.
  void Completed(uint64_t writes, int64_t submitted_us, int64_t now_us);

  struct Reading {
    consensus::DiskClass disk = consensus::DiskClass::kNormal;
    int64_t recent_us = 0;     // median of the last window; 0: none yet
    int64_t baseline_us = 0;   // 0: none yet
    bool idle = true;          // nothing is on its way
    int64_t completed_us = 0;  // when something last ended; 0: never
  };
  Reading Read(int64_t now_us);

 private:
  // Medians are exact to a quarter of an octave, from 1 µs to 2^24 (16 s).
  static constexpr int kPerOctave = 4;
  static constexpr int kBuckets = 24 * kPerOctave;

  void CloseWindow(int64_t now_us) BATON_REQUIRES(mutex_);
  int64_t SlowAtUs() const BATON_REQUIRES(mutex_);

  const int64_t stall_us_;
  Mutex mutex_;
  uint64_t on_their_way_ BATON_GUARDED_BY(mutex_) = 0;
  // Since when the disk owes one; only while some are on their way.
  int64_t waiting_since_us_ BATON_GUARDED_BY(mutex_) = 0;
  int64_t completed_us_ BATON_GUARDED_BY(mutex_) = 0;

  int64_t window_began_us_ BATON_GUARDED_BY(mutex_) = 0;  // 0: with the next completion
  uint32_t window_writes_ BATON_GUARDED_BY(mutex_) = 0;   // sum of buckets_
  std::array<uint32_t, kBuckets> buckets_ BATON_GUARDED_BY(mutex_) = {};

  double baseline_us_ BATON_GUARDED_BY(mutex_) = 0;
  int64_t recent_us_ BATON_GUARDED_BY(mutex_) = 0;
  consensus::DiskClass class_ BATON_GUARDED_BY(mutex_) = consensus::DiskClass::kNormal;
  int slow_windows_ BATON_GUARDED_BY(mutex_) = 0;  // in a row
  int calm_windows_ BATON_GUARDED_BY(mutex_) = 0;  // in a row
};

}  // namespace baton::server
