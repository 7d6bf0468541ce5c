// Pieces that the unit tests of the driver's stages share.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/codec/entry_codec.h"
#include "server/replica/transport.h"
#include "server/replica/worker.h"
#include "wal/wal.h"

namespace baton::server {

// A log that keeps records in memory and calls out before each step.
class FakeWal : public wal::Wal {
 public:
  std::function<absl::Status()> on_append = [] { return absl::OkStatus(); };
  std::function<absl::Status()> on_sync = [] { return absl::OkStatus(); };

  absl::Status Append(absl::Span<const wal::Record> records) override {
    if (absl::Status s = on_append(); !s.ok()) return s;
    MutexLock lock(&mutex_);
    appends_.push_back(records.size());
    for (const wal::Record& record : records) {
      if (const auto* entry = std::get_if<wal::EntryRecord>(&record)) {
        entries_[entry->id.slot] = *entry;
      }
    }
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    if (absl::Status s = on_sync(); !s.ok()) return s;
    MutexLock lock(&mutex_);
    ++syncs_;
    return absl::OkStatus();
  }
  absl::Status Probe() override {
    MutexLock lock(&mutex_);
    ++probes_;
    return absl::OkStatus();
  }
  absl::Status MarkSynced() override {
    MutexLock lock(&mutex_);
    ++marks_;
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<wal::EntryRecord>> Read(GroupId, Slot first, Slot last,
                                                     uint64_t) const override {
    MutexLock lock(&mutex_);
    if (damaged_) return absl::DataLossError("the log is damaged");
    std::vector<wal::EntryRecord> found;
    // Two at a time, so that readers must come back for more.
    for (Slot slot = first; slot <= last && found.size() < 2; slot = slot.Next()) {
      const auto entry = entries_.find(slot);
      if (entry == entries_.end()) break;
      found.push_back(entry->second);
    }
    if (found.empty()) return absl::NotFoundError("no such slot");
    return found;
  }
  bool NeedsSegments() const override { return false; }
  absl::Status PrepareSegments() override { return absl::OkStatus(); }
  void StopPreparing() override {}
  uint64_t RoomBytes() const override { return 1 << 30; }
  uint64_t SizeBytes() const override { return 0; }

  // From now on nothing can be read.
  void Damage() {
    MutexLock lock(&mutex_);
    damaged_ = true;
  }
  std::vector<size_t> appends() const {
    MutexLock lock(&mutex_);
    return appends_;
  }
  int syncs() const {
    MutexLock lock(&mutex_);
    return syncs_;
  }
  int probes() const {
    MutexLock lock(&mutex_);
    return probes_;
  }
  int marks() const {
    MutexLock lock(&mutex_);
    return marks_;
  }

 private:
  mutable Mutex mutex_;
  std::map<Slot, wal::EntryRecord> entries_ BATON_GUARDED_BY(mutex_);
  std::vector<size_t> appends_ BATON_GUARDED_BY(mutex_);
  int syncs_ BATON_GUARDED_BY(mutex_) = 0;
  int probes_ BATON_GUARDED_BY(mutex_) = 0;
  int marks_ BATON_GUARDED_BY(mutex_) = 0;
  bool damaged_ BATON_GUARDED_BY(mutex_) = false;
};

// Keeps what is sent.
class RecordingTransport : public Transport {
 public:
  void Send(consensus::Message message) override {
    MutexLock lock(&mutex_);
    sent_.push_back(std::move(message));
  }
  void SetMembers(const std::vector<MemberInfo>&) override {}
  bool Connected(NodeId) const override { return true; }
  size_t sent() const {
    MutexLock lock(&mutex_);
    return sent_.size();
  }
  std::vector<consensus::Message> TakeSent() {
    MutexLock lock(&mutex_);
    return std::exchange(sent_, {});
  }

 private:
  mutable Mutex mutex_;
  std::vector<consensus::Message> sent_ BATON_GUARDED_BY(mutex_);
};

// Keeps what is posted until it is run.
class HeldWorker : public Worker {
 public:
  bool Post(std::function<void()> task) override {
    tasks_.push_back(std::move(task));
    return true;
  }
  void RunAll() {
    for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
  }
  size_t held() const { return tasks_.size(); }

 private:
  std::deque<std::function<void()>> tasks_;
};

inline wal::EntryRecord RecordOf(uint64_t slot, EntryStamp stamp = {},
                                 std::string_view effects = {}) {
  const EntryId id{Ballot{1, NodeId{1}}, Slot{slot}};
  return wal::EntryRecord{kFirstGroup, id, EncodeEntry(kFirstGroup, id, {}, stamp, effects)};
}

}  // namespace baton::server
