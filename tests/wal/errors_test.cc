// What the log does when the disk says no.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/wal/testing.h"

namespace baton::wal {
namespace {

using ::testing::HasSubstr;

TEST(WalErrorsTest, AFailedWriteIsFinal) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  Write(log.wal.get(), {Entry(1, 1, "one")});
  fs.FailWrites(1);
  const Record two = Entry(2, 1, "two");
  const absl::Status first = log.wal->Append({&two, 1});
  EXPECT_EQ(first.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(log.wal->Append({&two, 1}), first);
  EXPECT_EQ(log.wal->Sync(), first);
  EXPECT_EQ(log.wal->MarkSynced(), first);
  EXPECT_EQ(log.wal->PrepareSegments(), first);
  EXPECT_EQ(log.wal->RoomBytes(), 0u);
  EXPECT_EQ(BodyOf(log.wal->Read(kGroup, Slot{1}, Slot{1}, 1)->front()), "one");
  EXPECT_EQ(MustOpen(&fs).recovery.groups[0].last, Slot{1});
}

TEST(WalErrorsTest, AFailedSyncIsFinal) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  const Record one = Entry(1, 1, "one");
  ASSERT_TRUE(log.wal->Append({&one, 1}).ok());
  fs.FailSyncs(1);
  const absl::Status first = log.wal->Sync();
  EXPECT_EQ(first.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(first.message()), HasSubstr("0000000001.wal"));
  EXPECT_EQ(log.wal->Sync(), first) << "never tried again on a page cache that lost the bytes";
  const Record two = Entry(2, 1, "two");
  EXPECT_EQ(log.wal->Append({&two, 1}), first);
}

TEST(WalErrorsTest, AFullDiskDelaysSegmentsOnly) {
  MemoryFileSystem fs;
  auto log = MustOpen(&fs);
  Write(log.wal.get(), {Entry(1, 1, "one")});
  fs.SetCapacity(2 * 4096);
  const absl::Status full = log.wal->PrepareSegments();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("no space"));
  EXPECT_TRUE(log.wal->NeedsSegments());
  EXPECT_LT(log.wal->RoomBytes(), 2u * 4096) << "one could be made";
  Write(log.wal.get(), {Entry(2, 1, "two")});
  fs.SetCapacity(1 << 20);
  EXPECT_TRUE(log.wal->PrepareSegments().ok());
  EXPECT_FALSE(log.wal->NeedsSegments());
  EXPECT_GT(log.wal->RoomBytes(), 2u * (4096 - kSegmentHeaderBytes));
}

TEST(WalErrorsTest, ADiskWithoutRoomForTheFirstSegmentIsReported) {
  MemoryFileSystem fs;
  fs.SetCapacity(1000);
  EXPECT_EQ(OpenLog(&fs).status().code(), absl::StatusCode::kResourceExhausted);
  fs.SetCapacity(1 << 20);
  EXPECT_TRUE(OpenLog(&fs).ok());
}

TEST(WalErrorsTest, ALogThatMustBeThereIsNotMadeAnew) {
  MemoryFileSystem fs;
  Options options = SmallOptions();
  options.create_if_missing = false;
  EXPECT_EQ(OpenLog(&fs, options).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(fs.List(kDirectory)->empty());
  Write(MustOpen(&fs).wal.get(), {Entry(1, 1, "one")});
  EXPECT_EQ(MustOpen(&fs, options).recovery.groups[0].last, Slot{1});
}

TEST(WalErrorsTest, OptionsOutOfRangeAreRefused) {
  MemoryFileSystem fs;
  for (uint64_t bytes : {uint64_t{0}, uint64_t{2048}, uint64_t{5000}, uint64_t{2} << 30}) {
    Options options = SmallOptions();
    options.segment_bytes = bytes;
    EXPECT_EQ(OpenLog(&fs, options).status().code(), absl::StatusCode::kInvalidArgument) << bytes;
  }
}

TEST(WalErrorsTest, AnotherSegmentSizeTakesOverAsSegmentsAreReplaced) {
  MemoryFileSystem fs;
  {
    auto log = MustOpen(&fs);
    for (uint64_t slot = 1; slot <= 20; ++slot) {
      Write(log.wal.get(), {Entry(slot, 1, std::string(1000, 'x'))});
    }
  }
  Options options = SmallOptions();
  options.segment_bytes = 8192;
  auto log = MustOpen(&fs, options);
  ASSERT_EQ(log.recovery.groups[0].last, Slot{20});
  for (uint64_t slot = 21; slot <= 60; ++slot) {
    Write(log.wal.get(), {Entry(slot, 1, std::string(1000, 'x')), Base(slot - 1, 1)});
    while (log.wal->NeedsSegments()) ASSERT_TRUE(log.wal->PrepareSegments().ok());
  }
  log = MustOpen(&fs, options);
  EXPECT_FALSE(log.recovery.fault);
  EXPECT_EQ(log.recovery.groups[0].last, Slot{60});
  EXPECT_EQ(log.wal->SizeBytes() % 8192, 0u);
}

// The rate alone would take hours.
TEST(WalErrorsTest, StopPreparingInterruptsAFill) {
  MemoryFileSystem fs;
  Options options = SmallOptions();
  options.zero_fill_bytes_per_s = 1;
  auto log = MustOpen(&fs, options);
  std::thread worker([&] { EXPECT_TRUE(log.wal->PrepareSegments().ok()); });
  log.wal->StopPreparing();
  worker.join();
  EXPECT_FALSE(log.wal->NeedsSegments());
  Write(log.wal.get(), {Entry(1, 1, "one")});
}

}  // namespace
}  // namespace baton::wal
