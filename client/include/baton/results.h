// What calls take and give back. Plain values, any thread.
//
// Every result says where it was computed: the reign (the round of the leader's ballot) and the
// slot of the replicated log. The state at that slot holds all that the result says, so that a
// later read at least there sees it too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "baton/options.h"

namespace baton {

struct Record {
  std::string key;  // left empty by Get and MultiGet: the caller has it
  std::string value;
  uint64_t revision = 0;  // of its last change
};

// An acknowledged write.
struct WriteResult {
  uint64_t revision = 0;                         // the write's own number; 0: it changed nothing
  Durability durability = Durability::kDefault;  // what this acknowledgement got
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

struct DeleteResult : WriteResult {
  std::optional<bool> existed;  // only if asked
};

struct DeleteRangeResult : WriteResult {
  std::optional<uint64_t> count;  // only if asked
};

struct IncrementResult : WriteResult {
  int64_t value = 0;  // the sum
};

struct AppendResult : WriteResult {
  uint64_t value_bytes = 0;  // of the whole value now
};

struct BatchResult : WriteResult {
  // One for each increment, the sum, and for each append, the bytes of the value; in order.
  std::vector<int64_t> numbers;
};

// What became of a write that was asked about (Client::GetOutcome).
enum class Outcome : uint8_t {
  kApplied = 1,     // once; what its answer said, or would have said, is in the result
  kNotApplied = 2,  // and it never will be
  kLost = 3,        // it was, and was lost with a leader; `lost` is its row in the ledger
  kExpired = 4,     // nobody knows: its result, or its session, is not kept any more
};
struct OutcomeResult {
  Outcome outcome = Outcome::kExpired;
  uint64_t revision = 0;  // of a write that is applied; 0: it changed nothing
  std::optional<bool> existed;
  std::optional<uint64_t> count;
  std::vector<int64_t> numbers;
  absl::Status rejection;                        // why it changed nothing
  std::string lost;                              // as `baton loss show` takes it
  Durability durability = Durability::kDefault;  // of what is said here
  uint64_t slot = 0;
  uint64_t reign = 0;
};

struct GetResult {
  std::optional<Record> record;                  // nothing: no such key
  Durability durability = Durability::kDefault;  // kLocal: what was read may be lost
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

// One item for each key asked, in order, all from one view.
struct MultiGetResult {
  std::vector<std::optional<Record>> records;
  Durability durability = Durability::kDefault;  // kLocal: what was read may be lost
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

// The keys of [begin, end), or those that start with `prefix` (then begin and end stay empty).
struct ScanRange {
  std::string begin;
  std::string end;  // empty: to the end of the keyspace
  std::string prefix;
  bool reverse = false;
  bool keys_only = false;
};

// A page ends at the limit asked or at 1 MiB.
struct ScanPage {
  std::vector<Record> records;
  std::string next_page_token;                   // empty: the end was reached
  Durability durability = Durability::kDefault;  // kLocal: what was read may be lost
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

// Writes that take effect together, at one revision, in the order given, if all conditions hold; at
// most 1,024 of both. An empty keyspace means that of the call.
class WriteBatch {
 public:
  struct PutOp {
    std::string key, value;
  };
  struct DeleteOp {
    std::string key;
  };
  struct DeleteRangeOp {
    std::string begin, end;  // an empty end: to the end of the keyspace
  };
  struct IncrementOp {
    std::string key;
    int64_t by = 1;
  };
  struct AppendOp {
    std::string key, bytes;
  };
  struct Op {
    std::variant<PutOp, DeleteOp, DeleteRangeOp, IncrementOp, AppendOp> what;
    std::string keyspace;
  };
  struct Requirement {
    std::string key;
    Condition condition;
    std::string keyspace;
  };

  void Put(std::string key, std::string value, std::string keyspace = "") {
    ops_.push_back({PutOp{std::move(key), std::move(value)}, std::move(keyspace)});
  }
  void Delete(std::string key, std::string keyspace = "") {
    ops_.push_back({DeleteOp{std::move(key)}, std::move(keyspace)});
  }
  void DeleteRange(std::string begin, std::string end, std::string keyspace = "") {
    ops_.push_back({DeleteRangeOp{std::move(begin), std::move(end)}, std::move(keyspace)});
  }
  void Increment(std::string key, int64_t by = 1, std::string keyspace = "") {
    ops_.push_back({IncrementOp{std::move(key), by}, std::move(keyspace)});
  }
  void Append(std::string key, std::string bytes, std::string keyspace = "") {
    ops_.push_back({AppendOp{std::move(key), std::move(bytes)}, std::move(keyspace)});
  }
  // On the state before the first operation.
  void Require(std::string key, Condition condition, std::string keyspace = "") {
    requirements_.push_back({std::move(key), std::move(condition), std::move(keyspace)});
  }
  void Clear() {
    ops_.clear();
    requirements_.clear();
  }
  const std::vector<Op>& ops() const { return ops_; }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Op> ops_;
  std::vector<Requirement> requirements_;
};

}  // namespace baton
