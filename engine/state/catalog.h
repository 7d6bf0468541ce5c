// Catalog: the keyspaces, by name and id, as applied here. A keyspace is a row of the system
// keyspace; "default" exists from the start, before its row is applied.
//
// Reads from any thread; Load from the applier (or before the threads start).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/effects.h"
#include "engine/storage/engine.h"

namespace baton::engine {

inline constexpr std::string_view kDefaultKeyspaceName = "default";

enum class KeyspaceMode : uint8_t { kSync = 1, kAsync = 2 };
enum class KeyspaceVersions : uint8_t { kLatest = 1, kHistory = 2 };

struct KeyspaceInfo {
  KeyspaceId id;
  std::string name;
  KeyspaceMode mode = KeyspaceMode::kSync;
  KeyspaceVersions versions = KeyspaceVersions::kLatest;
  int64_t created_wall_us = 0;
  friend bool operator==(const KeyspaceInfo&, const KeyspaceInfo&) = default;
};

// The value of a keyspace's row (docs/storage.md): format version (u8 = 1), then fields, each
// {tag varint64, string}, ascending by tag.
std::string EncodeKeyspace(const KeyspaceInfo& info);
// FAILED_PRECONDITION for a newer version, tag, mode or kind of versions; DATA_LOSS otherwise.
absl::StatusOr<KeyspaceInfo> DecodeKeyspace(KeyspaceId id, std::string_view value);

// Writes the row of a keyspace into the request in progress. Called for {kDefaultKeyspace,
// "default"} in the first Reign entry of a cluster.
void PutKeyspace(const KeyspaceInfo& info, EffectsWriter* writer);
// The keyspace that exists from the start.
KeyspaceInfo DefaultKeyspaceInfo(int64_t created_wall_us);

// Whether the engine key is a keyspace's row: applying it changes the catalogue.
bool IsKeyspaceRow(std::string_view engine_key);

class Catalog {
 public:
  Catalog();

  // Reads all keyspace rows of the engine. Errors as DecodeKeyspace.
  absl::Status Load(const Engine& engine);

  // nullopt: no such keyspace has been applied here. An empty name is "default".
  std::optional<KeyspaceId> FindKeyspace(std::string_view name) const;
  std::optional<KeyspaceInfo> Find(KeyspaceId id) const;
  std::vector<KeyspaceInfo> List() const;  // ascending by id

 private:
  mutable SharedMutex mutex_;
  std::map<KeyspaceId, KeyspaceInfo> by_id_ BATON_GUARDED_BY(mutex_);
  std::map<std::string, KeyspaceId, std::less<>> by_name_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::engine
