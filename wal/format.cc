#include "wal/format.h"

#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"

namespace baton::wal {
namespace {

constexpr std::string_view kMagic = "BATONWAL";
constexpr size_t kSeededBytes = 56;  // of the segment header: everything that names this use
constexpr size_t kHeaderChecksumAt = kSegmentHeaderBytes - 8;
constexpr size_t kFrameChecksumAt = kFrameHeaderBytes - 8;

std::string SeededPart(const Identity& identity, uint32_t number) {
  std::string bytes(kMagic);
  PutFixed32(&bytes, kFormatVersion);
  PutFixed32(&bytes, identity.node.value);
  PutId128(&bytes, identity.cluster);
  PutId128(&bytes, identity.directory);
  PutFixed64(&bytes, number);
  BATON_CHECK(bytes.size() == kSeededBytes);
  return bytes;
}

// Marks the frames of one use of a segment. Odd, so that zeros are never taken for a frame.
uint32_t Tag(uint64_t seed) { return static_cast<uint32_t>(seed) | 1; }

}  // namespace

std::string ToString(LogPosition position) {
  return absl::StrCat("segment ", position.segment, " offset ", position.offset);
}

uint64_t SegmentSeed(const Identity& identity, uint32_t number) {
  return Checksum(SeededPart(identity, number));
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes = SeededPart(header.identity, header.number);
  PutFixed64(&bytes, header.segment_bytes);
  PutFixed64(&bytes, header.seed);
  bytes.resize(kHeaderChecksumAt, '\0');
  PutFixed64(&bytes, Checksum(bytes));
  return bytes;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return absl::DataLossError("its header is cut short");
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError("its header does not start with BATONWAL");
  }
  // Magic, version and checksum stay where they are in every version.
  if (Checksum(bytes.substr(0, kHeaderChecksumAt)) != LoadFixed64(&bytes[kHeaderChecksumAt])) {
    return absl::DataLossError("its header does not match its checksum");
  }
  Decoder from(bytes.substr(kMagic.size()));
  const uint32_t version = from.ReadFixed32();
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has log format version ", version, ", this program reads version ",
                     kFormatVersion, ": run the version of Baton that wrote it"));
  }
  SegmentHeader header;
  header.identity.node.value = from.ReadFixed32();
  header.identity.cluster = from.ReadId128();
  header.identity.directory = from.ReadId128();
  const uint64_t number = from.ReadFixed64();
  header.segment_bytes = from.ReadFixed64();
  header.seed = from.ReadFixed64();
  if (number == 0 || number > kSegmentNumberMax || header.segment_bytes < kSegmentBytesMin ||
      header.segment_bytes > kSegmentBytesMax) {
    return absl::DataLossError("its header holds numbers out of range");
  }
  header.number = static_cast<uint32_t>(number);
  return header;
}

std::string_view Name(FrameType type) {
  switch (type) {
    case FrameType::kState:
      return "state";
    case FrameType::kBase:
      return "base";
    case FrameType::kEntry:
      return "entry";
    case FrameType::kSynced:
      return "synced";
  }
  return "unknown";
}

uint64_t AppendFrameHeader(const FrameHeader& header, uint64_t seed, std::string* to) {
  const size_t start = to->size();
  PutFixed32(to, Tag(seed));
  PutFixed32(to, header.payload_bytes);
  PutByte(to, header.type);
  PutByte(to, header.flags);
  to->append(2, '\0');
  PutFixed32(to, header.group.value);
  PutFixed64(to, header.id.slot.value);
  PutFixed64(to, header.id.born.round);
  PutFixed32(to, header.id.born.node.value);
  to->append(4, '\0');
  PutFixed32(to, header.synced.offset);
  PutFixed32(to, header.synced.segment);
  PutFixed64(to, header.hash);
  PutFixed64(to, header.previous);
  const uint64_t checksum = Checksum(std::string_view(*to).substr(start), seed);
  PutFixed64(to, checksum);
  return checksum;
}

std::optional<uint32_t> LooksLikeFrame(std::string_view bytes, uint64_t seed) {
  if (bytes.size() < 8 || LoadFixed32(bytes.data()) != Tag(seed)) return std::nullopt;
  const uint32_t payload_bytes = LoadFixed32(bytes.data() + 4);
  if (payload_bytes > kPayloadBytesMax) return std::nullopt;
  return payload_bytes;
}

std::optional<FrameHeader> DecodeFrameHeader(std::string_view bytes, uint64_t seed) {
  if (bytes.size() < kFrameHeaderBytes || !LooksLikeFrame(bytes, seed)) return std::nullopt;
  FrameHeader header;
  header.checksum = LoadFixed64(&bytes[kFrameChecksumAt]);
  if (Checksum(bytes.substr(0, kFrameChecksumAt), seed) != header.checksum) return std::nullopt;
  Decoder from(bytes.substr(4));
  header.payload_bytes = from.ReadFixed32();
  header.type = from.ReadByte();
  header.flags = from.ReadByte();
  from.ReadBytes(2);
  header.group.value = from.ReadFixed32();
  header.id.slot.value = from.ReadFixed64();
  header.id.born.round = from.ReadFixed64();
  header.id.born.node.value = from.ReadFixed32();
  from.ReadBytes(4);
  header.synced.offset = from.ReadFixed32();
  header.synced.segment = from.ReadFixed32();
  header.hash = from.ReadFixed64();
  header.previous = from.ReadFixed64();
  return header;
}

uint64_t HashOfPayload(FrameType type, std::string_view payload) {
  if (type != FrameType::kEntry) return Checksum(payload);
  BATON_CHECK(payload.size() >= 8) << "an entry ends in its hash";
  return LoadFixed64(payload.data() + payload.size() - 8);
}

bool PayloadMatches(const FrameHeader& header, std::string_view payload) {
  if (payload.size() != header.payload_bytes) return false;
  if (!header.Is(FrameType::kEntry)) return Checksum(payload) == header.hash;
  if (payload.size() < 8) return false;
  return HashOfPayload(FrameType::kEntry, payload) == header.hash &&
         Checksum(payload.substr(0, payload.size() - 8)) == header.hash;
}

std::string SegmentFileName(uint32_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%010u.wal", number);
  return name;
}

std::optional<uint32_t> ParseSegmentFileName(std::string_view name) {
  constexpr size_t kDigits = 10;
  if (name.size() != kDigits + 4 || name.substr(kDigits) != ".wal") return std::nullopt;
  uint64_t number = 0;
  for (char c : name.substr(0, kDigits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  if (number == 0 || number > kSegmentNumberMax) return std::nullopt;
  return static_cast<uint32_t>(number);
}

}  // namespace baton::wal
