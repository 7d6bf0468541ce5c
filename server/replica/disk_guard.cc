#include "server/replica/disk_guard.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/mutex.h"

namespace baton::server {

struct DiskGuard::Shared {
  wal::FileSystem* fs;
  std::string directory;
  uint64_t segment_bytes;
  uint64_t reserve_bytes;
  Metrics* metrics;
  std::function<void(const std::string&)> fatal;

  std::atomic<bool> preparing{false};  // a task is posted
  std::atomic<bool> looking{false};
  std::atomic<bool> no_space{false};       // a segment could not be had last time
  std::atomic<bool> below_reserve{false};  // as of the last look
  std::atomic<bool> nearly_full{false};    // likewise
  std::atomic<bool> full{false};           // as it was found last

  Mutex mutex;                            // held while a task runs
  wal::Wal* wal BATON_GUARDED_BY(mutex);  // null once the guard is gone

  void Prepare() {
    MutexLock lock(&mutex);
    preparing = false;
    if (wal != nullptr) PrepareLocked();
  }

  // A segment that could not be had is asked for again: nothing else would, while writes are
  // refused.
  void Look() {
    MutexLock lock(&mutex);
    looking = false;
    if (wal == nullptr) return;
    if (no_space) {
      PrepareLocked();
    } else {
      LookLocked();
    }
  }

  void PrepareLocked() BATON_REQUIRES(mutex) {
    const absl::Status status = wal->PrepareSegments();
    if (!status.ok() && !absl::IsResourceExhausted(status)) {
      fatal("cannot prepare the log's next segment: " + std::string(status.message()));
      return;
    }
    no_space = absl::IsResourceExhausted(status);
    LookLocked();
  }

  void LookLocked() BATON_REQUIRES(mutex) {
    metrics->wal_size_bytes.Set(wal->SizeBytes());
    const absl::StatusOr<uint64_t> free_bytes = fs->FreeBytes(directory);
    below_reserve = free_bytes.ok() && *free_bytes < reserve_bytes;
    nearly_full = no_space || (free_bytes.ok() && *free_bytes / kNearReserves < reserve_bytes);
    Judge(*wal);
  }

  // The log has prepared room ahead: a disk that cannot give more is full once that runs out.
  bool Judge(const wal::Wal& log) {
    const bool now_full =
        below_reserve || (no_space && log.RoomBytes() < kSegmentsKept * segment_bytes);
    if (now_full != full.exchange(now_full)) {
      spdlog::warn(now_full ? "the disk is full: client writes are refused"
                            : "there is space on the disk again");
    }
    return now_full;
  }
};

DiskGuard::DiskGuard(wal::Wal* wal, wal::FileSystem* fs, std::string directory,
                     uint64_t segment_bytes, uint64_t reserve_bytes, Worker* worker,
                     const Clock* clock, Metrics* metrics,
                     std::function<void(const std::string&)> fatal)
    : wal_(wal), shared_(std::make_shared<Shared>()), worker_(worker), clock_(clock) {
  shared_->fs = fs;
  shared_->directory = std::move(directory);
  shared_->segment_bytes = segment_bytes;
  shared_->reserve_bytes = reserve_bytes;
  shared_->metrics = metrics;
  shared_->fatal = std::move(fatal);
  MutexLock lock(&shared_->mutex);
  shared_->wal = wal;
}

DiskGuard::~DiskGuard() {
  wal_->StopPreparing();
  MutexLock lock(&shared_->mutex);
  shared_->wal = nullptr;
}

void DiskGuard::PrepareSegments() {
  if (shared_->preparing.exchange(true)) return;
  if (!worker_->Post([shared = shared_] { shared->Prepare(); })) shared_->preparing = false;
}

bool DiskGuard::WasFull() const { return shared_->full.load(std::memory_order_relaxed); }

void DiskGuard::LookSometimes() {
  const int64_t now_us = clock_->LeaseNowUs();
  int64_t next_us = next_look_us_.load(std::memory_order_relaxed);
  if (now_us >= next_us && next_look_us_.compare_exchange_strong(next_us, now_us + kLookUs) &&
      !shared_->looking.exchange(true)) {
    if (!worker_->Post([shared = shared_] { shared->Look(); })) shared_->looking = false;
  }
}

bool DiskGuard::Full() {
  LookSometimes();
  return shared_->Judge(*wal_);
}

bool DiskGuard::NearlyFull() {
  LookSometimes();
  return shared_->nearly_full.load(std::memory_order_relaxed);
}

}  // namespace baton::server
