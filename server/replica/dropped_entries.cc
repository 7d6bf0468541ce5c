#include "server/replica/dropped_entries.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/replica/stage.h"

namespace baton::server {
namespace {

constexpr uint8_t kFileVersion = 1;
constexpr size_t kChecksumBytes = 8;
constexpr std::string_view kSuffix = ".dropped";

std::string NameOf(uint64_t number) { return absl::StrFormat("%016x.dropped", number); }

// The number in a file's name; 0: it is none of ours.
uint64_t NumberOf(std::string_view name) {
  if (!name.ends_with(kSuffix)) return 0;
  const char* const end = name.data() + name.size() - kSuffix.size();
  uint64_t number = 0;
  const auto [at, error] = std::from_chars(name.data(), end, number, /*base=*/16);
  return error == std::errc() && at == end ? number : 0;
}

std::string Encode(const std::vector<wal::EntryRecord>& entries) {
  std::string bytes;
  PutByte(&bytes, kFileVersion);
  for (const wal::EntryRecord& entry : entries) PutString(&bytes, *entry.bytes);
  PutFixed64(&bytes, Checksum(bytes));
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DroppedEntries>> DroppedEntries::Open(wal::FileSystem* fs,
                                                                     const std::string& directory) {
  if (absl::Status s = fs->MakeDirectory(directory); !s.ok()) return s;
  std::unique_ptr<DroppedEntries> dropped(new DroppedEntries(fs, directory));
  const auto names = dropped->List();
  if (!names.ok()) return names.status();
  dropped->files_ = names->size();
  if (!names->empty()) dropped->next_ = NumberOf(names->back()) + 1;
  return dropped;
}

absl::Status DroppedEntries::Keep(const wal::Wal& wal, Slot first) {
  if (failed_first_ != first) failed_end_ = first;
  failed_first_ = first;
  while (true) {
    const Slot from = failed_end_;
    const auto entries = wal.Read(kFirstGroup, from, kSlotNone, kFileBytes);
    if (absl::IsNotFound(entries.status())) {
      failed_first_ = Slot{};
      return absl::OkStatus();
    }
    if (!entries.ok()) return entries.status();
    const std::string name = NameOf(next_);
    absl::Status s = wal::WriteFileAtomically(fs_, PathOf(name), Encode(*entries));
    if (!s.ok()) return s;
    ++next_;
    files_.fetch_add(1, std::memory_order_relaxed);
    spdlog::info("slots {} to {} are dropped from the log, and kept in {}", from.value,
                 entries->back().id.slot.value, PathOf(name));
    failed_end_ = entries->back().id.slot.Next();
  }
}

absl::StatusOr<std::vector<std::string>> DroppedEntries::List() {
  auto names = fs_->List(directory_);
  if (!names.ok()) return names.status();
  std::erase_if(*names, [](const std::string& name) { return NumberOf(name) == 0; });
  std::sort(names->begin(), names->end());
  return names;
}

absl::StatusOr<std::vector<std::string>> DroppedEntries::Read(const std::string& name) {
  const absl::StatusOr<std::string> bytes = wal::ReadWholeFile(fs_, PathOf(name));
  if (!bytes.ok()) return bytes.status();
  const absl::Status damaged = absl::DataLossError(absl::StrCat(PathOf(name), " is damaged"));
  if (bytes->size() < kChecksumBytes) return damaged;
  const std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kChecksumBytes);
  if (Checksum(body) != LoadFixed64(body.data() + body.size())) return damaged;
  Decoder in(body);
  if (const uint8_t version = in.ReadByte(); version != kFileVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(PathOf(name), " is of version ", version, ": start the build that wrote it"));
  }
  std::vector<std::string> entries;
  while (in.ok() && !in.Done()) entries.emplace_back(in.ReadString());
  if (!in.Done()) return damaged;
  return entries;
}

absl::Status DroppedEntries::Remove(const std::string& name) {
  if (absl::Status s = fs_->Remove(PathOf(name)); !s.ok()) return s;
  files_.fetch_sub(1, std::memory_order_relaxed);
  return fs_->SyncDirectory(directory_);
}

}  // namespace baton::server
