// Sessions as applied here, and the rows that keep them on disk.
//
// Rewriting a session's row for each of its results would cost more than the results. So each batch
// of the applier writes one row with all effects on sessions that it holds. When such rows have
// grown past a limit the oldest is let go; sessions that it tells of, and whose own row is older,
// get their own row written anew in the same batch. Reading back: the sessions' own rows, then what
// the rows of batches say beyond them. The rows lie in the engine's own table and differ from node
// to node (docs/storage.md).
//
// Add and Write are the applier's, Load too or before the threads start; Read from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/effects.h"
#include "engine/state/sessions.h"
#include "engine/storage/engine.h"

namespace baton::engine {

class Sessions {
 public:
  // Of the rows of batches; the oldest is let go past either.
  struct Limits {
    uint64_t rows_max = 1'024;
    uint64_t bytes_max = 1 << 20;
  };
  Sessions() : Sessions(Limits{}) {}
  explicit Sessions(const Limits& limits) : limits_(limits) {}

  // Reads all of it. FAILED_PRECONDITION: rows of a newer version; DATA_LOSS: no such rows.
  absl::Status Load(const Engine& engine);

  // An effect of a committed entry. REQUIRES: IsOfSession(effect.kind). Errors as DecodeFate.
  absl::Status Add(const Effect& effect, Slot slot, int64_t log_time_us);
  // Adds the rows that go with all effects since the last call to the batch, whose last slot it is.
  void Write(Slot last, WriteBatch* batch);

  SessionTable Read() const;

 private:
  struct BatchRow {
    Slot last;
    uint64_t bytes = 0;
    std::vector<uint64_t> sessions;  // that it tells of
  };
  absl::Status LoadOwnRows(const Snapshot& snapshot, SessionTable* table);
  absl::Status LoadBatchRows(const Snapshot& snapshot, SessionTable* table);
  absl::Status ReplayBatchRow(std::string_view bytes, BatchRow* row, SessionTable* table);
  void LetGo(Slot last, WriteBatch* batch);

  const Limits limits_;
  mutable SharedMutex mutex_;
  SessionTable table_ BATON_GUARDED_BY(mutex_);

  // The applier's.
  std::string pending_;  // the row of the batch in progress, without its version
  absl::flat_hash_set<uint64_t> pending_sessions_;
  std::deque<BatchRow> rows_;                // on disk, ascending by slot
  uint64_t rows_bytes_ = 0;                  // of those
  absl::flat_hash_map<uint64_t, Slot> own_;  // sessions with a row of their own, and as of when
};

}  // namespace baton::engine
