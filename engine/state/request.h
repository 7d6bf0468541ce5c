// Requests and results of the key-value state, free of wire and peers.
//
// Keys and values are bytes. Limits bind every request; a request over one is refused whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"

namespace baton::engine {

inline constexpr uint64_t kKeyBytesMax = 4 << 10;
inline constexpr uint64_t kValueBytesMax = 1 << 20;
inline constexpr uint64_t kRequestBytesMax = 8 << 20;
inline constexpr uint64_t kRequestOpsMax = 1024;
inline constexpr uint64_t kPageBytesMax = 1 << 20;
inline constexpr uint64_t kPageRecordsDefault = 1000;
inline constexpr uint64_t kEvaluateRowsMax = 100'000;  // that one request may visit to be evaluated

enum class Durability : uint8_t { kUnspecified = 0, kLocal = 1, kQuorum = 2 };

struct PutOp {
  std::string key;
  std::string value;
};
struct DeleteOp {
  std::string key;
  bool want_existed = false;
};
struct DeleteRangeOp {  // [begin, end); an empty end: to the end of the keyspace
  std::string begin;
  std::string end;
  bool want_count = false;
};
using WriteOp = std::variant<PutOp, DeleteOp, DeleteRangeOp>;

// Takes effect whole, at one revision, in order.
struct WriteRequest {
  KeyspaceId keyspace = kDefaultKeyspace;
  std::vector<WriteOp> ops;
};
struct WriteResult {
  Revision revision;                // Revision{} when nothing was changed
  std::optional<bool> existed;      // of the last DeleteOp that asked
  std::optional<uint64_t> deleted;  // sum over DeleteRangeOps that asked
};

struct Record {
  std::string key;
  std::string value;
  Revision revision;
};

struct ScanSpec {
  KeyspaceId keyspace = kDefaultKeyspace;
  std::string begin;
  std::string end;  // empty: to the end of the keyspace
  bool reverse = false;
  bool keys_only = false;
  uint64_t limit = kPageRecordsDefault;
};
struct ScanPage {
  std::vector<Record> records;
  // Where the next page starts: its `begin` (its `end`, in reverse). nullopt: the range ended.
  std::optional<std::string> next;
};

}  // namespace baton::engine
