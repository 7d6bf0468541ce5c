// The bytes are those of docs/wal-format.md: its worked example is read from there, decoded, and
// written again.
#include "wal/format.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/wal/testing.h"
#include "wal/recovery.h"

namespace baton::wal {
namespace {

const Identity kExample{
    {0x0123456789abcdef, 0xfedcba9876543210}, NodeId{3}, {0x1111111111111111, 0x2222222222222222}};

// "000200  01 02 ..." for each 16 bytes that are not all zero.
std::string Dump(const std::string& bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 16) {
    const std::string line = bytes.substr(at, 16);
    if (line.find_first_not_of('\0') == std::string::npos) continue;
    char part[32];
    std::snprintf(part, sizeof part, "%06zx ", at);
    text += part;
    for (unsigned char c : line) {
      std::snprintf(part, sizeof part, " %02x", c);
      text += part;
    }
    text += '\n';
  }
  return text;
}

std::string ExampleOfThePage() {
  std::ifstream page(std::string(BATON_SOURCE_DIR) + "/docs/wal-format.md");
  std::string line, text;
  bool inside = false;
  while (std::getline(page, line)) {
    if (line == "```hex") {
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      text += line.substr(0, line.find("  |")) + '\n';
    }
  }
  return text;
}

TEST(FormatTest, TheWorkedExampleOfThePageIsWhatIsWritten) {
  MemoryFileSystem fs;
  auto log = Wal::Open(&fs, kDirectory, kExample, SmallOptions());
  ASSERT_TRUE(log.ok());
  Write(log->wal.get(), {State("state"), Entry(1, 7, "hello")});
  Write(log->wal.get(), {Base(1, 7)});
  ASSERT_TRUE(log->wal->MarkSynced().ok());
  const std::string written = Dump(*ReadWholeFile(&fs, SegmentPath(1)));
  EXPECT_EQ(ExampleOfThePage(), written) << written;
}

TEST(FormatTest, TheWorkedExampleIsReadAsThePageSays) {
  std::string bytes(4096, '\0');
  std::istringstream lines(ExampleOfThePage());
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    size_t at = 0;
    unsigned byte = 0;
    words >> std::hex >> at;
    while (words >> byte) bytes.at(at++) = static_cast<char>(byte);
  }
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirectory(kDirectory).ok());
  ASSERT_TRUE(WriteFileAtomically(&fs, SegmentPath(1), bytes).ok());
  std::string frames;
  auto scan = ScanLog(&fs, kDirectory, &kExample, [&](const Frame& frame) {
    frames += std::to_string(frame.at.offset) + " " +
              std::string(Name(FrameType{frame.header.type})) + " " + ToString(frame.header.id) +
              " synced " + std::to_string(frame.header.synced.offset) + "\n";
    EXPECT_TRUE(frame.payload_ok);
  });
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_FALSE(scan->fault);
  EXPECT_EQ(frames,
            "512 state 0@0.0 synced 512\n"
            "592 entry 1@7.1 synced 512\n"
            "680 base 1@7.1 synced 680\n"
            "752 synced 0@0.0 synced 752\n");
  EXPECT_EQ(scan->end, (LogPosition{1, 824}));
  EXPECT_EQ(scan->synced, (LogPosition{1, 752}));
}

TEST(FormatTest, HeadersComeBackAsWritten) {
  const SegmentHeader segment{kExample, 17, 1 << 26, 0x8877665544332211};
  const std::string bytes = EncodeSegmentHeader(segment);
  ASSERT_EQ(bytes.size(), kSegmentHeaderBytes);
  auto decoded = DecodeSegmentHeader(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->identity, kExample);
  EXPECT_EQ(decoded->number, 17u);
  EXPECT_EQ(decoded->segment_bytes, 1u << 26);
  EXPECT_EQ(decoded->seed, segment.seed);

  FrameHeader frame;
  frame.payload_bytes = 99;
  frame.type = 3;
  frame.flags = kRestated;
  frame.group = GroupId{4};
  frame.id = {{5, NodeId{6}}, Slot{7}};
  frame.synced = {8, 9};
  frame.hash = 10;
  frame.previous = 11;
  std::string header;
  frame.checksum = AppendFrameHeader(frame, 12, &header);
  ASSERT_EQ(header.size(), kFrameHeaderBytes);
  EXPECT_FALSE(DecodeFrameHeader(header, 13)) << "another use of the segment";
  auto back = DecodeFrameHeader(header, 12);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->payload_bytes, frame.payload_bytes);
  EXPECT_EQ(back->flags, frame.flags);
  EXPECT_EQ(back->group, frame.group);
  EXPECT_EQ(back->id, frame.id);
  EXPECT_EQ(back->synced, frame.synced);
  EXPECT_EQ(back->hash, frame.hash);
  EXPECT_EQ(back->previous, frame.previous);
  EXPECT_EQ(back->checksum, frame.checksum);
}

TEST(FormatTest, OnlySegmentsBearSegmentNames) {
  EXPECT_EQ(SegmentFileName(17), "0000000017.wal");
  EXPECT_EQ(ParseSegmentFileName("0000000017.wal"), 17u);
  for (const char* name : {"17.wal", "0000000000.wal", "4294967295.wal", "9999999999.wal",
                           "000000001x.wal", "0000000017.wal.tmp", ""}) {
    EXPECT_FALSE(ParseSegmentFileName(name)) << name;
  }
}

}  // namespace
}  // namespace baton::wal
