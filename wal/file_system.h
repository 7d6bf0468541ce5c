// FileSystem: the seam between the log and a disk. PosixFileSystem is the real one;
// MemoryFileSystem keeps bytes in memory and can lose those that were not synced.
//
// A FileSystem may be used by any thread. A File is used by one thread at a time, except that
// WriteAt may run beside Sync, and ReadAt and Size beside both. Paths are absolute. Errors:
// NOT_FOUND, ALREADY_EXISTS, RESOURCE_EXHAUSTED (no space), and INTERNAL with the path and the
// system's text for all else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace baton::wal {

class File {
 public:
  virtual ~File() = default;
  virtual absl::Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // Reads up to `size` bytes into `*to` (replaced); fewer only at the end of the file.
  virtual absl::Status ReadAt(uint64_t offset, size_t size, std::string* to) const = 0;
  // Makes written bytes, and the length, survive a power cut (fdatasync).
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<File>> Create(
      const std::string& path) = 0;  // must not exist
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;  // must exist
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status MakeDirectory(const std::string& path) = 0;  // with parents; may exist
  // Makes creations, renames and removals in the directory survive a power cut.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;  // names
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) = 0;
};

// Writes a small file so that a crash leaves the old content or the new (temporary, sync, rename,
// sync directory).
absl::Status WriteFileAtomically(FileSystem* fs, const std::string& path, std::string_view bytes);
absl::StatusOr<std::string> ReadWholeFile(FileSystem* fs, const std::string& path);

// The directory that a path lies in.
std::string DirectoryOf(const std::string& path);

}  // namespace baton::wal
