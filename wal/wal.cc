#include "wal/wal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "wal/format.h"
#include "wal/recovery.h"
#include "wal/segment_store.h"
#include "wal/segmented_wal.h"

namespace baton::wal {
namespace {

absl::Status CheckOptions(const Options& options) {
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > kSegmentBytesMax ||
      options.segment_bytes % kWritePadBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment_bytes is ", options.segment_bytes, ": give a multiple of ",
                     kWritePadBytes, " from ", kSegmentBytesMin, " to ", kSegmentBytesMax));
  }
  return absl::OkStatus();
}

// Overwrites what must never be read again, in the order in which a crash half-way leaves a log
// that is cut at the same place.
absl::Status CutTornTail(FileSystem* fs, const std::string& directory, LogScan* scan) {
  if (scan->remove_from) {
    while (scan->segments.back().header.number >= *scan->remove_from) {
      if (auto status = fs->Remove(scan->segments.back().path); !status.ok()) return status;
      if (auto status = fs->SyncDirectory(directory); !status.ok()) return status;
      scan->segments.pop_back();
    }
  }
  File* file = scan->segments[scan->used - 1].file.get();
  constexpr uint32_t kZeroChunkBytes = 1 << 20;
  for (uint32_t at = scan->end.offset; at < scan->torn_end;) {
    const std::string zeros(std::min(kZeroChunkBytes, scan->torn_end - at), '\0');
    if (auto status = file->WriteAt(at, zeros); !status.ok()) return status;
    at += static_cast<uint32_t>(zeros.size());
  }
  return absl::OkStatus();
}

// What was found, names included, may be in memory only, after a crash of the process alone.
absl::Status SyncFound(FileSystem* fs, const std::string& directory, const LogScan& scan) {
  if (auto status = fs->SyncDirectory(DirectoryOf(directory)); !status.ok()) return status;
  if (auto status = fs->SyncDirectory(directory); !status.ok()) return status;
  for (size_t i = 0; i < scan.used; ++i) {
    if (scan.segments[i].header.number < scan.synced.segment) continue;
    if (auto status = scan.segments[i].file->Sync(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MakeFirstSegment(SegmentStore* store, LogScan* scan) {
  auto filled = store->Fill([](uint64_t) { return true; });
  if (!filled.ok()) return filled.status();
  auto segment = store->Publish(*std::move(filled), 1);
  if (!segment.ok()) return segment.status();
  scan->segments.push_back(*std::move(segment));
  scan->used = 1;
  scan->end = scan->data_end = {1, kSegmentHeaderBytes};
  return absl::OkStatus();
}

Recovery Summarize(const LogScan& scan) {
  Recovery recovery;
  for (const auto& [id, group] : scan.groups) {
    recovery.groups.push_back(
        {id, group.state, group.index.base(), group.index.last(), group.index.runs()});
  }
  recovery.fault = scan.fault;
  recovery.torn_bytes = scan.torn_bytes;
  return recovery;
}

}  // namespace

absl::StatusOr<Wal::Opened> Wal::Open(FileSystem* fs, const std::string& directory,
                                      const Identity& identity, const Options& options) {
  if (auto status = CheckOptions(options); !status.ok()) return status;
  if (auto status = fs->MakeDirectory(directory); !status.ok()) return status;
  auto scan = ScanLog(fs, directory, &identity);
  if (!scan.ok()) return scan.status();
  if (scan->used == 0 && !options.create_if_missing) {
    return absl::DataLossError(
        absl::StrCat("the log in ", directory,
                     " is gone: bring it back, or empty the data directory and replace this node"));
  }
  SegmentStore store(fs, directory, identity, options.segment_bytes);
  if (!scan->fault) {
    if (auto status = store.RemoveUnnamed(); !status.ok()) return status;
    auto status =
        scan->used == 0 ? MakeFirstSegment(&store, &*scan) : CutTornTail(fs, directory, &*scan);
    if (status.ok()) status = SyncFound(fs, directory, *scan);
    if (!status.ok()) return status;
  }
  Opened opened;
  opened.recovery = Summarize(*scan);
  opened.wal = std::make_unique<SegmentedWal>(std::move(store), options, *std::move(scan));
  if (opened.recovery.torn_bytes > 0) {
    // What stated how much was on disk may be among what was cut.
    auto status = opened.wal->MarkSynced();
    if (status.ok()) status = opened.wal->Sync();
    if (!status.ok()) return status;
  }
  if (!opened.recovery.fault) {
    // Takes the probe's block while there is space for it.
    auto status = opened.wal->Probe();
    if (!status.ok() && !absl::IsResourceExhausted(status)) return status;
  }
  return opened;
}

}  // namespace baton::wal
