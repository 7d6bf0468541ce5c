// The rows of the system keyspace, as scans of it take and give them. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/storage/key_encoding.h"

namespace baton::engine {

inline constexpr size_t kSystemTableBytes = 1;  // of a row's key, before its suffix

// The row's key within the system keyspace.
inline std::string SystemRowKey(SystemTable table, std::string_view suffix) {
  std::string key(kSystemTableBytes, static_cast<char>(table));
  key.append(suffix);
  return key;
}

// [begin, end) of the keys of a table's rows.
inline KeyRange SystemRows(SystemTable table) {
  const auto next = static_cast<SystemTable>(static_cast<uint8_t>(table) + 1);
  return KeyRange{SystemRowKey(table, {}), SystemRowKey(next, {})};
}

}  // namespace baton::engine
