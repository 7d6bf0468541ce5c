// PosixFileSystem: the real disk. Any thread; File as wal/file_system.h says.
#pragma once

#include "wal/file_system.h"

namespace baton::wal {

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) override;

  // Opens an existing file for reading only: for programs that must not change anything.
  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const std::string& path);
};

// Refuses everything that would change the disk; Open opens for reading.
class ReadOnlyPosixFileSystem : public PosixFileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path) override;
};

}  // namespace baton::wal
