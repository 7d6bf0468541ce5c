// The log as its users see it: what is appended is read, and found again after a restart.
#include "wal/wal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/wal/testing.h"

namespace baton::wal {
namespace {

using ::testing::HasSubstr;

size_t CountSegments(FileSystem* fs) {
  auto names = fs->List(kDirectory);
  EXPECT_TRUE(names.ok());
  return names.ok() ? names->size() : 0;
}

TEST(WalTest, EmptyLogHasNoGroups) {
  MemoryFileSystem fs;
  auto opened = MustOpen(&fs);
  EXPECT_TRUE(opened.recovery.groups.empty());
  EXPECT_FALSE(opened.recovery.fault);
  EXPECT_EQ(opened.recovery.torn_bytes, 0u);
  EXPECT_EQ(opened.wal->Read(kGroup, Slot{1}, Slot{1}, 100).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(WalTest, AppendedIsReadAndFoundAgain) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {State("s1"), Entry(1, 1, "one"), Entry(2, 1, "two")});
    Write(log.wal.get(), {Entry(3, 2, "three"), State("s2")});
    auto entries = log.wal->Read(kGroup, Slot{1}, Slot{3}, 1000);
    ASSERT_TRUE(entries.ok()) << entries.status();
    ASSERT_EQ(entries->size(), 3u);
    EXPECT_EQ(BodyOf((*entries)[2]), "three");
  }
  fs.Crash({});
  auto log = MustOpen(&fs);
  ASSERT_EQ(log.recovery.groups.size(), 1u);
  const RecoveredGroup& group = log.recovery.groups[0];
  EXPECT_EQ(group.state, "s2");
  EXPECT_EQ(group.base, EntryId{});
  EXPECT_EQ(group.last, Slot{3});
  EXPECT_EQ(group.runs,
            (std::vector<BornRun>{{Slot{1}, {1, NodeId{1}}}, {Slot{3}, {2, NodeId{1}}}}));
  EXPECT_EQ(ReadAll(*log.wal, group), "1@1.1=one 2@1.1=two 3@2.1=three");
}

TEST(WalTest, AnEntryVoidsThoseFromItsSlotOn) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "a"), Entry(2, 1, "b"), Entry(3, 1, "c")});
    Write(log.wal.get(), {Entry(2, 2, "B")});
    EXPECT_EQ(log.wal->Read(kGroup, Slot{3}, Slot{3}, 1).status().code(),
              absl::StatusCode::kNotFound);
  }
  auto log = MustOpen(&fs);
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "1@1.1=a 2@2.1=B");
  Write(log.wal.get(), {Entry(3, 2, "C")});
  log = MustOpen(&fs);
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "1@1.1=a 2@2.1=B 3@2.1=C");
}

TEST(WalTest, ReadStopsBeforeItsByteLimitButGivesOne) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  Write(log.wal.get(), {Entry(1, 1, "12345678"), Entry(2, 1, "12345678"), Entry(3, 1, "12345678")});
  EXPECT_EQ(log.wal->Read(kGroup, Slot{1}, Slot{3}, 1)->size(), 1u);
  EXPECT_EQ(log.wal->Read(kGroup, Slot{1}, Slot{3}, 32)->size(), 2u);
  EXPECT_EQ(log.wal->Read(kGroup, Slot{2}, Slot{2}, 1000)->size(), 1u);
  EXPECT_EQ(log.wal->Read(kGroup, Slot{2}, Slot{99}, 1000)->size(), 2u);
}

TEST(WalTest, GroupsAreApart) {
  MemoryFileSystem fs;
  const GroupId other{2};
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "a"), Entry(1, 7, "x", other), State("s", other)});
    Write(log.wal.get(), {Entry(2, 1, "b"), Base(1, 7, other)});
  }
  auto log = MustOpen(&fs);
  ASSERT_EQ(log.recovery.groups.size(), 2u);
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "1@1.1=a 2@1.1=b");
  EXPECT_EQ(log.recovery.groups[1].state, "s");
  EXPECT_EQ(log.recovery.groups[1].base.slot, Slot{1});
  EXPECT_EQ(log.recovery.groups[1].last, Slot{1});
}

TEST(WalTest, ABaseAboveTheEndEmptiesTheLog) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {Entry(1, 1, "a"), Base(10, 3), Entry(11, 3, "k")});
  }
  auto log = MustOpen(&fs);
  EXPECT_EQ(log.recovery.groups[0].base, (EntryId{{3, NodeId{1}}, Slot{10}}));
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "11@3.1=k");
}

TEST(WalTest, ABaseAnewEmptiesTheLogAboveItToo) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    BaseRecord anew = Base(2, 3);
    anew.anew = true;
    Write(log.wal.get(), {Entry(1, 1, "a"), Entry(2, 1, "b"), Entry(3, 1, "c"), anew});
    EXPECT_EQ(log.wal->Read(kGroup, Slot{3}, Slot{3}, 1).status().code(),
              absl::StatusCode::kNotFound);
    Write(log.wal.get(), {Entry(3, 3, "d")});
  }
  fs.Crash({});
  auto log = MustOpen(&fs);
  EXPECT_EQ(log.recovery.groups[0].base, (EntryId{{3, NodeId{1}}, Slot{2}}));
  EXPECT_EQ(ReadAll(*log.wal, log.recovery.groups[0]), "3@3.1=d");
}

TEST(WalTest, SegmentsAreRecycledAndTheirNumberIsBounded) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  const std::string body(500, 'x');
  for (uint64_t slot = 1; slot <= 500; ++slot) {
    Write(log.wal.get(), {Entry(slot, 1, body + std::to_string(slot))});
    if (slot % 10 == 0)
      Write(log.wal.get(), {Base(slot - 5, 1), State("at " + std::to_string(slot))});
    while (log.wal->NeedsSegments()) ASSERT_TRUE(log.wal->PrepareSegments().ok());
    ASSERT_LE(CountSegments(&fs), 8u);
    ASSERT_LE(log.wal->SizeBytes(), 6u * 4096);
    ASSERT_GE(log.wal->RoomBytes(), 2u * (4096 - kSegmentHeaderBytes));
  }
  EXPECT_FALSE(fs.Open(SegmentPath(1)).ok());
  fs.Crash({});
  log = MustOpen(&fs);
  EXPECT_FALSE(log.recovery.fault) << log.recovery.fault->what;
  const RecoveredGroup& group = log.recovery.groups[0];
  EXPECT_EQ(group.state, "at 500");
  EXPECT_EQ(group.base.slot, Slot{495});
  EXPECT_EQ(group.last, Slot{500});
  EXPECT_THAT(ReadAll(*log.wal, group), HasSubstr("500@1.1=" + body + "500"));
  EXPECT_EQ(log.wal->Read(kGroup, Slot{495}, Slot{495}, 1).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(WalTest, NothingIsRecycledBeforeItsBaseIsSynced) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  for (uint64_t slot = 1; slot <= 30; ++slot) {
    Write(log.wal.get(), {Entry(slot, 1, std::string(500, 'x'))});
  }
  Write(log.wal.get(), {Base(30, 1)}, /*sync=*/false);
  while (log.wal->NeedsSegments()) ASSERT_TRUE(log.wal->PrepareSegments().ok());
  EXPECT_TRUE(fs.Open(SegmentPath(1)).ok());
  ASSERT_TRUE(log.wal->Sync().ok());
  ASSERT_TRUE(log.wal->NeedsSegments());
  ASSERT_TRUE(log.wal->PrepareSegments().ok());
  EXPECT_FALSE(fs.Open(SegmentPath(1)).ok());
}

TEST(WalTest, NothingIsRecycledBeforeTheNextSegmentIsSynced) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {State("kept"), Entry(1, 1, std::string(3000, 'x')), Base(1, 1)});
    Write(log.wal.get(), {Entry(2, 1, std::string(1000, 'y'))}, /*sync=*/false);
    while (log.wal->NeedsSegments()) ASSERT_TRUE(log.wal->PrepareSegments().ok());
  }
  fs.Crash({});
  auto log = MustOpen(&fs);
  EXPECT_FALSE(log.recovery.fault);
  ASSERT_EQ(log.recovery.groups.size(), 1u);
  EXPECT_EQ(log.recovery.groups[0].state, "kept");
  EXPECT_EQ(log.recovery.groups[0].base.slot, Slot{1});
}

TEST(WalTest, AnEntryOfAnySizeFits) {
  MemoryFileSystem fs;
  const std::string big(50'000, 'b');
  {
    auto log = MustOpen(&fs);
    Write(log.wal.get(), {State("s"), Entry(1, 1, "small"), Entry(2, 1, big), Entry(3, 1, big),
                          Entry(4, 1, "small")});
    Write(log.wal.get(), {Entry(5, 1, "end")});
    const Record huge = Entry(6, 1, std::string(kPayloadBytesMax, 'h'));
    EXPECT_EQ(log.wal->Append({&huge, 1}).code(), absl::StatusCode::kInvalidArgument);
    Write(log.wal.get(), {Entry(6, 1, "still going")});
  }
  fs.Crash({});
  auto log = MustOpen(&fs);
  EXPECT_FALSE(log.recovery.fault) << log.recovery.fault->what;
  EXPECT_EQ(
      ReadAll(*log.wal, log.recovery.groups[0]),
      "1@1.1=small 2@1.1=" + big + " 3@1.1=" + big + " 4@1.1=small 5@1.1=end 6@1.1=still going");
  // A file that grew is not reused.
  Write(log.wal.get(), {Base(6, 1)});
  for (uint64_t slot = 7; slot < 40; ++slot) {
    Write(log.wal.get(), {Entry(slot, 1, std::string(400, 'x')), Base(slot, 1)});
    while (log.wal->NeedsSegments()) ASSERT_TRUE(log.wal->PrepareSegments().ok());
  }
  EXPECT_LE(log.wal->SizeBytes(), 3u * 4096);
}

}  // namespace
}  // namespace baton::wal
