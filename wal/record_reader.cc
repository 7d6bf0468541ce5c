#include "wal/record_reader.h"

#include <algorithm>

namespace baton::wal {
namespace {
constexpr uint64_t kWindowBytes = 1 << 20;
}  // namespace

absl::StatusOr<std::string_view> RecordReader::Peek(uint64_t offset, uint64_t size) {
  const bool inside = offset >= window_offset_ && offset <= window_offset_ + window_.size() &&
                      (window_at_end_ || offset + size <= window_offset_ + window_.size());
  if (!inside) {
    const uint64_t want = std::max(size, kWindowBytes);
    if (auto status = file_->ReadAt(offset, want, &window_); !status.ok()) return status;
    window_offset_ = offset;
    window_at_end_ = window_.size() < want;
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

absl::StatusOr<std::optional<Frame>> RecordReader::ReadFrame(uint32_t offset) {
  auto bytes = Peek(offset, kFrameHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const auto header = DecodeFrameHeader(*bytes, seed_);
  const uint64_t end = uint64_t{offset} + (header ? FrameBytes(header->payload_bytes) : 0);
  if (!header || end > UINT32_MAX) return std::optional<Frame>();
  auto payload = Peek(uint64_t{offset} + kFrameHeaderBytes, header->payload_bytes);
  if (!payload.ok()) return payload.status();
  Frame frame;
  frame.at = LogPosition{segment_, offset};
  frame.end = static_cast<uint32_t>(end);
  frame.header = *header;
  frame.payload = *payload;
  frame.payload_ok = PayloadMatches(*header, *payload);
  return std::optional<Frame>(frame);
}

absl::Status RecordReader::FindHeaders(
    uint32_t offset, const std::function<void(uint32_t, const FrameHeader&)>& found) {
  // A header may straddle two windows: each one overlaps the next by a header.
  for (uint64_t at = offset;;) {
    auto bytes = Peek(at, kWindowBytes);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() < kFrameHeaderBytes) return absl::OkStatus();
    size_t i = 0;
    for (; i + kFrameHeaderBytes <= bytes->size() && at + i <= UINT32_MAX; i += kFrameAlignment) {
      if (const auto header = DecodeFrameHeader(bytes->substr(i), seed_)) {
        found(static_cast<uint32_t>(at + i), *header);
      }
    }
    if (bytes->size() < kWindowBytes || at + i > UINT32_MAX) return absl::OkStatus();
    at += i;
  }
}

absl::StatusOr<uint32_t> RecordReader::TornFrameEnd(uint32_t offset) {
  auto bytes = Peek(offset, kFrameHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const auto payload_bytes = LooksLikeFrame(*bytes, seed_);
  if (!payload_bytes) return offset;
  auto size = file_->Size();
  if (!size.ok()) return size.status();
  return static_cast<uint32_t>(
      std::min({uint64_t{offset} + FrameBytes(*payload_bytes), *size, uint64_t{UINT32_MAX}}));
}

}  // namespace baton::wal
