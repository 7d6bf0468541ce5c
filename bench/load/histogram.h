// A log-linear histogram of times, after Gil Tene's HdrHistogram: each power of two is split into
// 128 equal buckets, so that a value is known to better than 1 %, from 1 µs to 2^32 µs, in a fixed
// 26 KiB. Record costs a few instructions and no memory.
//
// Not thread-safe: one a thread, merged at the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace baton::load {

class Histogram {
 public:
  static constexpr int kSplitBits = 7;  // 128 buckets a power of two
  static constexpr int kValueBits = 32;
  static constexpr uint64_t kValueMax = (uint64_t{1} << kValueBits) - 1;  // larger ones count as it

  void Record(uint64_t value_us);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max_us() const { return max_us_; }
  // The least value v such that at least `quantile` (0 to 1) of all values are at most v's bucket;
  // given as the upper end of that bucket, at most max_us(). 0 if nothing was recorded.
  uint64_t Quantile(double quantile) const;

 private:
  static constexpr size_t kSplit = size_t{1} << kSplitBits;
  static constexpr size_t kBuckets = kSplit * (kValueBits - kSplitBits + 1);

  static size_t BucketOf(uint64_t value_us);
  static uint64_t UpperEndOf(size_t bucket);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;  // the sum of counts_
  uint64_t max_us_ = 0;
};

}  // namespace baton::load
