// Random: the one source of chance in a simulation; everything follows from its seed.
//
// A value; one thread.
#pragma once

#include <cstdint>

#include "consensus/prng.h"

namespace baton::sim {

class Random {
 public:
  explicit Random(uint64_t seed) : prng_(seed) {}

  uint64_t Next() { return prng_.Next(); }
  // In [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return prng_.Below(bound); }
  // In [low, high]. REQUIRES: low <= high.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  bool Chance(double p) { return static_cast<double>(Next() >> 11) * 0x1p-53 < p; }
  // Small values are as likely as large ones: for durations. REQUIRES: 0 < low <= high.
  int64_t Skewed(int64_t low, int64_t high) {
    int64_t bound = high;
    while (bound > low && OneIn(2)) bound = (bound + low) / 2;
    return Between(low, bound);
  }

 private:
  consensus::Prng prng_;
};

}  // namespace baton::sim
