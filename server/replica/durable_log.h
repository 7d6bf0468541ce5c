// DurableLog: the log writer. It appends what the loop submits, syncs it, then sends what waited
// for the disk and tells the loop.
//
// Two threads run it and take turns: while one waits for its fdatasync the other appends the next
// batch, so an idle log costs one hand-off and a busy one keeps the disk at work. Turns complete in
// the order of submission.
//
// An error from the log is final: `fatal` is called and nothing more is written or sent.
// Owned by the node; wal, transport and clock outlive it. Submit is the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "consensus/message.h"
#include "server/replica/clock.h"
#include "server/replica/disk_meter.h"
#include "server/replica/metrics.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "wal/wal.h"

namespace baton::server {

// One Persist of the core, one truncation, or one probe of the disk.
struct LogBatch {
  uint64_t persist_id = 0;  // 0: no Persist
  bool probe = false;
  std::vector<wal::Record> records;
  Slot replaces;  // the first entry takes the place of this slot's, and of what follows; Slot{0}:
                  // none
  std::vector<consensus::Message> then_send;
  EntryId base;              // of a truncation
  int64_t submitted_us = 0;  // set by Submit

  bool writes() const { return probe || !records.empty(); }
  // It has only something to send, once what was submitted before is durable.
  bool only_sends() const { return persist_id != 0 && !writes() && replaces == Slot{}; }
};

// What a turn has brought to an end.
struct TurnDone {
  uint64_t persist_id = 0;      // of the last Persist; 0: none
  std::optional<EntryId> base;  // of a truncation
  bool probed = false;
};

class DurableLog : public Stage {
 public:
  static constexpr int64_t kNoSpaceRetryUs = 100'000;
  // Answers that wait for one write. A leader asks again and again while a disk stands still: the
  // oldest of more are dropped, as a network may.
  static constexpr size_t kWaitingSendsMax = 64;

  struct Hooks {
    std::function<void(const TurnDone& done)> done;
    std::function<void()> needs_segments;  // the worker should prepare some
    std::function<void(const std::string& reason)> fatal;
    // Keeps what the log has from a slot on, before it is replaced. Empty: nobody wants it. While
    // there is no space for it (RESOURCE_EXHAUSTED) the log stands still, and says so by its disk.
    std::function<absl::Status(Slot first)> keep;
  };
  DurableLog(wal::Wal* wal, Transport* transport, const Clock* clock, DiskMeter* meter,
             Metrics* metrics, Hooks hooks)
      : wal_(wal),
        transport_(transport),
        clock_(clock),
        meter_(meter),
        metrics_(metrics),
        hooks_(std::move(hooks)) {}

  void Submit(LogBatch batch);

  // One turn: append, sync, send, tell. Waits for the turn before, which another thread runs.
  bool RunOnce() override;
  int64_t NextDeadlineUs() const override;

 private:
  struct Turn {
    uint64_t number = 0;
    std::vector<LogBatch> batches;
  };
  // Joins what only sends to what only sends before it. False: it is left.
  bool Join(LogBatch* batch) BATON_REQUIRES(mutex_);
  // What is to be appended now: all that waits, but what replaces entries begins a turn.
  std::optional<Turn> Begin();
  // False: the turn goes no further. Without space for what it replaces it was put back.
  bool KeepReplaced(Turn* turn);
  void EndAppend();
  void Append(const std::vector<LogBatch>& turn);
  bool Sync();
  bool Probe();
  void Measure(const std::vector<LogBatch>& turn);
  void Finish(std::vector<LogBatch>* turn);
  void MarkSyncedIfIdle();
  void Fail(const char* what, const absl::Status& status);

  wal::Wal* const wal_;
  Transport* const transport_;
  const Clock* const clock_;
  DiskMeter* const meter_;
  Metrics* const metrics_;
  const Hooks hooks_;

  mutable Mutex mutex_;
  CondVar sync_turn_;
  std::deque<LogBatch> queue_ BATON_GUARDED_BY(mutex_);
  bool appending_ BATON_GUARDED_BY(mutex_) = false;  // one thread appends at a time
  bool failed_ BATON_GUARDED_BY(mutex_) = false;
  int64_t retry_at_us_ BATON_GUARDED_BY(mutex_) = 0;  // not before: there was no space
  // Turns are numbered as they begin to append; synced_turns_ <= begun_turns_ <= synced_turns_ + 2.
  uint64_t begun_turns_ BATON_GUARDED_BY(mutex_) = 0;
  uint64_t synced_turns_ BATON_GUARDED_BY(mutex_) = 0;
};

}  // namespace baton::server
