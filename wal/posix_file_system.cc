#include "wal/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::wal {
namespace {

absl::Status Error(int error, const char* what, const std::string& path) {
  const std::string text =
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(text);
    case EEXIST:
      return absl::AlreadyExistsError(text);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::InternalError(text);
  }
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(fd_); }

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error(errno, "write to", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return absl::OkStatus();
  }

  absl::Status ReadAt(uint64_t offset, size_t size, std::string* to) const override {
    to->resize(size);
    size_t have = 0;
    while (have < size) {
      const ssize_t n =
          ::pread(fd_, to->data() + have, size - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error(errno, "read", path_);
      if (n == 0) break;
      have += static_cast<size_t>(n);
    }
    to->resize(have);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // Not repeated on EINTR either: an interrupted sync leaves it unknown which pages were dropped.
    if (::fdatasync(fd_) != 0) return Error(errno, "sync", path_);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return Error(errno, "stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
  const std::string path_;
};

absl::StatusOr<std::unique_ptr<File>> OpenWith(const std::string& path, int flags,
                                               const char* what) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return Error(errno, what, path);
  return std::make_unique<PosixFile>(fd, path);
}

absl::Status Refused(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(path, " is open for reading only"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::Create(const std::string& path) {
  return OpenWith(path, O_RDWR | O_CREAT | O_EXCL, "create");
}

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path) {
  return OpenWith(path, O_RDWR, "open");
}

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForReading(const std::string& path) {
  return OpenWith(path, O_RDONLY, "open");
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return Error(errno, "rename", absl::StrCat(from, " to ", to));
  }
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Error(errno, "remove", path);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) == 0) return SyncDirectory(DirectoryOf(path));
  if (errno == EEXIST) {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return absl::OkStatus();
    return Error(ENOTDIR, "make directory", path);
  }
  const std::string parent = DirectoryOf(path);
  if (errno != ENOENT || parent == path) return Error(errno, "make directory", path);
  if (auto status = MakeDirectory(parent); !status.ok()) return status;
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return Error(errno, "make directory", path);
  }
  return SyncDirectory(parent);
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error(errno, "open directory", path);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : Error(error, "sync directory", path);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return Error(errno, "list", directory);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  ::closedir(dir);
  if (error != 0) return Error(error, "list", directory);
  return names;
}

absl::StatusOr<uint64_t> PosixFileSystem::FreeBytes(const std::string& directory) {
  struct statvfs info;
  if (::statvfs(directory.c_str(), &info) != 0) return Error(errno, "stat", directory);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

absl::StatusOr<std::unique_ptr<File>> ReadOnlyPosixFileSystem::Create(const std::string& path) {
  return Refused(path);
}
absl::StatusOr<std::unique_ptr<File>> ReadOnlyPosixFileSystem::Open(const std::string& path) {
  return OpenForReading(path);
}
absl::Status ReadOnlyPosixFileSystem::Rename(const std::string& from, const std::string&) {
  return Refused(from);
}
absl::Status ReadOnlyPosixFileSystem::Remove(const std::string& path) { return Refused(path); }
absl::Status ReadOnlyPosixFileSystem::MakeDirectory(const std::string& path) {
  return Refused(path);
}

}  // namespace baton::wal
