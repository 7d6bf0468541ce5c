#include "server/replica/disk_meter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace baton::server {

using consensus::DiskClass;

void DiskMeter::Submitted(int64_t now_us) {
  MutexLock lock(&mutex_);
  if (on_their_way_++ == 0) waiting_since_us_ = now_us;
}

// What waited behind another counts from when that was done: the disk does one after the other.
void DiskMeter::Completed(uint64_t writes, int64_t submitted_us, int64_t now_us) {
  MutexLock lock(&mutex_);
  BATON_CHECK(writes <= on_their_way_) << "more is done than was begun";
  on_their_way_ -= writes;
  const int64_t took_us = std::max<int64_t>(1, now_us - std::max(submitted_us, completed_us_));
  completed_us_ = now_us;
  waiting_since_us_ = now_us;
  if (class_ == DiskClass::kStuck) {
    class_ = DiskClass::kSlow;
    calm_windows_ = 0;
  }
  if (window_began_us_ == 0) window_began_us_ = now_us;
  const int bucket = static_cast<int>(std::log2(static_cast<double>(took_us)) * kPerOctave);
  ++buckets_[static_cast<size_t>(std::min(bucket, kBuckets - 1))];
  ++window_writes_;
  if (window_writes_ >= kWindowWrites && now_us - window_began_us_ >= kWindowUs) {
    CloseWindow(now_us);
  }
}

DiskMeter::Reading DiskMeter::Read(int64_t now_us) {
  MutexLock lock(&mutex_);
  if (on_their_way_ > 0 && now_us - waiting_since_us_ >= stall_us_ / kStuckShare) {
    class_ = DiskClass::kStuck;
  }
  return Reading{class_, recent_us_, static_cast<int64_t>(baseline_us_), on_their_way_ == 0,
                 completed_us_};
}

int64_t DiskMeter::SlowAtUs() const {
  const int64_t above_us = std::max(static_cast<int64_t>(baseline_us_ * kSlowFactor), kSlowFloorUs);
  return std::min(above_us, stall_us_ / kStallShare);
}

void DiskMeter::CloseWindow(int64_t now_us) {
  uint32_t below = 0;
  size_t bucket = 0;
  while (2 * (below += buckets_[bucket]) < window_writes_) ++bucket;
  const double median_us = std::exp2((static_cast<double>(bucket) + 0.5) / kPerOctave);
  const auto lasted_us = static_cast<double>(now_us - window_began_us_);
  window_began_us_ = now_us;
  window_writes_ = 0;
  buckets_.fill(0);
  recent_us_ = static_cast<int64_t>(median_us);
  if (baseline_us_ == 0) baseline_us_ = median_us;

  slow_windows_ = recent_us_ >= SlowAtUs() ? slow_windows_ + 1 : 0;
  calm_windows_ = recent_us_ < SlowAtUs() / 2 ? calm_windows_ + 1 : 0;
  if (slow_windows_ >= kSlowWindows) class_ = DiskClass::kSlow;
  if (calm_windows_ >= kCalmWindows) class_ = DiskClass::kNormal;

  baseline_us_ = std::clamp(median_us, baseline_us_ * std::exp2(-lasted_us / kBaselineHalvesUs),
                            baseline_us_ * std::exp2(lasted_us / kBaselineDoublesUs));
}

}  // namespace baton::server
