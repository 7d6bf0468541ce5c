// RecordReader: reads the frames of one segment from its file, through a window of large reads.
//
// Verifies each frame by itself; the caller follows the chain (FrameHeader::previous). Bytes are
// untrusted. One thread; the File must outlive the reader.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "wal/file_system.h"
#include "wal/format.h"

namespace baton::wal {

struct Frame {
  LogPosition at;
  uint32_t end = 0;  // offset behind the frame
  FrameHeader header;
  std::string_view payload;  // until the reader's next call; short at the end of a cut file
  bool payload_ok = false;   // it matches header.hash
};

class RecordReader {
 public:
  RecordReader(const File* file, uint32_t segment, uint64_t seed)
      : file_(file), segment_(segment), seed_(seed) {}

  // The frame at `offset`; nothing when there is no frame of this use of the segment.
  absl::StatusOr<std::optional<Frame>> ReadFrame(uint32_t offset);

  // Calls `found` for each frame header at or behind `offset`, at every aligned place: frames cut
  // off from the chain are found too. Payloads are not read.
  absl::Status FindHeaders(uint32_t offset,
                           const std::function<void(uint32_t, const FrameHeader&)>& found);

  // Where a frame that starts at `offset` would end, by its own word, though it does not verify;
  // `offset` when nothing there looks like a frame.
  absl::StatusOr<uint32_t> TornFrameEnd(uint32_t offset);

 private:
  // Up to `size` bytes at `offset`, fewer only at the end of the file. Valid until the next call.
  absl::StatusOr<std::string_view> Peek(uint64_t offset, uint64_t size);

  const File* const file_;
  const uint32_t segment_;
  const uint64_t seed_;
  std::string window_;
  uint64_t window_offset_ = 0;
  bool window_at_end_ = false;  // the window reaches the end of the file
};

}  // namespace baton::wal
