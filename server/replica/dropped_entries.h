// DroppedEntries: what this node's log has had to drop, kept beside it until it is known what
// became of it.
//
// A log drops its end when a later leader's entries take its place, or a snapshot. What it drops
// may have been acknowledged (a keyspace of mode async), so it is written here, and is on disk,
// before the log forgets it. Whether it is lost is decided later, by what was chosen in its place
// (losses.h); until then a file lies here for each piece. docs/storage.md gives its bytes.
//
// Keep may run beside all others, on one thread at a time; the rest is the worker's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "wal/file_system.h"
#include "wal/wal.h"

namespace baton::server {

class DroppedEntries {
 public:
  static constexpr uint64_t kFileBytes = 4 << 20;  // about; one entry at least

  // Makes the directory if there is none.
  static absl::StatusOr<std::unique_ptr<DroppedEntries>> Open(wal::FileSystem* fs,
                                                              const std::string& directory);

  // Keeps what the log has from `first` on, if anything. Durable when it returns. Asked the same
  // again after it failed, it goes on where it stood. REQUIRES: the log drops nothing meanwhile.
  absl::Status Keep(const wal::Wal& wal, Slot first);

  // Whether there is anything. Any thread.
  bool empty() const { return files_.load(std::memory_order_relaxed) == 0; }

  // Oldest first.
  absl::StatusOr<std::vector<std::string>> List();
  // The encoded entries of one file, in order. DATA_LOSS, FAILED_PRECONDITION (a newer version).
  absl::StatusOr<std::vector<std::string>> Read(const std::string& name);
  absl::Status Remove(const std::string& name);

 private:
  DroppedEntries(wal::FileSystem* fs, std::string directory)
      : fs_(fs), directory_(std::move(directory)) {}
  std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }

  wal::FileSystem* const fs_;
  const std::string directory_;
  uint64_t next_ = 1;  // number of the next file
  // Of a Keep that failed: from where it was to keep, and up to where, exclusive, it has.
  Slot failed_first_, failed_end_;
  std::atomic<uint64_t> files_{0};
};

}  // namespace baton::server
