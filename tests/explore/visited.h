// Visited: the set of digests met, 16 bytes each. Open addressing with linear probing; the digests
// are their own hashes. Doubles at three quarters full, so a state takes 22 to 43 bytes, and 64
// while the table grows.
//
// One writer; any threads may ask while nobody writes.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/explore/digest.h"

namespace baton::explore {

class Visited {
 public:
  Visited() : slots_(1 << 16) {}

  uint64_t size() const { return size_; }
  bool Contains(const Digest& digest) const { return slots_[Place(slots_, digest)] == digest; }

  // False: it was there. The digest of all zeros stands for an empty slot and counts as met.
  bool Insert(const Digest& digest) {
    Digest& found = slots_[Place(slots_, digest)];
    if (found == digest) return false;
    found = digest;
    if (++size_ > slots_.size() / 4 * 3) Grow();
    return true;
  }

 private:
  // Where `digest` is, or would be.
  static size_t Place(const std::vector<Digest>& slots, const Digest& digest) {
    const size_t mask = slots.size() - 1;
    size_t at = digest.low & mask;
    while (slots[at] != digest && slots[at] != Digest{}) at = (at + 1) & mask;
    return at;
  }

  void Grow() {
    std::vector<Digest> grown(slots_.size() * 2);
    for (const Digest& digest : slots_) {
      if (digest != Digest{}) grown[Place(grown, digest)] = digest;
    }
    slots_.swap(grown);
  }

  std::vector<Digest> slots_;  // a power of two of them
  uint64_t size_ = 0;
};

}  // namespace baton::explore
