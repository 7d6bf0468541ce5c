// Recovery: reads a whole log directory and says what is in it, where it ends, and whether the end
// is a torn tail or damage. Changes nothing on disk: Wal::Open does the repair, baton-inspect only
// looks.
//
// docs/wal-format.md ("Recovery") states the rules. Bytes are untrusted: no content of a directory
// crashes the process. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "wal/file_system.h"
#include "wal/format.h"
#include "wal/group_index.h"
#include "wal/record.h"
#include "wal/record_reader.h"

namespace baton::wal {

// A segment's file, held open.
struct Segment {
  SegmentHeader header;
  std::string path;
  std::shared_ptr<File> file;
  uint64_t file_bytes = 0;          // >= header.segment_bytes
  std::map<GroupId, Slot> highest;  // slot of any entry in it, voided ones included
};

struct ScannedGroup {
  std::string state;
  GroupIndex index;
};

// How a log directory reads. Segments in [0, used) hold the log; those behind are spare.
struct LogScan {
  std::vector<Segment> segments;  // consecutive numbers, ascending; whole headers only
  size_t used = 0;                // 0 only in an empty log without segments
  std::map<GroupId, ScannedGroup> groups;

  LogPosition end;        // behind the last frame that counts; in segments[used - 1]
  LogPosition data_end;   // behind the last one that is not a Synced frame; <= end
  uint64_t previous = 0;  // checksum of the last frame that counts
  LogPosition synced;     // greatest position that any frame states to be on disk
  LogPosition stated;     // <= synced: the same over the frames that count

  std::optional<Fault> fault;  // then `groups` holds what could be read, and the rest is for people

  // Torn tail, without a fault: bytes [end.offset, torn_end) of the last used segment, and the
  // whole of the segments from number remove_from on, hold frames that must never count again.
  uint32_t torn_end = 0;
  std::optional<uint32_t> remove_from;
  uint64_t torn_bytes = 0;
};

// Called for each frame of the chain in order, before it is judged whether a tail is torn.
using FrameVisitor = std::function<void(const Frame&)>;

// `expected` null: the identity of the log itself, for readers that have no other.
// Errors: FAILED_PRECONDITION (another identity; a newer format, frame type or flag; it names the
// segment and slot), NOT_FOUND (no directory), else I/O.
absl::StatusOr<LogScan> ScanLog(FileSystem* fs, const std::string& directory,
                                const Identity* expected, const FrameVisitor& visitor = nullptr);

}  // namespace baton::wal
