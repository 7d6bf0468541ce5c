// SegmentStore: makes, recycles and removes the files of segments, so that a crash at any step
// leaves either no segment or a whole one under its name, and names without gaps.
//
// Holds no state that changes: the caller hands out numbers and orders the calls. Blocks on the
// disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "wal/file_system.h"
#include "wal/format.h"
#include "wal/recovery.h"

namespace baton::wal {

// A file that has no segment's name yet.
struct UnnamedSegment {
  std::string path;
  std::shared_ptr<File> file;
  uint64_t file_bytes = 0;
};

class SegmentStore {
 public:
  SegmentStore(FileSystem* fs, std::string directory, Identity identity, uint64_t segment_bytes)
      : fs_(fs),
        directory_(std::move(directory)),
        identity_(identity),
        segment_bytes_(segment_bytes) {}

  // A file of zeros that occupies its blocks. `go_on` is asked after every chunk with the bytes
  // written so far; on false the file is removed and CANCELLED returned.
  absl::StatusOr<UnnamedSegment> Fill(const std::function<bool(uint64_t)>& go_on);

  // A file of the right length without blocks: quick to make, slower to append to.
  absl::StatusOr<UnnamedSegment> MakeSparse();

  // Takes the segment's name from its file, for good. Only the oldest segment may be retired.
  absl::StatusOr<UnnamedSegment> Retire(const Segment& segment);

  // Gives a file its header and then its name.
  absl::StatusOr<Segment> Publish(UnnamedSegment unnamed, uint32_t number);

  // The file that probes overwrite, made if there is none.
  absl::StatusOr<std::shared_ptr<File>> OpenProbe();

  // Removes the file of the oldest or the newest segment, or one without a name.
  absl::Status Remove(const std::string& path);

  // Removes what a crash left without a name.
  absl::Status RemoveUnnamed();

  bool CanRecycle(const Segment& segment) const {
    return segment.header.segment_bytes == segment_bytes_ && segment.file_bytes == segment_bytes_;
  }

 private:
  absl::StatusOr<UnnamedSegment> Create(std::string_view name);
  // After a failure: the file is of no use.
  absl::Status Discard(const UnnamedSegment& unnamed, absl::Status why);

  FileSystem* const fs_;
  const std::string directory_;
  const Identity identity_;
  const uint64_t segment_bytes_;
};

}  // namespace baton::wal
