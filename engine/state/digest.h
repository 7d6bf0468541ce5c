// Digest of a keyspace: equal on two nodes exactly when their rows are, at the same applied slot.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/storage/engine.h"

namespace baton::engine {

struct KeyspaceDigest {
  uint64_t digest = 0;
  uint64_t count = 0;  // rows
  Slot applied;        // as of which slot
};

// XXH3-64 over each row in key order: key size (fixed32), key, value size (fixed32), value,
// revision (fixed64). Of the system keyspace the engine's own table is left out. Reads everything
// from disk, past the cache: a reader's or the worker's work. Errors: a row that cannot be read.
absl::StatusOr<KeyspaceDigest> DigestKeyspace(const Snapshot& snapshot, KeyspaceId keyspace);

}  // namespace baton::engine
