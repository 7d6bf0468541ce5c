// Keyspace: what is known of one, and its row in the system keyspace. Plain values and pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/request.h"

namespace baton::engine {

inline constexpr std::string_view kDefaultKeyspaceName = "default";
inline constexpr size_t kKeyspaceNameBytesMax = 64;
inline constexpr size_t kDescriptionBytesMax = 1024;

enum class KeyspaceMode : uint8_t {
  kSync = 1,   // a write is answered once a quorum has it
  kAsync = 2,  // once the leader has it on disk, within the budget
};
enum class KeyspaceVersions : uint8_t { kLatest = 1, kHistory = 2 };

// What an async keyspace's write does when the budget is used up.
enum class OnBudget : uint8_t {
  kWait = 1,  // is answered once a quorum has it
  kFail = 2,  // is refused before it is sequenced
};

// What its owner may choose and change.
struct KeyspaceSettings {
  KeyspaceMode mode = KeyspaceMode::kSync;
  OnBudget on_budget = OnBudget::kWait;
  // What an async keyspace may have acknowledged that no quorum has: a failover loses no more.
  uint64_t max_unreplicated_bytes = 16 << 20;
  uint64_t max_unreplicated_ops = 10'000;
  uint64_t max_unreplicated_ms = 1'000;  // age of the oldest
  uint64_t size_bytes_max = 0;           // on disk, about; 0: as much as there is room for
  uint64_t value_bytes_max = kValueBytesMax;
  uint64_t default_staleness_ms = 0;  // of reads that name no level; 0: linearizable
  std::string description;
  friend bool operator==(const KeyspaceSettings&, const KeyspaceSettings&) = default;
};

struct KeyspaceInfo {
  KeyspaceId id;
  std::string name;
  KeyspaceVersions versions = KeyspaceVersions::kLatest;
  int64_t created_wall_us = 0;
  KeyspaceSettings settings;
  friend bool operator==(const KeyspaceInfo&, const KeyspaceInfo&) = default;
};

// The keyspace that exists from the start.
KeyspaceInfo DefaultKeyspaceInfo(int64_t created_wall_us);

// What is wrong, as a sentence that says what to change; empty: nothing.
std::string ProblemOfKeyspaceName(std::string_view name);
std::string ProblemOf(const KeyspaceSettings& settings);

// Where a keyspace's row lies, and its value (docs/storage.md): format version (u8 = 1), then
// fields, each {tag varint64, string}, ascending by tag. A field that is left out has its default.
std::string KeyspaceRowKey(KeyspaceId id);
std::string EncodeKeyspace(const KeyspaceInfo& info);
// FAILED_PRECONDITION for a newer version, tag, mode or kind of versions; DATA_LOSS otherwise.
absl::StatusOr<KeyspaceInfo> DecodeKeyspace(KeyspaceId id, std::string_view value);

}  // namespace baton::engine
