// XXH3-64: the one checksum of entries, WAL frames, stored files and digests.
// Source of the algorithm: https://xxhash.com (libxxhash of the distribution). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace baton {

// The checksum of `bytes` under `seed`.
uint64_t Checksum(std::string_view bytes, uint64_t seed = 0);

// The same checksum over pieces that are not contiguous:
//   ChecksumStream s(seed); s.Update(a); s.Update(b); s.Digest() == Checksum(a + b, seed)
class ChecksumStream {
 public:
  explicit ChecksumStream(uint64_t seed = 0);
  ChecksumStream(ChecksumStream&&) noexcept;
  ChecksumStream& operator=(ChecksumStream&&) noexcept;
  ~ChecksumStream();

  void Update(std::string_view bytes);
  uint64_t Digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace baton
