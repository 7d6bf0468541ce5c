#include "server/faults/faulty_file_system.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::server {

class FaultyFile : public wal::File {
 public:
  FaultyFile(FaultyFileSystem* fs, std::unique_ptr<wal::File> below)
      : fs_(fs), below_(std::move(below)) {}

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    fs_->AwaitWrite();
    return below_->WriteAt(offset, bytes);
  }
  absl::Status ReadAt(uint64_t offset, size_t size, std::string* to) const override {
    return below_->ReadAt(offset, size, to);
  }
  absl::Status Sync() override {
    if (absl::Status status = fs_->AwaitSync(); !status.ok()) return status;
    return below_->Sync();
  }
  absl::StatusOr<uint64_t> Size() const override { return below_->Size(); }

 private:
  FaultyFileSystem* const fs_;
  const std::unique_ptr<wal::File> below_;
};

// --- Commands ---

void FaultyFileSystem::Stall(int64_t for_us) {
  MutexLock lock(&mutex_);
  stalled_until_us_ = for_us == kForever ? kForever : clock_->LeaseNowUs() + for_us;
  changed_.NotifyAll();
}

void FaultyFileSystem::Slow(int64_t more_us) {
  MutexLock lock(&mutex_);
  slow_us_ = more_us;
  changed_.NotifyAll();
}

void FaultyFileSystem::Fill() {
  MutexLock lock(&mutex_);
  full_ = true;
}

void FaultyFileSystem::FailSync() {
  MutexLock lock(&mutex_);
  sync_fails_ = true;
}

void FaultyFileSystem::Clear() {
  MutexLock lock(&mutex_);
  stalled_until_us_ = 0;
  slow_us_ = 0;
  full_ = false;
  sync_fails_ = false;
  changed_.NotifyAll();
}

std::vector<std::string> FaultyFileSystem::InForce() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> commands;
  const int64_t now_us = clock_->LeaseNowUs();
  if (stalled_until_us_ == kForever) {
    commands.push_back("stall");
  } else if (stalled_until_us_ > now_us) {
    commands.push_back(absl::StrCat("stall ", (stalled_until_us_ - now_us + 999) / 1000));
  }
  if (slow_us_ > 0) commands.push_back(absl::StrCat("slow ", slow_us_ / 1000));
  if (full_) commands.push_back("full");
  if (sync_fails_) commands.push_back("fail");
  return commands;
}

// --- Waiting ---

void FaultyFileSystem::AwaitWriteLocked() const {
  while (true) {
    if (stalled_until_us_ == kForever) {
      changed_.Wait(&mutex_);
      continue;
    }
    const int64_t left_us = stalled_until_us_ - clock_->LeaseNowUs();
    if (left_us <= 0) return;
    changed_.WaitFor(&mutex_, left_us);
  }
}

void FaultyFileSystem::AwaitWrite() const {
  MutexLock lock(&mutex_);
  AwaitWriteLocked();
}

absl::Status FaultyFileSystem::AwaitSync() {
  MutexLock lock(&mutex_);
  AwaitWriteLocked();
  const int64_t began_us = clock_->LeaseNowUs();
  while (true) {
    const int64_t left_us = began_us + slow_us_ - clock_->LeaseNowUs();
    if (left_us <= 0) break;
    changed_.WaitFor(&mutex_, left_us);
  }
  if (std::exchange(sync_fails_, false)) {
    return absl::InternalError("cannot sync: a failure was injected");
  }
  return absl::OkStatus();
}

// --- The file system ---

std::unique_ptr<wal::File> FaultyFileSystem::Wrap(std::unique_ptr<wal::File> file) {
  return std::make_unique<FaultyFile>(this, std::move(file));
}

absl::StatusOr<std::unique_ptr<wal::File>> FaultyFileSystem::Create(const std::string& path) {
  {
    MutexLock lock(&mutex_);
    AwaitWriteLocked();
    if (full_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot create ", path, ": a full disk was injected"));
    }
  }
  auto file = below_->Create(path);
  if (!file.ok()) return file.status();
  return Wrap(*std::move(file));
}

absl::StatusOr<std::unique_ptr<wal::File>> FaultyFileSystem::Open(const std::string& path) {
  auto file = below_->Open(path);
  if (!file.ok()) return file.status();
  return Wrap(*std::move(file));
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  AwaitWrite();
  return below_->Rename(from, to);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  AwaitWrite();
  return below_->Remove(path);
}

absl::Status FaultyFileSystem::MakeDirectory(const std::string& path) {
  AwaitWrite();
  return below_->MakeDirectory(path);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  if (absl::Status status = AwaitSync(); !status.ok()) return status;
  return below_->SyncDirectory(path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  return below_->List(directory);
}

absl::StatusOr<uint64_t> FaultyFileSystem::FreeBytes(const std::string& directory) {
  {
    MutexLock lock(&mutex_);
    if (full_) return 0;
  }
  return below_->FreeBytes(directory);
}

}  // namespace baton::server
