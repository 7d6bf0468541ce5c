#include "wal/segment_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::wal {
namespace {

constexpr uint64_t kFillChunkBytes = 1 << 20;
// Synced this often, so that the log's own fdatasync never queues behind a whole segment.
constexpr uint64_t kFillSyncBytes = 4 << 20;

// One name each for what may be under way at the same time.
constexpr std::string_view kFilling = "filling.tmp";  // by the worker
constexpr std::string_view kSparse = "sparse.tmp";    // by the appender
constexpr std::string_view kProbe = "probe";
constexpr std::string_view kRetired = "retired.tmp";  // under the lock on numbers

}  // namespace

absl::StatusOr<UnnamedSegment> SegmentStore::Create(std::string_view name) {
  UnnamedSegment unnamed;
  unnamed.path = absl::StrCat(directory_, "/", std::string(name));
  if (auto status = fs_->Remove(unnamed.path); !status.ok() && !absl::IsNotFound(status)) {
    return status;
  }
  auto file = fs_->Create(unnamed.path);
  if (!file.ok()) return file.status();
  unnamed.file = *std::move(file);
  unnamed.file_bytes = segment_bytes_;
  return unnamed;
}

absl::Status SegmentStore::Discard(const UnnamedSegment& unnamed, absl::Status why) {
  // What made this necessary is the error to report; a file that stays is removed at the next open.
  (void)fs_->Remove(unnamed.path);
  return why;
}

absl::StatusOr<std::shared_ptr<File>> SegmentStore::OpenProbe() {
  const std::string path = absl::StrCat(directory_, "/", std::string(kProbe));
  auto file = fs_->Open(path);
  if (absl::IsNotFound(file.status())) file = fs_->Create(path);
  if (!file.ok()) return file.status();
  return std::shared_ptr<File>(*std::move(file));
}

absl::StatusOr<UnnamedSegment> SegmentStore::Fill(const std::function<bool(uint64_t)>& go_on) {
  auto free = fs_->FreeBytes(directory_);
  if (!free.ok()) return free.status();
  if (*free < segment_bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat("no space for a log segment of ",
                                                     segment_bytes_, " bytes: ", *free,
                                                     " bytes are free in ", directory_));
  }
  auto unnamed = Create(kFilling);
  if (!unnamed.ok()) return unnamed.status();
  const std::string zeros(std::min(kFillChunkBytes, segment_bytes_), '\0');
  uint64_t unsynced = 0;
  for (uint64_t done = 0; done < segment_bytes_;) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), segment_bytes_ - done);
    absl::Status status = unnamed->file->WriteAt(done, std::string_view(zeros).substr(0, size));
    done += size;
    unsynced += size;
    if (status.ok() && (unsynced >= kFillSyncBytes || done == segment_bytes_)) {
      status = unnamed->file->Sync();
      unsynced = 0;
    }
    if (status.ok() && !go_on(done)) status = absl::CancelledError("stopped");
    if (!status.ok()) return Discard(*unnamed, std::move(status));
  }
  return unnamed;
}

absl::StatusOr<UnnamedSegment> SegmentStore::MakeSparse() {
  auto unnamed = Create(kSparse);
  if (!unnamed.ok()) return unnamed.status();
  auto status = unnamed->file->WriteAt(segment_bytes_ - 1, std::string_view("\0", 1));
  if (!status.ok()) return Discard(*unnamed, std::move(status));
  return unnamed;
}

absl::StatusOr<UnnamedSegment> SegmentStore::Retire(const Segment& segment) {
  UnnamedSegment unnamed;
  unnamed.path = absl::StrCat(directory_, "/", std::string(kRetired));
  unnamed.file = segment.file;
  unnamed.file_bytes = segment.file_bytes;
  if (auto status = fs_->Rename(segment.path, unnamed.path); !status.ok()) return status;
  // Before its bytes change: under its old name a changed file would be taken for damage.
  if (auto status = fs_->SyncDirectory(directory_); !status.ok()) return status;
  return unnamed;
}

absl::StatusOr<Segment> SegmentStore::Publish(UnnamedSegment unnamed, uint32_t number) {
  Segment segment;
  segment.header = {identity_, number, segment_bytes_, SegmentSeed(identity_, number)};
  segment.path = absl::StrCat(directory_, "/", SegmentFileName(number));
  segment.file_bytes = unnamed.file_bytes;
  auto status = unnamed.file->WriteAt(0, EncodeSegmentHeader(segment.header));
  if (status.ok()) status = unnamed.file->Sync();
  if (status.ok()) status = fs_->Rename(unnamed.path, segment.path);
  if (!status.ok()) return Discard(unnamed, std::move(status));
  if (status = fs_->SyncDirectory(directory_); !status.ok()) return status;
  auto file = fs_->Open(segment.path);  // a file of its own: readers may still hold the old one
  if (!file.ok()) return file.status();
  segment.file = *std::move(file);
  return segment;
}

absl::Status SegmentStore::Remove(const std::string& path) {
  if (auto status = fs_->Remove(path); !status.ok()) return status;
  return fs_->SyncDirectory(directory_);
}

absl::Status SegmentStore::RemoveUnnamed() {
  for (std::string_view name : {kFilling, kSparse, kRetired}) {
    auto status = Remove(absl::StrCat(directory_, "/", std::string(name)));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

}  // namespace baton::wal
