// Digest: 128 bits that stand for a canonical form. Two forms are taken for the same when their
// digests are: among n states that errs with a chance below n^2 / 2^129, for a thousand million
// states less than 10^-20.
//
// Source: XXH3-128 of https://xxhash.com. A value; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace baton::explore {

struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;
  friend constexpr auto operator<=>(const Digest&, const Digest&) = default;
};

Digest DigestOf(std::string_view canonical);

// An immutable value shared by all states that hold it, and the digest of its canonical form.
template <class T>
struct Hashed {
  std::shared_ptr<const T> value;
  Digest digest;

  const T& operator*() const { return *value; }
  const T* operator->() const { return value.get(); }
  friend bool operator==(const Hashed& a, const Hashed& b) {
    return a.digest == b.digest && (a.value == b.value || *a.value == *b.value);
  }
};

}  // namespace baton::explore
