// MemoryFileSystem: a disk in memory that can lose what was not synced, fill up, fail and rot.
//
// It keeps apart what a power cut would leave and what a running process sees: file content until
// File::Sync, names until SyncDirectory. (Directories themselves are durable at once.)
//
//   MemoryFileSystem fs;  ... write ...  fs.Crash({.seed = 7, .tear = true});  ... open again ...
//
// For tests and the simulator: deterministic in the seeds and calls given. Any thread. Files must
// not outlive the file system; those opened before a Crash fail ever after.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "wal/file_system.h"

namespace baton::wal {

struct CrashPolicy {
  uint64_t seed = 0;
  // False: exactly what was synced survives. True: besides, each 512-byte sector keeps any prefix
  // of the writes made to it since the last Sync, a file's length is any it had, and a directory
  // keeps any prefix of the changes made since its last SyncDirectory.
  bool tear = false;
};

class MemoryFileSystem : public FileSystem {
 public:
  MemoryFileSystem() = default;
  ~MemoryFileSystem() override;

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;  // same directory
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) override;

  // After `count` more calls that change something (writes, syncs, creations, renames, removals)
  // all such calls fail, until Crash: a power cut in the middle of what is being done.
  void CutPowerAfter(int64_t count);

  // The power goes and comes back.
  void Crash(const CrashPolicy& policy);

  // A copy of everything, synced and not; files open here stay with this one.
  std::unique_ptr<MemoryFileSystem> Clone() const;

  // The next `count` calls of File::WriteAt, or File::Sync, fail with INTERNAL and do nothing.
  void FailWrites(int count);
  void FailSyncs(int count);
  // Bytes of all files together; a write past it fails with RESOURCE_EXHAUSTED.
  void SetCapacity(uint64_t bytes);

  // Rot. All of the file counts as synced afterwards. NOT_FOUND: no such file or byte.
  absl::Status FlipBit(const std::string& path, uint64_t byte, int bit);
  absl::Status Truncate(const std::string& path, uint64_t size);

 private:
  friend class MemoryFile;
  struct Inode;
  // A change of names that is not durable yet.
  struct NameChange {
    std::string directory;
    std::string remove;  // path; empty: none
    std::string add;     // path; empty: none
    std::shared_ptr<Inode> inode;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  static void Apply(const NameChange& change, Names* names);
  absl::Status Change(NameChange change) BATON_REQUIRES(mutex_);
  uint64_t UsedBytes() const BATON_REQUIRES(mutex_);
  absl::Status SpendPower() BATON_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Names seen_ BATON_GUARDED_BY(mutex_);
  Names durable_ BATON_GUARDED_BY(mutex_);
  std::vector<NameChange> unsynced_names_ BATON_GUARDED_BY(mutex_);  // in order
  std::set<std::string> directories_ BATON_GUARDED_BY(mutex_);
  uint64_t crashes_ BATON_GUARDED_BY(mutex_) = 0;     // files of an earlier life fail
  int64_t power_left_ BATON_GUARDED_BY(mutex_) = -1;  // calls; negative: for ever
  int failing_writes_ BATON_GUARDED_BY(mutex_) = 0;
  int failing_syncs_ BATON_GUARDED_BY(mutex_) = 0;
  uint64_t capacity_bytes_ BATON_GUARDED_BY(mutex_) = uint64_t{1} << 40;
};

}  // namespace baton::wal
