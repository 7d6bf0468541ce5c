// History: what clients asked of a cluster, when, and what they were told. A simulator, a test of
// real processes or another program writes one; the checkers beside this file judge it.
//
//   auto history = ReadHistory(&file);  ...  WriteHistory(*history, &file);
//
// Values, for any thread. As a file: JSON Lines, described in README.md beside this file; the names
// there are stable.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::history {

// All of one key.
enum class Kind : uint8_t { kGet, kPut, kDelete };

enum class Outcome : uint8_t {
  kOk,       // took effect, between invocation and return
  kFailed,   // surely had none, and never will
  kUnknown,  // takes effect at any time after its invocation, even after its return, or never
};

struct Operation {
  uint64_t client = 0;
  Kind kind = Kind::kGet;
  std::string key;
  // Written by a put; found by a get that is kOk, nullopt when the key did not exist.
  std::optional<std::string> value;
  // One clock for all operations of a history: true time, or a clock that all clients share.
  int64_t invoked_us = 0;
  int64_t returned_us = 0;  // >= invoked_us; kUnknown: when the client gave up
  Outcome outcome = Outcome::kOk;
  // As answered, for people and other checkers: of the write, or of the record found; 0: not told.
  uint64_t revision = 0;
  uint64_t slot = 0;

  friend bool operator==(const Operation&, const Operation&) = default;
};

std::string_view Name(Kind kind);
std::string_view Name(Outcome outcome);

// One line without its end, and back. INVALID_ARGUMENT: says what is wrong with the line.
std::string ToJson(const Operation& operation);
absl::StatusOr<Operation> OperationFromJson(std::string_view line);

// Lines in the order given. The order of a file's lines means nothing.
void WriteHistory(const std::vector<Operation>& history, std::ostream* to);
// INVALID_ARGUMENT: names the line. Empty lines are skipped.
absl::StatusOr<std::vector<Operation>> ReadHistory(std::istream* from);

}  // namespace baton::history
