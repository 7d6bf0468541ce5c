// FaultyFileSystem: a disk that stalls, slows down, fills up or fails when told to. A decorator
// over the real one, of which nothing below knows.
//
// Whatever changes the disk waits while it stalls; reads and looks at names go on, as they would
// from a page cache. Owner: FaultInjection; outlives the files opened through it. Any thread; File
// as wal/file_system.h says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/replica/clock.h"
#include "wal/file_system.h"

namespace baton::server {

class FaultyFileSystem : public wal::FileSystem {
 public:
  static constexpr int64_t kForever = INT64_MAX;

  FaultyFileSystem(wal::FileSystem* below, const Clock* clock) : below_(below), clock_(clock) {}

  // Each takes effect at once, on calls that wait already too.
  void Stall(int64_t for_us);                // kForever: until Clear
  void Slow(int64_t more_us);                // each sync takes this much longer; 0: no longer
  void Fill();                               // no space: nothing is free, nothing can be created
  void FailSync();                           // the next sync fails
  void Clear();                              // all of the above is over
  std::vector<std::string> InForce() const;  // as the commands that would bring it about

  absl::StatusOr<std::unique_ptr<wal::File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<wal::File>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) override;

 private:
  friend class FaultyFile;
  // Returns once the disk takes writes.
  void AwaitWrite() const;
  // Returns once a sync may run, or with its failure.
  absl::Status AwaitSync();
  void AwaitWriteLocked() const BATON_REQUIRES(mutex_);
  std::unique_ptr<wal::File> Wrap(std::unique_ptr<wal::File> file);

  wal::FileSystem* const below_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  int64_t stalled_until_us_ BATON_GUARDED_BY(mutex_) = 0;  // on the lease clock
  int64_t slow_us_ BATON_GUARDED_BY(mutex_) = 0;
  bool full_ BATON_GUARDED_BY(mutex_) = false;
  bool sync_fails_ BATON_GUARDED_BY(mutex_) = false;
};

}  // namespace baton::server
