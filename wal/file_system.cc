#include "wal/file_system.h"

namespace baton::wal {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteFileAtomically(FileSystem* fs, const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  if (auto status = fs->Remove(temporary); !status.ok() && !absl::IsNotFound(status)) return status;
  auto file = fs->Create(temporary);
  if (!file.ok()) return file.status();
  if (auto status = (*file)->WriteAt(0, bytes); !status.ok()) return status;
  if (auto status = (*file)->Sync(); !status.ok()) return status;
  if (auto status = fs->Rename(temporary, path); !status.ok()) return status;
  return fs->SyncDirectory(DirectoryOf(path));
}

absl::StatusOr<std::string> ReadWholeFile(FileSystem* fs, const std::string& path) {
  auto file = fs->Open(path);
  if (!file.ok()) return file.status();
  auto size = (*file)->Size();
  if (!size.ok()) return size.status();
  std::string bytes;
  if (auto status = (*file)->ReadAt(0, *size, &bytes); !status.ok()) return status;
  return bytes;
}

}  // namespace baton::wal
