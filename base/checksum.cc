#include "base/checksum.h"

#include <xxhash.h>

#include "base/check.h"

namespace baton {

uint64_t Checksum(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct ChecksumStream::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh;
};

ChecksumStream::ChecksumStream(uint64_t seed) : state_(std::make_unique<State>()) {
  state_->xxh.reset(XXH3_createState());
  BATON_CHECK(state_->xxh != nullptr) << "out of memory";
  XXH3_64bits_reset_withSeed(state_->xxh.get(), seed);
}

ChecksumStream::ChecksumStream(ChecksumStream&&) noexcept = default;
ChecksumStream& ChecksumStream::operator=(ChecksumStream&&) noexcept = default;
ChecksumStream::~ChecksumStream() = default;

void ChecksumStream::Update(std::string_view bytes) {
  XXH3_64bits_update(state_->xxh.get(), bytes.data(), bytes.size());
}

uint64_t ChecksumStream::Digest() const { return XXH3_64bits_digest(state_->xxh.get()); }

}  // namespace baton
