#include "tools/baton/flags.h"

#include <charconv>
#include <cstdint>
#include <set>
#include <utility>

#include "baton/options.h"

namespace baton::cli {

absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr int64_t kMaxMs = 365 * int64_t{86'400'000};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, unit_ms] : kUnits) {
    if (error != std::errc() || unit != name || number <= 0 || number > kMaxMs / unit_ms) continue;
    return std::chrono::milliseconds(number * unit_ms);
  }
  return absl::InvalidArgumentError(
      "\"" + std::string(text) +
      "\" is no duration; write one like 500ms, 5s, 2m, 3h or 7d, up to 365d");
}

absl::StatusOr<std::vector<PlannedMember>> ParseMembers(std::string_view text) {
  std::vector<PlannedMember> members;
  std::set<std::string> names;
  std::set<std::string> addresses;
  while (true) {
    const size_t comma = text.find(',');
    const std::string part(text.substr(0, comma));
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          "\"" + part + "\" is no member; write NAME=HOST:PORT, as in n1=10.0.0.1:7400");
    }
    PlannedMember member{part.substr(0, equals), part.substr(equals + 1)};
    const absl::StatusOr<std::vector<std::string>> parsed = ParseEndpoints(member.peer_address);
    if (!parsed.ok()) return parsed.status();
    if (!names.insert(member.name).second) {
      return absl::InvalidArgumentError("member " + member.name +
                                        " is listed twice; give each node a name of its own");
    }
    if (!addresses.insert(member.peer_address).second) {
      return absl::InvalidArgumentError("address " + member.peer_address +
                                        " is listed twice; give each node an address of its own");
    }
    members.push_back(std::move(member));
    if (comma == std::string_view::npos) return members;
    text.remove_prefix(comma + 1);
  }
}

absl::StatusOr<MemberRef> ParseMemberRef(std::string_view text) {
  const size_t hash = text.find('#');
  MemberRef ref{std::string(text.substr(0, hash))};
  bool whole = !ref.name.empty();
  if (whole && hash != std::string_view::npos) {
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + hash + 1, end, ref.node_id);
    whole = parsed.ec == std::errc() && parsed.ptr == end && ref.node_id != 0;
  }
  if (whole) return ref;
  return absl::InvalidArgumentError("\"" + std::string(text) +
                                    "\" is no member; write NAME, or NAME#ID as in n2#17");
}

namespace {

// "12@3": slot 12 of reign 3.
absl::StatusOr<Position> ParsePosition(std::string_view text) {
  Position position;
  const char* const end = text.data() + text.size();
  const auto slot = std::from_chars(text.data(), end, position.slot);
  if (slot.ec == std::errc() && slot.ptr != end && *slot.ptr == '@') {
    const auto reign = std::from_chars(slot.ptr + 1, end, position.reign);
    const bool whole = reign.ec == std::errc() && reign.ptr == end;
    if (whole && position.slot != 0 && position.reign != 0) return position;
  }
  return absl::InvalidArgumentError(
      "\"" + std::string(text) +
      "\" is no position; write SLOT@REIGN with the two numbers of an "
      "answer, as in 12@3");
}

}  // namespace

absl::StatusOr<ReadOptions> ParseReadFlags(const ReadFlags& flags) {
  ReadOptions read;
  if (flags.stale_ms != 0) {
    read.level = ReadLevel::kBoundedStaleness;
    read.max_staleness = std::chrono::milliseconds(flags.stale_ms);
  }
  if (!flags.at_least.empty()) {
    const absl::StatusOr<Position> position = ParsePosition(flags.at_least);
    if (!position.ok()) return position.status();
    read.level = ReadLevel::kAtLeast;
    read.at_least = *position;
  }
  if (flags.from == "nearest") {
    read.from = ReadFrom::kNearest;
  } else if (flags.from == "any") {
    read.from = ReadFrom::kAny;
  } else if (flags.from != "leader") {
    const auto parsed = ParseEndpoints(flags.from);
    if (!parsed.ok() || parsed->size() != 1) {
      return absl::InvalidArgumentError("\"" + flags.from +
                                        "\" is no node to read from; write leader, nearest, any or "
                                        "one HOST:PORT");
    }
    read.node = flags.from;
  }
  return read;
}

}  // namespace baton::cli
