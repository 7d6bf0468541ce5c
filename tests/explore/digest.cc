#include "tests/explore/digest.h"

#include <xxhash.h>

namespace baton::explore {

Digest DigestOf(std::string_view canonical) {
  const XXH128_hash_t hash = XXH3_128bits(canonical.data(), canonical.size());
  return Digest{hash.high64, hash.low64};
}

}  // namespace baton::explore
