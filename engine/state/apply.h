// BatchApplier: committed entries to engine writes, many entries a batch.
//
//   for (entry : committed) applier.Add(entry.slot, entry.effects, entry.base_revision, log_time);
//   applier.Commit();
//
// Owned by the applier thread. Engine, catalogue and sessions outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/types.h"
#include "engine/state/catalog.h"
#include "engine/state/session_rows.h"
#include "engine/storage/engine.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

inline constexpr uint64_t kApplyBatchBytesMax = 4 << 20;  // Commit when bytes() passes it

class BatchApplier {
 public:
  BatchApplier(Engine* engine, Catalog* catalog, Sessions* sessions)
      : engine_(engine), catalog_(catalog), sessions_(sessions) {}

  // Adds one entry's effects, which may be empty. REQUIRES: slot > engine.applied() and > the slot
  // added before. Errors name the slot and are final: FAILED_PRECONDITION (written by a newer
  // version), DATA_LOSS. The batch is then void.
  absl::Status Add(Slot slot, std::string_view effects, Revision base, int64_t log_time_us);

  // Applies what was added, with the last slot, in one atomic write; then tells the catalogue.
  // Does nothing when nothing was added. Errors are final.
  absl::Status Commit();

  // Keyspaces that were dropped since the last call: their rows are deleted, their space is not
  // free before Engine::Reclaim.
  std::vector<KeyspaceId> TakeDropped();

  // Whether rows of that table of the system keyspace were written since it was asked last.
  bool TakeWrote(SystemTable table);

  uint64_t bytes() const { return batch_ ? batch_->bytes() : 0; }
  uint64_t entries() const { return entries_; }

 private:
  Engine* const engine_;
  Catalog* const catalog_;
  Sessions* const sessions_;
  std::unique_ptr<WriteBatch> batch_;
  Slot last_;
  uint64_t entries_ = 0;
  std::set<SystemTable> wrote_;
  std::vector<KeyspaceId> dropped_;
};

}  // namespace baton::engine
