// Changes of the keyspaces: requests to create, alter and drop one, their effects, and the row that
// keeps who wanted each and why. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/catalog.h"
#include "engine/state/effects.h"
#include "engine/state/keyspace.h"

namespace baton::engine {

struct CreateKeyspace {
  std::string name;
  KeyspaceSettings settings;
};
// What is left out stays as it is.
struct AlterKeyspace {
  std::string name;
  std::optional<KeyspaceMode> mode;
  std::optional<OnBudget> on_budget;
  std::optional<uint64_t> max_unreplicated_bytes;
  std::optional<uint64_t> max_unreplicated_ops;
  std::optional<uint64_t> max_unreplicated_ms;
  std::optional<uint64_t> size_bytes_max;
  std::optional<uint64_t> value_bytes_max;
  std::optional<uint64_t> default_staleness_ms;
  std::optional<std::string> description;
};
struct DropKeyspace {
  std::string name;
  KeyspaceId id{};  // if it is not KeyspaceId{}: that one alone, and done if it is gone already
};

struct KeyspaceRequest {
  std::variant<CreateKeyspace, AlterKeyspace, DropKeyspace> change;
  std::string actor;
  std::string reason;
};

inline const std::string& NameOf(const KeyspaceRequest& request) {
  return std::visit([](const auto& change) -> const std::string& { return change.name; },
                    request.change);
}

struct KeyspaceResult {
  KeyspaceInfo info;       // as it is now; of one dropped, as it was
  bool unchanged = false;  // it was so already: nothing is written
  Revision revision;       // of the change; Revision{} if unchanged
};

// `settings` with what the change gives.
KeyspaceSettings Altered(KeyspaceSettings settings, const AlterKeyspace& change);

// When and where a change is written down.
struct ChangeStamp {
  Slot slot;
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
};

// Decides the request against the newest keyspaces, which it changes, and writes its effects as one
// request. Errors: INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS (with other settings),
// FAILED_PRECONDITION (the default keyspace is not dropped); then nothing is written.
absl::StatusOr<KeyspaceResult> ChangeKeyspaces(const KeyspaceRequest& request,
                                               const ChangeStamp& stamp, Keyspaces* keyspaces,
                                               EffectsWriter* writer);

// One row for each change, never changed: docs/storage.md.
struct KeyspaceChangeRow {
  enum class What : uint8_t { kCreated = 1, kAltered = 2, kDropped = 3 };
  What what = What::kCreated;
  ChangeStamp stamp;
  std::string actor;
  std::string reason;
  KeyspaceInfo info;  // after it; of one dropped, before
};
// Where it lies in the table of changes: by keyspace, then by revision, both big-endian.
std::string KeyspaceChangeSuffix(KeyspaceId id, Revision revision);
std::string EncodeKeyspaceChange(const KeyspaceChangeRow& row);
absl::StatusOr<KeyspaceChangeRow> DecodeKeyspaceChange(KeyspaceId id, std::string_view value);

}  // namespace baton::engine
