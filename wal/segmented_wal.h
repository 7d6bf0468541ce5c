// SegmentedWal: the Wal over segment files.
//
// Threads as in wal/wal.h. What only the appender touches is written without a lock; mutex_ guards
// what it shares with the syncer, readers and the worker and is never held over I/O;
// publish_mutex_ is held while a segment gets its number and name, and is taken before mutex_. Sync
// takes mutex_ alone, so an append never waits for an fdatasync of the log.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "wal/group_index.h"
#include "wal/record_writer.h"
#include "wal/recovery.h"
#include "wal/segment_store.h"
#include "wal/wal.h"

namespace baton::wal {

class SegmentedWal : public Wal {
 public:
  // Over a log as scanned. With a fault nothing is changed; without one the torn tail must have
  // been repaired and everything up to scan.end be on disk.
  SegmentedWal(SegmentStore store, const Options& options, LogScan scan);

  absl::Status Append(absl::Span<const Record> records) override;
  absl::Status Sync() override;
  absl::Status MarkSynced() override;
  absl::Status Probe() override;
  absl::StatusOr<std::vector<EntryRecord>> Read(GroupId group, Slot first, Slot last,
                                                uint64_t bytes_max) const override;
  bool NeedsSegments() const override;
  absl::Status PrepareSegments() override;
  void StopPreparing() override;
  uint64_t RoomBytes() const override;
  uint64_t SizeBytes() const override;

 private:
  struct Group {
    GroupIndex index;
    Slot synced_base;  // <= index.base().slot; survives a crash, so what it frees may be reused
  };
  // A frame in the writer's batch, to be entered in the index once it is written.
  struct Pending {
    GroupId group;
    EntryId id;
    std::optional<Location> entry;  // none: a base ...
    bool anew = false;              // ... after which the log is empty
  };
  struct PlannedRead {
    Slot slot;
    Location location;
    std::shared_ptr<File> file;
    uint64_t seed;
  };

  // Appender.
  void CheckOrder(absl::Span<const Record> records) const BATON_REQUIRES(mutex_);
  absl::Status Add(const Record& record);
  absl::Status MakeRoom(uint64_t payload_bytes);
  absl::Status Flush() BATON_EXCLUDES(mutex_);
  absl::Status EnterNextSegment() BATON_EXCLUDES(mutex_, publish_mutex_);
  void Restate() BATON_EXCLUDES(mutex_);
  std::optional<Segment> TakeReady() BATON_EXCLUDES(mutex_);
  absl::StatusOr<Segment> TakeSegment() BATON_EXCLUDES(mutex_, publish_mutex_);

  // Worker, and the appender when no segment is ready.
  bool OldestIsFree() const BATON_REQUIRES(mutex_);
  absl::StatusOr<std::optional<Segment>> RecycleOldest() BATON_REQUIRES(publish_mutex_)
      BATON_EXCLUDES(mutex_);
  absl::Status PrepareOne(bool* done) BATON_EXCLUDES(mutex_, publish_mutex_);
  absl::Status FillOne() BATON_EXCLUDES(mutex_, publish_mutex_);
  absl::StatusOr<Segment> Publish(UnnamedSegment unnamed) BATON_REQUIRES(publish_mutex_);

  absl::StatusOr<std::vector<PlannedRead>> PlanRead(GroupId group, Slot first, Slot last,
                                                    uint64_t bytes_max) const
      BATON_EXCLUDES(mutex_);
  absl::StatusOr<EntryRecord> ReadOne(GroupId group, const PlannedRead& plan) const
      BATON_EXCLUDES(mutex_);

  // Makes an error final and returns it.
  absl::Status Fail(absl::Status status) BATON_EXCLUDES(mutex_);

  SegmentStore store_;
  const Options options_;

  // The appender's own.
  RecordWriter writer_;
  std::shared_ptr<File> active_file_;      // of used_.back()
  std::vector<Pending> pending_;           // frames of the writer's batch
  std::map<GroupId, std::string> states_;  // newest of each group
  LogPosition stated_;    // greatest position that a written frame states to be on disk
  LogPosition data_end_;  // behind the last frame that is not a Synced one; <= appended_

  std::shared_ptr<File> probe_;  // the syncer's own; null: not opened yet

  Mutex publish_mutex_;
  uint32_t next_number_ BATON_GUARDED_BY(publish_mutex_) = 1;

  mutable Mutex mutex_;
  CondVar stopped_;
  absl::Status status_ BATON_GUARDED_BY(mutex_);  // first final error; OK never comes back
  bool stop_preparing_ BATON_GUARDED_BY(mutex_) = false;
  std::map<GroupId, Group> groups_ BATON_GUARDED_BY(mutex_);
  std::deque<Segment> used_ BATON_GUARDED_BY(mutex_);   // consecutive numbers; never empty
  std::deque<Segment> ready_ BATON_GUARDED_BY(mutex_);  // the numbers that follow
  LogPosition appended_ BATON_GUARDED_BY(mutex_);       // end of what was written
  LogPosition synced_ BATON_GUARDED_BY(mutex_);         // <= appended_; never decreases
};

}  // namespace baton::wal
