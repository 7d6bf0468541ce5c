// Numbers and strings as bytes: what every format page of docs/ is written in.
//
//   fixed32, fixed64   little-endian
//   big32, big64       big-endian, for keys, whose byte order is their order
//   varint64           7 bits a byte, least significant first, at most 10 bytes
//   string             varint64 length, then the bytes
//   id128              fixed64 high half, fixed64 low half
//
// Put… append to a std::string. Decoder reads untrusted bytes: it never reads past the end and
// never throws; after the first failure it stays failed. Any thread, one thread a Decoder.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/types.h"

namespace baton {

inline void StoreFixed32(char* to, uint32_t v) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(v >> (8 * i));
}
inline void StoreFixed64(char* to, uint64_t v) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(v >> (8 * i));
}
inline uint32_t LoadFixed32(const char* from) {
  uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v |= uint32_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return v;
}
inline uint64_t LoadFixed64(const char* from) {
  uint64_t v = 0;
  for (int i = 0; i < 8; ++i) v |= uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return v;
}
inline uint32_t LoadBig32(const char* from) {
  uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v = (v << 8) | static_cast<unsigned char>(from[i]);
  return v;
}

inline void PutByte(std::string* to, uint8_t v) { to->push_back(static_cast<char>(v)); }
inline void PutFixed32(std::string* to, uint32_t v) {
  char b[4];
  StoreFixed32(b, v);
  to->append(b, sizeof b);
}
inline void PutFixed64(std::string* to, uint64_t v) {
  char b[8];
  StoreFixed64(b, v);
  to->append(b, sizeof b);
}
inline void PutBig32(std::string* to, uint32_t v) {
  for (int i = 3; i >= 0; --i) PutByte(to, static_cast<uint8_t>(v >> (8 * i)));
}
inline void PutBig64(std::string* to, uint64_t v) {
  for (int i = 7; i >= 0; --i) PutByte(to, static_cast<uint8_t>(v >> (8 * i)));
}
inline void PutVarint(std::string* to, uint64_t v) {
  while (v >= 0x80) {
    PutByte(to, static_cast<uint8_t>(v | 0x80));
    v >>= 7;
  }
  PutByte(to, static_cast<uint8_t>(v));
}
inline void PutString(std::string* to, std::string_view s) {
  PutVarint(to, s.size());
  to->append(s);
}
inline void PutId128(std::string* to, const Id128& id) {
  PutFixed64(to, id.high);
  PutFixed64(to, id.low);
}

// A cursor over bytes that it does not own. Each Read… returns the value, or a zero value once the
// decoder has failed; check ok() (or Done()) once at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool Done() const { return ok_ && rest_.empty(); }  // all read, nothing left over
  std::string_view rest() const { return rest_; }
  void Fail() { ok_ = false; }

  uint8_t ReadByte() {
    const std::string_view b = ReadBytes(1);
    return ok_ ? static_cast<uint8_t>(b[0]) : 0;
  }
  uint32_t ReadFixed32() {
    const std::string_view b = ReadBytes(4);
    return ok_ ? LoadFixed32(b.data()) : 0;
  }
  uint64_t ReadFixed64() {
    const std::string_view b = ReadBytes(8);
    return ok_ ? LoadFixed64(b.data()) : 0;
  }
  uint32_t ReadBig32() {
    const std::string_view b = ReadBytes(4);
    return ok_ ? LoadBig32(b.data()) : 0;
  }
  uint64_t ReadBig64() {
    const uint64_t high = ReadBig32();
    return high << 32 | ReadBig32();
  }
  uint64_t ReadVarint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const uint64_t byte = ReadByte();
      if (!ok_) return 0;
      if (shift == 63 && byte > 1) break;  // does not fit 64 bits
      v |= (byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  std::string_view ReadString() {
    const uint64_t size = ReadVarint();
    if (size > rest_.size()) ok_ = false;
    return ok_ ? ReadBytes(static_cast<size_t>(size)) : std::string_view();
  }
  Id128 ReadId128() {
    Id128 id;
    id.high = ReadFixed64();
    id.low = ReadFixed64();
    return id;
  }
  // Exactly `size` bytes.
  std::string_view ReadBytes(size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace baton
