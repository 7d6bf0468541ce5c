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

struct GetResult {
  std::optional<Record> record;  // nothing: no such key
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

// One item for each key asked, in order, all from one view.
struct MultiGetResult {
  std::vector<std::optional<Record>> records;
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
  std::string next_page_token;  // empty: the end was reached
  uint64_t slot = 0;
  uint64_t reign = 0;
  Position position() const { return {reign, slot}; }
};

// Puts and deletes that take effect together, at one revision, in the order given. At most 1,024.
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
  using Op = std::variant<PutOp, DeleteOp, DeleteRangeOp>;

  void Put(std::string key, std::string value) {
    ops_.emplace_back(PutOp{std::move(key), std::move(value)});
  }
  void Delete(std::string key) { ops_.emplace_back(DeleteOp{std::move(key)}); }
  void DeleteRange(std::string begin, std::string end) {
    ops_.emplace_back(DeleteRangeOp{std::move(begin), std::move(end)});
  }
  void Clear() { ops_.clear(); }
  const std::vector<Op>& ops() const { return ops_; }

 private:
  std::vector<Op> ops_;
};

}  // namespace baton
