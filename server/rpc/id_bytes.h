// 128-bit ids on the wire: 16 bytes, big-endian, so that they read as ToString prints them.
// Functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/types.h"

namespace baton::server {

inline std::string IdToBytes(const Id128& id) {
  std::string bytes;
  PutBig64(&bytes, id.high);
  PutBig64(&bytes, id.low);
  return bytes;
}

// nullopt unless there are 16 bytes. No bytes at all are Id128{}: none.
inline std::optional<Id128> IdFromBytes(std::string_view bytes) {
  if (bytes.empty()) return Id128{};
  Decoder decoder(bytes);
  Id128 id;
  id.high = uint64_t{decoder.ReadBig32()} << 32;
  id.high |= decoder.ReadBig32();
  id.low = uint64_t{decoder.ReadBig32()} << 32;
  id.low |= decoder.ReadBig32();
  if (!decoder.Done()) return std::nullopt;
  return id;
}

}  // namespace baton::server
