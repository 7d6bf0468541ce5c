#include "server/replica/durable_log.h"

#include <algorithm>
#include <string>
#include <utility>

namespace baton::server {
namespace {

bool HasRecords(const std::vector<LogBatch>& turn) {
  return std::any_of(turn.begin(), turn.end(),
                     [](const LogBatch& batch) { return !batch.records.empty(); });
}

bool HasProbe(const std::vector<LogBatch>& turn) {
  return std::any_of(turn.begin(), turn.end(), [](const LogBatch& batch) { return batch.probe; });
}

}  // namespace

void DurableLog::Submit(LogBatch batch) {
  batch.submitted_us = clock_->LeaseNowUs();
  {
    MutexLock lock(&mutex_);
    if (failed_) return;
    if (batch.writes()) meter_->Submitted(batch.submitted_us);
    queue_.push_back(std::move(batch));
  }
  wakeup().Notify();
}

bool DurableLog::RunOnce() {
  std::vector<LogBatch> turn;
  uint64_t number = 0;
  {
    MutexLock lock(&mutex_);
    if (queue_.empty() || appending_ || failed_) return false;
    turn.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.clear();
    appending_ = true;
    number = begun_turns_++;
  }
  const bool appended = !HasRecords(turn) || Append(turn);
  bool more = false;
  {
    MutexLock lock(&mutex_);
    appending_ = false;
    more = !queue_.empty();
    if (!appended) failed_ = true;
  }
  if (more) wakeup().Notify();  // the other thread appends while this one syncs
  {
    MutexLock lock(&mutex_);
    while (synced_turns_ != number && !failed_) sync_turn_.Wait(&mutex_);
    if (failed_) {
      sync_turn_.NotifyAll();
      return false;
    }
  }
  // A sync proves as much as a probe.
  if (HasRecords(turn) ? !Sync() : HasProbe(turn) && !Probe()) return false;
  Measure(turn);
  Finish(&turn);
  {
    MutexLock lock(&mutex_);
    ++synced_turns_;
  }
  sync_turn_.NotifyAll();
  MarkSyncedIfIdle();
  return true;
}

bool DurableLog::Append(const std::vector<LogBatch>& turn) {
  std::vector<wal::Record> records;
  uint64_t bytes = 0;
  for (const LogBatch& batch : turn) {
    for (const wal::Record& record : batch.records) {
      records.push_back(record);
      if (const auto* entry = std::get_if<wal::EntryRecord>(&record)) bytes += entry->bytes->size();
    }
  }
  const int64_t began_us = clock_->LeaseNowUs();
  const absl::Status status = wal_->Append(records);
  if (!status.ok()) {
    Fail("append to the log", status);
    return false;
  }
  metrics_->wal_append_us.Observe(static_cast<uint64_t>(clock_->LeaseNowUs() - began_us));
  metrics_->wal_append_bytes.Add(bytes);
  if (wal_->NeedsSegments()) hooks_.needs_segments();
  return true;
}

bool DurableLog::Sync() {
  const int64_t began_us = clock_->LeaseNowUs();
  const absl::Status status = wal_->Sync();
  if (!status.ok()) {
    Fail("sync the log", status);
    return false;
  }
  metrics_->wal_fsync_us.Observe(static_cast<uint64_t>(clock_->LeaseNowUs() - began_us));
  return true;
}

bool DurableLog::Probe() {
  const absl::Status status = wal_->Probe();
  if (status.ok() || absl::IsResourceExhausted(status)) return true;
  Fail("probe the log's disk", status);
  return false;
}

void DurableLog::Measure(const std::vector<LogBatch>& turn) {
  uint64_t writes = 0;
  int64_t oldest_us = kNever;
  for (const LogBatch& batch : turn) {
    if (!batch.writes()) continue;
    ++writes;
    oldest_us = std::min(oldest_us, batch.submitted_us);
  }
  if (writes != 0) meter_->Completed(writes, oldest_us, clock_->LeaseNowUs());
}

void DurableLog::Finish(std::vector<LogBatch>* turn) {
  TurnDone done;
  for (LogBatch& batch : *turn) {
    for (consensus::Message& message : batch.then_send) transport_->Send(std::move(message));
    if (batch.probe) {
      done.probed = true;
    } else if (batch.persist_id == 0) {
      done.base = batch.base;
    } else {
      done.persist_id = batch.persist_id;
    }
  }
  hooks_.done(done);
}

void DurableLog::MarkSyncedIfIdle() {
  {
    MutexLock lock(&mutex_);
    if (!queue_.empty() || appending_ || failed_ || begun_turns_ != synced_turns_) return;
    appending_ = true;
  }
  const absl::Status status = wal_->MarkSynced();
  if (!status.ok()) Fail("mark the log synced", status);
  bool more = false;
  {
    MutexLock lock(&mutex_);
    appending_ = false;
    more = !queue_.empty();
  }
  if (more) wakeup().Notify();
}

void DurableLog::Fail(const char* what, const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    failed_ = true;
  }
  sync_turn_.NotifyAll();
  hooks_.fatal(
      std::string("cannot ") + what + ": " + std::string(status.message()) +
      ". What was written may be lost, so nothing is tried again; check the disk and start "
      "this node anew");
}

}  // namespace baton::server
