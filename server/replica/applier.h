// Applier: committed entries to the engine, in order, many at a time.
//
// What it is given is committed and durable here. It also says when the log may be truncated: below
// what the engine has flushed and what every member is known to hold (the entries state that
// floor), or, for a member that is away for longer than log_retention_bytes, what the engine has
// flushed: it comes back by a snapshot.
//
// One thread runs it; Submit is the loop's. Engine, catalogue, sessions and log outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/apply.h"
#include "engine/state/catalog.h"
#include "engine/state/keyspace_sizes.h"
#include "engine/state/session_rows.h"
#include "engine/storage/engine.h"
#include "server/replica/clock.h"
#include "server/replica/metrics.h"
#include "server/replica/order_book.h"
#include "server/replica/stage.h"
#include "wal/wal.h"

namespace baton::server {

// Consecutive committed entries: one with its bytes, or a range to be read from the log.
struct ApplyItem {
  Slot first;
  Slot last;
  std::shared_ptr<const std::string> bytes;  // null: read [first, last] back
};

class Applier : public Stage {
 public:
  static constexpr uint64_t kReadBytes = 1 << 20;    // from the log at a time
  static constexpr int64_t kSizeLookUs = 1'000'000;  // how often the state's size is asked for

  struct Hooks {
    std::function<void(Slot applied)> applied;
    std::function<void(Slot upto)> trim;  // the log may be truncated up to here
    // These keyspaces' rows are deleted: their space may be given back.
    std::function<void(std::vector<KeyspaceId> keyspaces)> dropped;
    std::function<void(const std::string& reason)> fatal;
  };
  struct Limits {
    uint64_t replay_bytes_max;
    uint64_t truncate_bytes_min;
    uint64_t log_retention_bytes;
  };
  Applier(engine::Engine* engine, engine::Catalog* catalog, engine::Sessions* sessions,
          OrderBook* orders, engine::KeyspaceSizes* sizes, const wal::Wal* wal, const Clock* clock,
          Metrics* metrics, const Limits& limits, Hooks hooks);

  void Submit(std::vector<ApplyItem> items);
  // Bytes submitted and not yet applied.
  uint64_t backlog_bytes() const { return backlog_bytes_.load(std::memory_order_relaxed); }
  // Nothing above is truncated while a snapshot of that slot is on its way; kSlotNone: none is, and
  // what was kept for it goes at once. Any thread.
  void KeepLogAbove(Slot slot);
  // Bytes of log applied in this life. Any thread.
  uint64_t added_bytes() const { return added_bytes_.load(std::memory_order_relaxed); }
  // What waits is dropped: the log has it.
  void RequestStop() { stopping_.store(true, std::memory_order_relaxed); }

  bool RunOnce() override;
  // While a keyspace is full its size is looked at though nothing is applied: it may have shrunk.
  int64_t NextDeadlineUs() const override { return full_ ? next_size_look_us_ : kNever; }

 private:
  absl::Status Apply(const ApplyItem& item);
  absl::Status AddEntry(std::string_view bytes);
  absl::Status Commit();
  absl::Status Maintain();
  void NoteSizes();
  Slot MayTruncateTo();

  engine::Engine* const engine_;
  const engine::Catalog* const catalog_;
  OrderBook* const orders_;
  engine::KeyspaceSizes* const sizes_;
  const wal::Wal* const wal_;
  const Clock* const clock_;
  Metrics* const metrics_;
  const Limits limits_;
  const Hooks hooks_;
  engine::BatchApplier batch_;

  Mutex mutex_;
  std::vector<ApplyItem> items_ BATON_GUARDED_BY(mutex_);
  std::atomic<uint64_t> backlog_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> keep_above_{kSlotNone.value};
  std::atomic<bool> released_{false};     // keep_above_ was: look again what may be truncated
  std::atomic<uint64_t> added_bytes_{0};  // written by the applier thread

  // The applier thread's.
  bool failed_ = false;
  Slot added_;                 // last slot in the batch or applied
  Slot log_floor_;             // newest stated by an applied entry; never decreases
  Slot trimmed_;               // asked for last
  Slot flush_mark_;            // flushed slot when replay_bytes_ was counted from
  uint64_t replay_bytes_ = 0;  // of log added above flush_mark_
  int64_t next_size_look_us_ = 0;
  bool full_ = false;             // a keyspace had its size_bytes_max when that was looked at last
  uint64_t untrimmed_bytes_ = 0;  // of log added since the last truncation
  // How much had been added at a slot, in steps of a fraction of the retention.
  static constexpr uint64_t kMarksMax = 256;
  std::deque<std::pair<Slot, uint64_t>> marks_;
  Slot retained_above_;  // what is at or below it is older than the retention limit
};

}  // namespace baton::server
