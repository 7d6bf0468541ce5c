#include "server/replica/durable_log.h"

#include <spdlog/spdlog.h>

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
    if (!Join(&batch)) queue_.push_back(std::move(batch));
  }
  wakeup().Notify();
}

bool DurableLog::Join(LogBatch* batch) {
  if (queue_.empty() || !queue_.back().only_sends() || !batch->only_sends()) return false;
  LogBatch& last = queue_.back();
  last.persist_id = batch->persist_id;  // persists complete up to an id
  std::vector<consensus::Message>& sends = last.then_send;
  sends.insert(sends.end(), std::make_move_iterator(batch->then_send.begin()),
               std::make_move_iterator(batch->then_send.end()));
  if (sends.size() > kWaitingSendsMax) {
    sends.erase(sends.begin(), sends.end() - kWaitingSendsMax);
  }
  return true;
}

int64_t DurableLog::NextDeadlineUs() const {
  MutexLock lock(&mutex_);
  return retry_at_us_ == 0 || queue_.empty() || appending_ || failed_ ? kNever : retry_at_us_;
}

std::optional<DurableLog::Turn> DurableLog::Begin() {
  const int64_t now_us = clock_->LeaseNowUs();
  MutexLock lock(&mutex_);
  if (queue_.empty() || appending_ || failed_ || now_us < retry_at_us_) return std::nullopt;
  const auto replaces = [](const LogBatch& batch) { return batch.replaces > Slot{}; };
  const auto end = std::find_if(queue_.begin() + 1, queue_.end(), replaces);
  Turn turn;
  turn.batches.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  appending_ = true;
  turn.number = begun_turns_++;
  return turn;
}

bool DurableLog::KeepReplaced(Turn* turn) {
  const Slot replaces = turn->batches.front().replaces;
  if (replaces == Slot{} || !hooks_.keep) return true;
  const absl::Status status = hooks_.keep(replaces);
  if (status.ok()) return true;
  if (!absl::IsResourceExhausted(status)) {
    Fail("keep what the log is to drop", status);
    return false;
  }
  const int64_t retry_at_us = clock_->LeaseNowUs() + kNoSpaceRetryUs;
  MutexLock lock(&mutex_);
  if (retry_at_us_ == 0) {
    spdlog::warn("the log waits for space to keep what it is to drop: {}",
                 std::string(status.message()));
  }
  retry_at_us_ = retry_at_us;
  --begun_turns_;
  queue_.insert(queue_.begin(), std::make_move_iterator(turn->batches.begin()),
                std::make_move_iterator(turn->batches.end()));
  appending_ = false;
  return false;
}

void DurableLog::EndAppend() {
  bool more = false;
  {
    MutexLock lock(&mutex_);
    appending_ = false;
    retry_at_us_ = 0;
    more = !queue_.empty();
  }
  if (more) wakeup().Notify();  // the other thread appends while this one syncs
}

bool DurableLog::RunOnce() {
  std::optional<Turn> turn = Begin();
  if (!turn || !KeepReplaced(&*turn)) return false;
  if (HasRecords(turn->batches)) Append(turn->batches);
  EndAppend();
  {
    MutexLock lock(&mutex_);
    while (synced_turns_ != turn->number && !failed_) sync_turn_.Wait(&mutex_);
    if (failed_) {
      sync_turn_.NotifyAll();
      return false;
    }
  }
  // A sync proves as much as a probe.
  if (HasRecords(turn->batches) ? !Sync() : HasProbe(turn->batches) && !Probe()) return false;
  Measure(turn->batches);
  Finish(&turn->batches);
  {
    MutexLock lock(&mutex_);
    ++synced_turns_;
  }
  sync_turn_.NotifyAll();
  MarkSyncedIfIdle();
  return true;
}

void DurableLog::Append(const std::vector<LogBatch>& turn) {
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
  if (!status.ok()) return Fail("append to the log", status);
  metrics_->wal_append_us.Observe(static_cast<uint64_t>(clock_->LeaseNowUs() - began_us));
  metrics_->wal_append_bytes.Add(bytes);
  if (wal_->NeedsSegments()) hooks_.needs_segments();
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
