// A row: what the engine holds under a key, and what a put effect carries, byte for byte.
//
//   row := format version (u8 = 1), flags (u8), revision (varint64), [lease (varint64)], value
//
// Flag 1 says that a lease id follows the revision; no other flag is known yet. Rows of the system
// keyspace have the same shape. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"

namespace baton::engine {

inline constexpr uint8_t kRowVersion = 1;
inline constexpr uint8_t kRowHasLease = 1;
inline constexpr size_t kRowHeadBytesMax = 2 + 10 + 10;

// `value` points into the bytes that were decoded.
struct Row {
  Revision revision;
  uint64_t lease = 0;  // 0: none
  std::string_view value;
};

// Appends the row of a value without a lease.
void AppendRow(std::string* to, Revision revision, std::string_view value);
// The size of what AppendRow appends.
uint64_t RowBytes(Revision revision, std::string_view value);

// Errors: FAILED_PRECONDITION for a newer version or an unknown flag (upgrade this node), DATA_LOSS
// for bytes that are no row. Never skips what it does not know.
absl::StatusOr<Row> DecodeRow(std::string_view bytes);

}  // namespace baton::engine
