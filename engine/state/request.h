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
// What one request may put into the log: values that it appends to are put whole.
inline constexpr uint64_t kRequestEffectsBytesMax = 9 << 20;
inline constexpr uint64_t kRequestOpsMax = 1024;
inline constexpr uint64_t kPageBytesMax = 1 << 20;
inline constexpr uint64_t kPageRecordsDefault = 1000;
inline constexpr uint64_t kEvaluateRowsMax = 100'000;  // that one request may visit to be evaluated
inline constexpr uint64_t kSessionTtlMsMin = 1'000;
inline constexpr uint64_t kSessionTtlMsMax = 86'400'000;

enum class Durability : uint8_t { kUnspecified = 0, kLocal = 1, kQuorum = 2 };

// Operations. Each may name a keyspace of its own; KeyspaceId{}: the request's.
struct PutOp {
  std::string key;
  std::string value;
  KeyspaceId keyspace{};
};
struct DeleteOp {
  std::string key;
  bool want_existed = false;
  KeyspaceId keyspace{};
};
struct DeleteRangeOp {  // [begin, end); an empty end: to the end of the keyspace
  std::string begin;
  std::string end;
  bool want_count = false;
  KeyspaceId keyspace{};
};
// Adds to a value that is a decimal number of 64 bits, with a sign; one that is not there is 0.
struct IncrementOp {
  std::string key;
  int64_t by = 1;
  KeyspaceId keyspace{};
};
// Adds bytes to the end of a value; one that is not there is empty.
struct AppendOp {
  std::string key;
  std::string bytes;
  KeyspaceId keyspace{};
};
using WriteOp = std::variant<PutOp, DeleteOp, DeleteRangeOp, IncrementOp, AppendOp>;

// What must be so before the request's first operation, or none takes effect.
struct Condition {
  enum class Kind : uint8_t { kAbsent = 1, kExists = 2, kRevision = 3, kValue = 4 };
  Kind kind = Kind::kAbsent;
  std::string key;
  Revision revision;  // kRevision: of the key's last change
  std::string value;  // kValue
  KeyspaceId keyspace{};
};

// Takes effect whole, at one revision, in order; or, if a condition does not hold or an operation
// cannot be done, not at all.
struct WriteRequest {
  KeyspaceId keyspace = kDefaultKeyspace;
  std::vector<WriteOp> ops;
  std::vector<Condition> conditions;
};

inline KeyspaceId KeyspaceOf(const WriteRequest& request, const WriteOp& op) {
  const KeyspaceId own = std::visit([](const auto& each) { return each.keyspace; }, op);
  return own == KeyspaceId{} ? request.keyspace : own;
}
inline KeyspaceId KeyspaceOf(const WriteRequest& request, const Condition& condition) {
  return condition.keyspace == KeyspaceId{} ? request.keyspace : condition.keyspace;
}

// Which request of which session (engine/state/sessions.h). Session 0: of none.
struct SessionStamp {
  uint64_t session = 0;
  uint64_t sequence = 0;     // from 1
  uint64_t acked_below = 0;  // results below it are not needed any more; <= sequence
  friend bool operator==(const SessionStamp&, const SessionStamp&) = default;
};

// Why a request that was evaluated changed nothing. Part of its result: it is as final, and as
// durable, as an effect.
struct Rejection {
  enum class Why : uint8_t {
    kCondition = 1,     // conditions[at] does not hold
    kNotANumber = 2,    // the value that ops[at] would increment is none
    kOverflow = 3,      // ops[at] would leave the range of 64 bits
    kValueTooLong = 4,  // ops[at] would make a value over the keyspace's limit
    kTooLarge = 5,      // its effects would have more than kRequestEffectsBytesMax
    kTooManyRows = 6,   // counting what it deletes would visit more than kEvaluateRowsMax rows
    kNotCached = 7,     // the rows that it reads do not stay in the block cache
    kNoKeyspace = 8,    // that of ops[at] has been dropped
    kFull = 9,          // the keyspace of ops[at] has reached its size
  };
  Why why = Why::kCondition;
  uint32_t at = 0;
  Revision found;      // of the key that was looked at; Revision{}: there is none
  uint64_t limit = 0;  // kValueTooLong, kFull: the keyspace's, in bytes
  friend bool operator==(const Rejection&, const Rejection&) = default;
};

struct WriteResult {
  Revision revision;                // Revision{} when nothing was changed
  std::optional<bool> existed;      // of the last DeleteOp that asked
  std::optional<uint64_t> deleted;  // sum over DeleteRangeOps that asked
  // One for each IncrementOp, the sum, and for each AppendOp, the bytes of the value; in order.
  std::vector<int64_t> numbers;
  std::optional<Rejection> rejection;
  friend bool operator==(const WriteResult&, const WriteResult&) = default;
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
