// RecordWriter: lays frames of one segment behind each other in memory, chained, ready to be
// written with one WriteAt.
//
//   writer.Begin(synced);
//   if (writer.Fits(payload.size())) writer.Add(...);
//   file->WriteAt(writer.batch_offset(), writer.batch()); writer.Written();
//
// Owned and used by the thread that appends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wal/format.h"

namespace baton::wal {

class RecordWriter {
 public:
  // Continues `segment` at `offset`, behind a frame of checksum `previous`.
  void Start(const SegmentHeader& segment, uint32_t offset, uint64_t previous);

  // The batch to come states that everything before `synced` is on disk.
  // REQUIRES: the batch is empty.
  void Begin(LogPosition synced) { synced_ = synced; }

  // Whether a frame fits the segment. In one that holds nothing yet but restated frames every frame
  // fits, and makes the file longer if it must.
  bool Fits(uint64_t payload_bytes) const {
    return fresh_ || end_.offset + FrameBytes(payload_bytes) <= segment_.segment_bytes;
  }

  // Returns the frame's offset. REQUIRES: Fits(payload.size()).
  uint32_t Add(FrameType type, uint8_t flags, GroupId group, const EntryId& id,
               std::string_view payload);

  // The frames added since the last Written(), with zeros to the end of the page.
  std::string_view PaddedBatch();
  bool empty() const { return buffer_.empty(); }
  uint32_t batch_offset() const { return batch_offset_; }
  void Written();

  LogPosition end() const { return end_; }        // where the next frame goes
  LogPosition synced() const { return synced_; }  // as stated by the batch
  uint64_t previous() const { return previous_; }
  uint64_t room_bytes() const {
    return end_.offset < segment_.segment_bytes ? segment_.segment_bytes - end_.offset : 0;
  }

 private:
  SegmentHeader segment_;
  LogPosition end_;
  uint64_t previous_ = 0;
  LogPosition synced_;  // <= end_
  bool fresh_ = false;  // nothing but restated frames in the segment
  uint32_t batch_offset_ = 0;
  std::string buffer_;  // frames in [batch_offset_, end_.offset), then padding
};

}  // namespace baton::wal
