#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace baton::load {

// Values below 128 have a bucket each. A larger one of b bits falls among the 128 buckets of its
// power of two, chosen by the 7 bits below its highest.
size_t Histogram::BucketOf(uint64_t value_us) {
  if (value_us < kSplit) return value_us;
  const int shift = std::bit_width(value_us) - 1 - kSplitBits;
  return (static_cast<size_t>(shift) + 1) * kSplit + ((value_us >> shift) - kSplit);
}

uint64_t Histogram::UpperEndOf(size_t bucket) {
  if (bucket < kSplit) return bucket;
  const size_t shift = bucket / kSplit - 1;
  return ((kSplit + bucket % kSplit + 1) << shift) - 1;
}

void Histogram::Record(uint64_t value_us) {
  const uint64_t value = std::min(value_us, kValueMax);
  ++counts_[BucketOf(value)];
  ++count_;
  max_us_ = std::max(max_us_, value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_us_ = std::max(max_us_, other.max_us_);
}

uint64_t Histogram::Quantile(double quantile) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_));
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(wanted));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(UpperEndOf(i), max_us_);
  }
  return max_us_;
}

}  // namespace baton::load
