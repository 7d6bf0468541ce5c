// Keyspaces, and Catalog: the keyspaces that there are, by name and by id. A keyspace is a row of
// the system keyspace; "default" exists from the start, before its row is applied.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/keyspace.h"
#include "engine/storage/engine.h"

namespace baton::engine {

using KeyspacePtr = std::shared_ptr<const KeyspaceInfo>;

// The keyspaces at one moment. A plain value that shares what it holds with its copies.
class Keyspaces {
 public:
  Keyspaces();

  // Reads all keyspace rows of the engine. Errors as DecodeKeyspace.
  static absl::StatusOr<Keyspaces> Load(const Engine& engine);

  // Null: there is no such keyspace. An empty name is "default".
  KeyspacePtr Find(std::string_view name) const;
  KeyspacePtr Find(KeyspaceId id) const;
  const KeyspaceInfo* Get(KeyspaceId id) const;  // valid until the next change
  std::vector<KeyspacePtr> List() const;         // ascending by id
  // Of the next keyspace to be created: above all that ever were.
  KeyspaceId next_id() const { return next_id_; }

  void Put(KeyspaceInfo info);
  void Drop(KeyspaceId id);

 private:
  std::map<KeyspaceId, KeyspacePtr> by_id_;
  std::map<std::string, KeyspacePtr, std::less<>> by_name_;
  KeyspaceId next_id_;
};

// The row that keeps next_id when the newest keyspace is dropped.
std::string NextKeyspaceIdKey();
std::string EncodeNextKeyspaceId(KeyspaceId id);

// The keyspaces as applied here. Read it from any thread; Load from the applier (or before the
// threads start).
class Catalog {
 public:
  absl::Status Load(const Engine& engine);

  KeyspacePtr Find(std::string_view name) const;
  KeyspacePtr Find(KeyspaceId id) const;
  Keyspaces Read() const;

 private:
  mutable SharedMutex mutex_;
  Keyspaces keyspaces_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::engine
