// Recovery over any bytes: the input lies behind a good segment header, with the frames' tags and
// checksums made right where a size byte asks for it, so that the fuzzer gets past them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/types.h"
#include "wal/format.h"
#include "wal/memory_file_system.h"
#include "wal/wal.h"

namespace {

using namespace baton;       // NOLINT
using namespace baton::wal;  // NOLINT

constexpr uint64_t kSegmentBytes = 8192;

// Each input frame: 8 bytes that steer (payload bytes, type, flags, group, slot, born, synced, good
// hash), then the payload.
std::string FramesFrom(std::string_view input, uint64_t seed) {
  std::string bytes;
  uint64_t previous = 0;
  while (input.size() >= 8 && bytes.size() < kSegmentBytes / 2) {
    const auto at = [&](size_t i) { return static_cast<uint8_t>(input[i]); };
    FrameHeader header;
    header.type = at(1);
    header.flags = at(2);
    header.group = GroupId{at(3)};
    header.id = {{at(5), NodeId{1}}, Slot{at(4)}};
    header.synced = {1, uint32_t{at(6)} * 16};
    const bool good = at(7) % 4 != 0;
    const size_t size = std::min<size_t>(at(0), input.size() - 8);
    const std::string_view payload = input.substr(8, size);
    header.payload_bytes = static_cast<uint32_t>(size);
    header.previous = at(7) == 1 ? 0 : previous;
    if (good && (header.type != 3 || size >= 8)) {
      header.hash = HashOfPayload(FrameType{header.type}, payload);
    }
    previous = AppendFrameHeader(header, seed, &bytes);
    bytes.append(payload);
    bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
    input.remove_prefix(8 + size);
  }
  return bytes.append(input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Identity identity{{1, 2}, NodeId{3}, {4, 5}};
  const uint64_t seed = SegmentSeed(identity, 1);
  MemoryFileSystem fs;
  BATON_CHECK(fs.MakeDirectory("/wal").ok());
  auto file = fs.Create("/wal/" + SegmentFileName(1));
  BATON_CHECK(file.ok());
  std::string bytes = EncodeSegmentHeader({identity, 1, kSegmentBytes, seed});
  bytes += FramesFrom({reinterpret_cast<const char*>(data), size}, seed);
  bytes.resize(std::max<size_t>(bytes.size(), kSegmentBytes), '\0');
  BATON_CHECK((*file)->WriteAt(0, bytes).ok());

  Options options;
  options.segment_bytes = kSegmentBytes;
  options.zero_fill_bytes_per_s = 0;
  auto opened = Wal::Open(&fs, "/wal", identity, options);
  if (!opened.ok() || opened->recovery.fault) return 0;
  for (const RecoveredGroup& group : opened->recovery.groups) {
    for (Slot slot = group.base.slot.Next(); slot <= group.last; slot = slot.Next()) {
      BATON_CHECK(opened->wal->Read(group.group, slot, slot, 1).ok()) << "slot " << slot.value;
    }
  }
  // What was accepted once is accepted again.
  auto again = Wal::Open(&fs, "/wal", identity, options);
  BATON_CHECK(again.ok()) << again.status().ToString();
  BATON_CHECK(!again->recovery.fault) << again->recovery.fault->what;
  BATON_CHECK(again->recovery.torn_bytes == 0) << again->recovery.torn_bytes << " bytes torn";
  BATON_CHECK(again->recovery.groups.size() == opened->recovery.groups.size());
  return 0;
}
