// Random: the one source of chance in a simulation; everything follows from its seed.
//
// SplitMix64: https://prng.di.unimi.it/splitmix64.c. A value; one thread.
#pragma once

#include <cstdint>

namespace baton::sim {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
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
  uint64_t state_;
};

}  // namespace baton::sim
