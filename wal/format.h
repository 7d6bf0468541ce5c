// The bytes of a log, as docs/wal-format.md gives them: segment headers, frame headers, file names.
//
// Pure functions of bytes and values, for any thread. Decoders take untrusted bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "wal/record.h"

namespace baton::wal {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint32_t kSegmentHeaderBytes = 512;  // a sector of its own
inline constexpr uint32_t kFrameHeaderBytes = 72;
inline constexpr uint32_t kFrameAlignment = 8;
// A write is filled up with zeros to the next multiple of this, so that overwriting a page that has
// left the cache need not read it first.
inline constexpr uint32_t kWritePadBytes = 4096;
inline constexpr uint32_t kPayloadBytesMax = 32 << 20;
inline constexpr uint64_t kSegmentBytesMin = 4096;
inline constexpr uint64_t kSegmentBytesMax = 1 << 30;
inline constexpr uint32_t kSegmentNumberMax = 4'294'967'294;

// A place in the log. Positions of one log are ordered as their frames were written.
struct LogPosition {
  uint32_t segment = 0;  // from 1; 0: before everything
  uint32_t offset = 0;   // bytes from the start of the segment's file
  friend constexpr auto operator<=>(const LogPosition&, const LogPosition&) = default;
};
std::string ToString(LogPosition position);  // "segment 5 offset 1024"

struct SegmentHeader {
  Identity identity;
  uint32_t number = 0;
  uint64_t segment_bytes = 0;  // the file is never shorter
  uint64_t seed = 0;           // of every checksum in the segment
};

// The seed of this use of a file: differs for every (identity, number), and a number is never used
// twice over the same bytes.
uint64_t SegmentSeed(const Identity& identity, uint32_t number);

// kSegmentHeaderBytes bytes.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// DATA_LOSS: damaged. FAILED_PRECONDITION: whole, but of a newer format.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

enum class FrameType : uint8_t { kState = 1, kBase = 2, kEntry = 3, kSynced = 4 };
std::string_view Name(FrameType type);

inline constexpr uint8_t kRestated = 1;  // flag: repeats what an earlier segment said
inline constexpr uint8_t kAnew = 2;      // flag of a base: nothing above it is left either

struct FrameHeader {
  uint32_t payload_bytes = 0;
  uint8_t type = 0;  // a FrameType, or unknown to this version
  uint8_t flags = 0;
  GroupId group;
  EntryId id;             // of an entry, or of a base
  LogPosition synced;     // everything before it was on disk when this frame was written
  uint64_t hash = 0;      // of the payload: HashOfPayload
  uint64_t previous = 0;  // checksum of the frame before, 0 for a log's first
  uint64_t checksum = 0;  // of the header's other bytes, under the segment's seed

  bool Is(FrameType t) const { return type == static_cast<uint8_t>(t); }
  // Whether this version knows the type and all flags.
  bool Known() const {
    const uint8_t known = Is(FrameType::kBase) ? kRestated | kAnew : kRestated;
    return type >= 1 && type <= 4 && (flags & ~known) == 0;
  }
};

// Appends kFrameHeaderBytes bytes and returns the checksum; header.checksum is not read.
uint64_t AppendFrameHeader(const FrameHeader& header, uint64_t seed, std::string* to);
// Nothing unless the bytes are a frame header of this use of the segment. Does not look at the
// chain.
std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes, uint64_t seed);
// Whether the bytes start like a frame header of this use; if so, its stated payload size.
std::optional<uint32_t> LooksLikeFrame(std::string_view bytes, uint64_t seed);

// An entry's payload ends in its own hash; of any other payload it is the XXH3-64.
uint64_t HashOfPayload(FrameType type, std::string_view payload);
bool PayloadMatches(const FrameHeader& header, std::string_view payload);

// Bytes of a whole frame: header, payload, zeros up to the alignment.
constexpr uint64_t FrameBytes(uint64_t payload_bytes) {
  return kFrameHeaderBytes +
         (payload_bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

// "0000000017.wal"
std::string SegmentFileName(uint32_t number);
std::optional<uint32_t> ParseSegmentFileName(std::string_view name);

}  // namespace baton::wal
