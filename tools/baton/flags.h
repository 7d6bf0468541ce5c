// Values of flags, from text.
//
// Pure functions; any thread. Errors: INVALID_ARGUMENT with a sentence that says what to write.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/admin.h"

namespace baton::cli {

// "500ms", "5s", "2m", "1h": a whole number above zero and a unit; at most a day.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

// "n1=HOST:PORT,n2=HOST:PORT": names and peer addresses, neither twice.
absl::StatusOr<std::vector<PlannedMember>> ParseMembers(std::string_view text);

// "n2", or "n2#17" where two members are called n2.
absl::StatusOr<MemberRef> ParseMemberRef(std::string_view text);

// How a read is to be done, as typed.
struct ReadFlags {
  uint32_t stale_ms = 0;        // 0: not given
  std::string at_least;         // SLOT@REIGN; empty: not given
  std::string from = "leader";  // leader, nearest, any, HOST:PORT

  bool given() const { return stale_ms != 0 || !at_least.empty() || from != "leader"; }
};
// REQUIRES: at most one of stale_ms and at_least is given.
absl::StatusOr<ReadOptions> ParseReadFlags(const ReadFlags& flags);

}  // namespace baton::cli
