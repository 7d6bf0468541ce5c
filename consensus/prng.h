// Prng: the seeded generator behind the jitter. Equal seeds give equal sequences on every machine.
//
// SplitMix64: https://prng.di.unimi.it/splitmix64.c. Not for secrets. A value, free of threads.
#pragma once

#include <cstdint>

#include "consensus/hasher.h"

namespace baton::consensus {

class Prng {
 public:
  explicit Prng(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, bound). REQUIRES: bound > 0. The bias is below bound / 2^64.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

  void Feed(Hasher* hasher) const { hasher->Add(state_); }
  friend bool operator==(const Prng&, const Prng&) = default;

 private:
  uint64_t state_;
};

}  // namespace baton::consensus
