// What recovery makes of logs that were cut, damaged, mixed up or written by a later version.
#include "wal/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/wal/testing.h"
#include "wal/record_writer.h"

namespace baton::wal {
namespace {

using ::testing::HasSubstr;

std::string Content(FileSystem* fs, const std::string& path) {
  auto bytes = ReadWholeFile(fs, path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

void Overwrite(FileSystem* fs, const std::string& path, uint64_t offset, std::string_view bytes) {
  auto file = fs->Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->WriteAt(offset, bytes).ok());
  ASSERT_TRUE((*file)->Sync().ok());
}

LogPosition EndOf(FileSystem* fs) {
  auto scan = ScanLog(fs, kDirectory, nullptr);
  EXPECT_TRUE(scan.ok()) << scan.status();
  return scan.ok() ? scan->end : LogPosition();
}

// Three synced batches over two segments, then an unsynced one.
struct SmallLog {
  MemoryFileSystem fs;
  LogPosition synced_end;
  std::string before;  // content of the last segment's file without the last batch
  LogPosition end;

  explicit SmallLog(bool recycled) {
    auto log = MustOpen(&fs);
    uint64_t slot = 1;
    if (recycled) {  // go round until the last segment lies over stale frames
      for (; slot <= 60; ++slot) {
        Write(log.wal.get(), {Entry(slot, 1, std::string(300, 'o')), Base(slot, 1)});
        while (log.wal->NeedsSegments()) EXPECT_TRUE(log.wal->PrepareSegments().ok());
      }
    }
    first = slot;
    Write(log.wal.get(), {State("s"), Entry(slot, 1, "one"), Entry(slot + 1, 1, "two")});
    Write(log.wal.get(), {Entry(slot + 2, 1, "three")});
    synced_end = EndOf(&fs);
    before = Content(&fs, SegmentPath(synced_end.segment));
    Write(log.wal.get(), {Entry(slot + 3, 1, "four"), State("t"), Entry(slot + 4, 1, "five-five")});
    end = EndOf(&fs);
    EXPECT_EQ(end.segment, synced_end.segment);
  }
  uint64_t first;
};

void TearEverywhere(bool recycled) {
  const SmallLog small(recycled);
  const std::string path = SegmentPath(small.end.segment);
  const std::string after = Content(small.fs.Clone().get(), path);
  const std::string s = std::to_string(small.first + 3);
  for (uint32_t cut = small.synced_end.offset; cut <= small.end.offset; ++cut) {
    SCOPED_TRACE(cut);
    auto fs = small.fs.Clone();
    Overwrite(fs.get(), path, cut, std::string_view(small.before).substr(cut));
    auto log = MustOpen(fs.get());
    ASSERT_FALSE(log.recovery.fault) << log.recovery.fault->what;
    const RecoveredGroup group = log.recovery.groups.at(0);
    const std::string text = ReadAll(*log.wal, group);
    ASSERT_GE(group.last.value, small.first + 2);
    if (group.last.value == small.first + 4) {
      ASSERT_EQ(group.state, "t");
      ASSERT_THAT(text, HasSubstr("=four "));
      ASSERT_THAT(text, HasSubstr("=five-five"));
    }
    if (cut == small.end.offset) {
      ASSERT_EQ(group.last.value, small.first + 4);
    }
    // What was torn off stays away, even behind the very frame that came before it.
    Write(log.wal.get(), {Entry(group.last.value + 1, 1, "four")});
    log = MustOpen(fs.get());
    ASSERT_FALSE(log.recovery.fault) << log.recovery.fault->what;
    ASSERT_EQ(log.recovery.groups.at(0).last.value, group.last.value + 1);
    ASSERT_EQ(log.recovery.groups.at(0).state, group.state);
    ASSERT_EQ(log.recovery.torn_bytes, 0u);
  }
}

TEST(RecoveryTest, ATornTailIsCutAtEveryByte) { TearEverywhere(false); }
TEST(RecoveryTest, ATornTailOverStaleFramesIsCutAtEveryByte) { TearEverywhere(true); }

TEST(RecoveryTest, TornBytesAreCounted) {
  const SmallLog small(false);
  auto fs = small.fs.Clone();
  ASSERT_TRUE(fs->FlipBit(SegmentPath(1), small.synced_end.offset + 80, 0).ok());
  auto log = MustOpen(fs.get());
  EXPECT_FALSE(log.recovery.fault);
  EXPECT_EQ(log.recovery.torn_bytes, small.end.offset - small.synced_end.offset);
  EXPECT_EQ(MustOpen(fs.get()).recovery.torn_bytes, 0u);
}

// Flips every bit of a log of which everything is stated to be synced.
TEST(RecoveryTest, NoFlippedBitGoesUnnoticedOrMakesAWrongEntry) {
  MemoryFileSystem original;
  std::vector<std::string> bodies;
  {
    auto log = MustOpen(&original);
    Write(log.wal.get(), {State("old"), Entry(1, 1, "gone")});
    Write(log.wal.get(), {Entry(1, 2, std::string(1500, '1')), Entry(2, 2, "two")});
    Write(log.wal.get(), {Entry(3, 2, std::string(1700, '3')), State("new")});
    Write(log.wal.get(), {Entry(4, 2, "four"), Base(1, 2), Entry(5, 2, std::string(900, '5'))});
    ASSERT_TRUE(log.wal->MarkSynced().ok());
    ASSERT_TRUE(log.wal->Sync().ok());
  }
  ASSERT_EQ(EndOf(&original).segment, 2u);
  std::string expected;
  {
    auto fs = original.Clone();
    auto log = MustOpen(fs.get());
    expected = ReadAll(*log.wal, log.recovery.groups.at(0));
  }
  int faults = 0;
  for (uint32_t number : {1, 2}) {
    for (uint64_t byte = 0; byte < 4096; ++byte) {
      SCOPED_TRACE("segment " + std::to_string(number) + " byte " + std::to_string(byte));
      auto fs = original.Clone();
      ASSERT_TRUE(fs->FlipBit(SegmentPath(number), byte, static_cast<int>(byte % 8)).ok());
      auto opened = OpenLog(fs.get());
      ASSERT_TRUE(opened.ok()) << opened.status();
      const Recovery& recovery = opened->recovery;
      if (!recovery.fault) {
        ASSERT_EQ(recovery.groups.at(0).state, "new");
        ASSERT_EQ(recovery.groups.at(0).base.slot, Slot{1});
        ASSERT_EQ(ReadAll(*opened->wal, recovery.groups.at(0)), expected);
        continue;
      }
      ++faults;
      ASSERT_LE(recovery.fault->slot, Slot{6});
      for (uint64_t slot = 1; slot <= 5; ++slot) {
        auto entries = opened->wal->Read(kGroup, Slot{slot}, Slot{slot}, 1);
        if (!entries.ok()) continue;
        const std::string body = BodyOf(entries->front());
        const bool known = (slot == 1 && (body == "gone" || body == std::string(1500, '1'))) ||
                           expected.find("=" + body) != std::string::npos;
        ASSERT_TRUE(known) << body;
      }
      const Record more = Entry(6, 3, "more");
      ASSERT_EQ(opened->wal->Append({&more, 1}).code(), absl::StatusCode::kFailedPrecondition);
    }
  }
  EXPECT_GT(faults, 4096);  // nearly every byte of frames and headers counts
}

// A frame of the torn batch itself says what was on disk before it: damage there is no tear, at the
// first start nor at the second.
TEST(RecoveryTest, ATornTailDoesNotHideDamageBelowIt) {
  MemoryFileSystem original;
  LogPosition synced;
  {
    auto log = MustOpen(&original);
    Write(log.wal.get(), {State("s"), Entry(1, 1, "one"), Entry(2, 1, "gone")});
    Write(log.wal.get(), {Entry(2, 2, "dead"), Entry(2, 3, "two"), Entry(3, 3, "three")});
    synced = EndOf(&original);
    Write(log.wal.get(), {Entry(4, 3, std::string(900, '4')), Entry(5, 3, "five")});
  }
  for (uint32_t torn : {synced.offset + kFrameHeaderBytes, EndOf(&original).offset - 8}) {
    for (uint64_t byte = kSegmentHeaderBytes; byte < synced.offset; ++byte) {
      SCOPED_TRACE("torn at " + std::to_string(torn) + ", damaged at " + std::to_string(byte));
      auto fs = original.Clone();
      Overwrite(fs.get(), SegmentPath(1), torn, std::string(8, 'x'));
      ASSERT_TRUE(fs->FlipBit(SegmentPath(1), byte, static_cast<int>(byte % 8)).ok());
      for (int start = 0; start < 2; ++start) {
        auto log = MustOpen(fs.get());
        if (log.recovery.fault) continue;
        ASSERT_GE(log.recovery.groups.at(0).last, Slot{3});
        ASSERT_EQ(log.recovery.groups.at(0).state, "s");
        ASSERT_THAT(ReadAll(*log.wal, log.recovery.groups.at(0)),
                    ::testing::StartsWith("1@1.1=one 2@3.1=two 3@3.1=three"));
      }
    }
  }
}

TEST(RecoveryTest, ADamagedEntryIsNamedAndTheOthersAreRead) {
  MemoryFileSystem fs;
  uint32_t offset = 0;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "one")});
    offset = EndOf(&fs).offset;
    Write(log.wal.get(), {Entry(2, 1, "two")});
    Write(log.wal.get(), {Entry(3, 1, "three")});
  }
  ASSERT_TRUE(fs.FlipBit(SegmentPath(1), offset + kFrameHeaderBytes, 3).ok());
  auto log = MustOpen(&fs);
  ASSERT_TRUE(log.recovery.fault);
  EXPECT_EQ(log.recovery.fault->group, kGroup);
  EXPECT_EQ(log.recovery.fault->slot, Slot{2});
  EXPECT_THAT(log.recovery.fault->what, HasSubstr("segment 1 offset " + std::to_string(offset)));
  auto damaged = log.wal->Read(kGroup, Slot{1}, Slot{3}, 1000);
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr("slot 2"));
  EXPECT_EQ(BodyOf(log.wal->Read(kGroup, Slot{3}, Slot{3}, 1)->front()), "three");
  EXPECT_EQ(log.wal->Sync().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(log.wal->NeedsSegments());
}

TEST(RecoveryTest, DamageToWhatCountsNoMoreIsHarmless) {
  MemoryFileSystem fs;
  uint32_t offset = 0;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "one")});
    offset = EndOf(&fs).offset;
    Write(log.wal.get(), {Entry(2, 1, "two")});
    Write(log.wal.get(), {Entry(2, 2, "TWO")});
    ASSERT_TRUE(log.wal->MarkSynced().ok());
  }
  ASSERT_TRUE(fs.FlipBit(SegmentPath(1), offset + kFrameHeaderBytes, 3).ok());
  auto log = MustOpen(&fs);
  EXPECT_FALSE(log.recovery.fault);
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "1@1.1=one 2@2.1=TWO");
}

TEST(RecoveryTest, OnlyAMarkTellsDamageToTheLastBatchFromATornOne) {
  for (bool marked : {false, true}) {
    MemoryFileSystem fs;
    uint32_t offset = 0;
    {
      auto log = MustOpen(&fs);
      Write(log.wal.get(), {Entry(1, 1, "one")});
      offset = EndOf(&fs).offset;
      Write(log.wal.get(), {Entry(2, 1, "two")});
      if (marked) {
        ASSERT_TRUE(log.wal->MarkSynced().ok());
        const LogPosition end = EndOf(&fs);
        ASSERT_TRUE(log.wal->MarkSynced().ok());
        EXPECT_EQ(EndOf(&fs), end) << "one mark is enough";
      }
    }
    ASSERT_TRUE(fs.FlipBit(SegmentPath(1), offset + 20, 0).ok());
    auto log = MustOpen(&fs);
    EXPECT_EQ(log.recovery.fault.has_value(), marked);
    if (marked) {
      EXPECT_EQ(log.recovery.fault->slot, Slot{2});
    } else {
      EXPECT_EQ(log.recovery.groups[0].last, Slot{1});
    }
  }
}

// The frame that stated it may be what was torn off.
TEST(RecoveryTest, ACutLogIsMarkedAnew) {
  MemoryFileSystem fs;
  LogPosition good;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "one")});
    good = EndOf(&fs);
    Write(log.wal.get(), {Entry(2, 1, "two")});
  }
  ASSERT_TRUE(fs.FlipBit(SegmentPath(1), good.offset + kFrameHeaderBytes, 0).ok());
  ASSERT_GT(MustOpen(&fs).recovery.torn_bytes, 0u);
  ASSERT_TRUE(fs.FlipBit(SegmentPath(1), kSegmentHeaderBytes + kFrameHeaderBytes, 0).ok());
  auto log = MustOpen(&fs);
  ASSERT_TRUE(log.recovery.fault);
  EXPECT_EQ(log.recovery.fault->slot, Slot{1});
}

// Five segments with an entry in each, slots 1 to 5, all synced.
void FillFive(MemoryFileSystem* fs) {
  auto log = MustOpen(fs);
  for (uint64_t slot = 1; slot <= 5; ++slot) {
    Write(log.wal.get(), {Entry(slot, 1, std::string(3000, 'e')), State(std::to_string(slot))});
  }
  ASSERT_TRUE(log.wal->MarkSynced().ok());
  ASSERT_EQ(EndOf(fs).segment, 5u);
}

TEST(RecoveryTest, FilesMissingTruncatedOrExchangedAreFaults) {
  struct Case {
    std::function<absl::Status(MemoryFileSystem*)> harm;
    uint64_t slot;
    std::string what;
  };
  const std::vector<Case> cases = {
      {[](MemoryFileSystem* fs) { return fs->Remove(SegmentPath(3)); }, 3, "segment 3 is missing"},
      {[](MemoryFileSystem* fs) { return fs->Remove(SegmentPath(1)); }, 1, "slot 1 on are missing"},
      {[](MemoryFileSystem* fs) { return fs->Truncate(SegmentPath(2), 4000); }, 5, "truncated"},
      {[](MemoryFileSystem* fs) { return fs->Truncate(SegmentPath(2), 600); }, 2, "truncated"},
      {[](MemoryFileSystem* fs) { return fs->Truncate(SegmentPath(4), 0); }, 4, "cut short"},
      {[](MemoryFileSystem* fs) { return fs->Truncate(SegmentPath(5), 512); }, 5, "truncated"},
      {[](MemoryFileSystem* fs) { return fs->FlipBit(SegmentPath(1), 9, 0); }, 1, "checksum"},
      {[](MemoryFileSystem* fs) { return fs->FlipBit(SegmentPath(5), 500, 0); }, 5, "checksum"},
      {[](MemoryFileSystem* fs) { return fs->Rename(SegmentPath(4), SegmentPath(3)); }, 3,
       "holds segment 4"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    MemoryFileSystem fs;
    FillFive(&fs);
    ASSERT_TRUE(cases[i].harm(&fs).ok());
    auto names = *fs.List(kDirectory);
    auto opened = OpenLog(&fs);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_TRUE(opened->recovery.fault);
    EXPECT_THAT(opened->recovery.fault->what, HasSubstr(cases[i].what));
    EXPECT_LE(opened->recovery.fault->slot, Slot{cases[i].slot}) << opened->recovery.fault->what;
    EXPECT_EQ(names, *fs.List(kDirectory)) << "a faulty log is left as it is";
  }
}

TEST(RecoveryTest, ADamagedSpareIsReplaced) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "one")});
    ASSERT_TRUE(log.wal->PrepareSegments().ok());
  }
  ASSERT_TRUE(fs.FlipBit(SegmentPath(2), 30, 1).ok());
  auto log = MustOpen(&fs);
  EXPECT_FALSE(log.recovery.fault);
  EXPECT_TRUE(log.wal->NeedsSegments());
  EXPECT_TRUE(log.wal->PrepareSegments().ok());
  EXPECT_EQ(log.recovery.groups[0].last, Slot{1});
  EXPECT_FALSE(MustOpen(&fs).recovery.fault);
}

// The process ends at each step of making or recycling segments; then, after a new start, the power
// goes.
TEST(RecoveryTest, NamesThatWereFoundSurviveAPowerCut) {
  for (int64_t step = 0; step < 60; ++step) {
    SCOPED_TRACE(step);
    MemoryFileSystem fs;
    {
      // An entry fills a segment.
      auto log = MustOpen(&fs);
      for (uint64_t slot = 1; slot <= 3; ++slot) {
        Write(log.wal.get(), {Entry(slot, 1, std::string(2000, 'e')), Base(slot, 1)});
      }
      fs.CutPowerAfter(step);
      (void)log.wal->PrepareSegments();
      fs.CutPowerAfter(-1);
    }
    Write(MustOpen(&fs).wal.get(), {Entry(4, 1, std::string(2000, 'e'))});
    fs.Crash({});
    auto log = MustOpen(&fs);
    ASSERT_FALSE(log.recovery.fault) << log.recovery.fault->what;
    ASSERT_EQ(log.recovery.groups.at(0).last, Slot{4});
  }
}

TEST(RecoveryTest, ForeignFilesAreLeftAlone) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirectory(kDirectory).ok());
  for (const char* name : {"README", "17.wal", "0000000000.wal", "0000000001.wal~", "x.tmp"}) {
    ASSERT_TRUE(WriteFileAtomically(&fs, kDirectory + "/" + name, "hello").ok());
  }
  Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one")});
  EXPECT_EQ(MustOpen(&fs).recovery.groups[0].last, Slot{1});
  EXPECT_EQ(Content(&fs, kDirectory + "/17.wal"), "hello");
  EXPECT_EQ(Content(&fs, kDirectory + "/x.tmp"), "hello");
}

TEST(RecoveryTest, AnotherIdentityIsRefused) {
  MemoryFileSystem fs;
  Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one")});
  const std::string before = Content(&fs, SegmentPath(1));
  Identity cluster = kIdentity, node = kIdentity, directory = kIdentity;
  cluster.cluster.low = 9;
  node.node.value = 9;
  directory.directory.low = 9;
  const std::pair<Identity, std::string> cases[] = {
      {cluster, "cluster"}, {node, "node 3, not of 9"}, {directory, "data directory"}};
  for (const auto& [identity, text] : cases) {
    auto opened = Wal::Open(&fs, kDirectory, identity, SmallOptions());
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr(text));
  }
  EXPECT_EQ(Content(&fs, SegmentPath(1)), before);
}

TEST(RecoveryTest, ALaterFormatVersionIsRefused) {
  MemoryFileSystem fs;
  Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one")});
  std::string header = Content(&fs, SegmentPath(1)).substr(0, kSegmentHeaderBytes);
  StoreFixed32(&header[8], kFormatVersion + 1);
  StoreFixed64(&header[504], Checksum(std::string_view(header).substr(0, 504)));
  Overwrite(&fs, SegmentPath(1), 0, header);
  auto opened = OpenLog(&fs);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("0000000001.wal"));
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("format version 2"));
}

// Appends a frame that this version would not write behind the log's last.
void AppendFrame(FileSystem* fs, FrameHeader header, std::string_view payload) {
  auto scan = ScanLog(fs, kDirectory, nullptr);
  ASSERT_TRUE(scan.ok());
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.previous = scan->previous;
  std::string bytes;
  AppendFrameHeader(header, scan->segments[scan->used - 1].header.seed, &bytes);
  Overwrite(fs, SegmentPath(scan->end.segment), scan->end.offset, bytes + std::string(payload));
}

TEST(RecoveryTest, UnknownFrameTypesAndFlagsAreRefusedNamingTheSlot) {
  for (const auto& [type, flags] : std::vector<std::pair<int, int>>{{5, 0}, {0, 0}, {3, 2}}) {
    MemoryFileSystem fs;
    Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one")});
    FrameHeader header;
    header.type = static_cast<uint8_t>(type);
    header.flags = static_cast<uint8_t>(flags);
    header.group = kGroup;
    header.id.slot = Slot{2};
    AppendFrame(&fs, header, "");
    auto opened = OpenLog(&fs);
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("segment 1 offset"));
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("slot 2"));
  }
}

TEST(RecoveryTest, FramesThatCannotFollowAreFaults) {
  for (uint64_t slot : {uint64_t{0}, uint64_t{5}, UINT64_MAX}) {
    MemoryFileSystem fs;
    Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one"), Base(1, 1)});
    const EntryRecord entry = Entry(slot, 1, "x");
    FrameHeader header;
    header.type = static_cast<uint8_t>(FrameType::kEntry);
    header.group = kGroup;
    header.id.slot = Slot{slot};
    header.hash = HashOfPayload(FrameType::kEntry, *entry.bytes);
    AppendFrame(&fs, header, *entry.bytes);
    auto log = MustOpen(&fs);
    EXPECT_TRUE(log.recovery.fault) << slot;
  }
}

// Any bytes at all: an answer, never a crash.
TEST(RecoveryTest, ArbitraryBytesNeverCrash) {
  MemoryFileSystem original;
  FillFive(&original);
  std::mt19937_64 random(1);
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(round);
    auto fs = original.Clone();
    for (uint64_t i = 1 + random() % 4; i > 0; --i) {
      const std::string path = SegmentPath(1 + static_cast<uint32_t>(random() % 5));
      std::string noise(1 + random() % 200, '\0');
      for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? 0 : random());
      const uint64_t offset = random() % 2 ? random() % 700 : random() % 4096;
      switch (random() % 6) {
        case 0:
          (void)fs->Truncate(path, offset);
          break;
        case 1:
          (void)fs->Remove(path);
          break;
        case 2:
          (void)fs->Rename(path, SegmentPath(1 + static_cast<uint32_t>(random() % 9)));
          break;
        default:
          if (auto file = fs->Open(path); file.ok()) (void)(*file)->WriteAt(offset, noise);
      }
      // Half of the time make a damaged header look right.
      auto content = ReadWholeFile(fs.get(), path);
      if (content.ok() && content->size() >= kSegmentHeaderBytes && random() % 2 == 0) {
        std::string sum;
        PutFixed64(&sum, Checksum(std::string_view(*content).substr(0, 504)));
        Overwrite(fs.get(), path, 504, sum);
      }
    }
    auto opened = OpenLog(fs.get());
    if (!opened.ok() || opened->recovery.fault) continue;
    for (const RecoveredGroup& group : opened->recovery.groups) ReadAll(*opened->wal, group);
    if (!opened->recovery.groups.empty()) {
      const Slot next = opened->recovery.groups[0].last.Next();
      const Record more = Entry(next.value, 9, "more", opened->recovery.groups[0].group);
      ASSERT_TRUE(opened->wal->Append({&more, 1}).ok());
      ASSERT_TRUE(opened->wal->Sync().ok());
      opened = OpenLog(fs.get());
      ASSERT_TRUE(opened.ok() && !opened->recovery.fault);
      ASSERT_EQ(opened->recovery.groups[0].last, next);
    }
  }
}

}  // namespace
}  // namespace baton::wal
