#include "wal/record_writer.h"

#include <algorithm>

#include "base/check.h"

namespace baton::wal {
namespace {
constexpr size_t kBufferKeptBytes = 4 << 20;  // what a rare huge batch leaves allocated
}  // namespace

void RecordWriter::Start(const SegmentHeader& segment, uint32_t offset, uint64_t previous) {
  BATON_CHECK(buffer_.empty()) << "a batch is not written yet";
  segment_ = segment;
  end_ = LogPosition{segment.number, offset};
  batch_offset_ = offset;
  previous_ = previous;
  fresh_ = offset == kSegmentHeaderBytes;
}

uint32_t RecordWriter::Add(FrameType type, uint8_t flags, GroupId group, const EntryId& id,
                           std::string_view payload) {
  BATON_CHECK(payload.size() <= kPayloadBytesMax && Fits(payload.size()));
  const uint32_t offset = end_.offset;
  FrameHeader header;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.type = static_cast<uint8_t>(type);
  header.flags = flags;
  header.group = group;
  header.id = id;
  header.synced = synced_;
  header.hash = HashOfPayload(type, payload);
  header.previous = previous_;
  previous_ = AppendFrameHeader(header, segment_.seed, &buffer_);
  buffer_.append(payload);
  end_.offset += static_cast<uint32_t>(FrameBytes(payload.size()));
  buffer_.resize(end_.offset - batch_offset_, '\0');
  if ((flags & kRestated) == 0) fresh_ = false;
  return offset;
}

std::string_view RecordWriter::PaddedBatch() {
  const uint64_t page_end =
      (uint64_t{end_.offset} + kWritePadBytes - 1) / kWritePadBytes * kWritePadBytes;
  const uint64_t padded_end =
      std::max<uint64_t>(end_.offset, std::min(page_end, segment_.segment_bytes));
  buffer_.resize(padded_end - batch_offset_, '\0');
  return buffer_;
}

void RecordWriter::Written() {
  buffer_.clear();
  if (buffer_.capacity() > kBufferKeptBytes) buffer_ = std::string();
  batch_offset_ = end_.offset;
}

}  // namespace baton::wal
