// Appending beside syncing beside reading beside preparing, on a real disk. Meant for thread
// sanitizer as well.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/wal/testing.h"
#include "wal/posix_file_system.h"

namespace baton::wal {
namespace {

TEST(WalThreadsTest, AppendSyncReadAndPrepareOverlap) {
  char path[] = "/tmp/baton-wal-XXXXXX";
  const std::string directory = std::string(::mkdtemp(path)) + "/wal";
  PosixFileSystem fs;
  Options options;
  options.segment_bytes = 64 << 10;
  options.zero_fill_bytes_per_s = 0;
  constexpr uint64_t kSlots = 3000;
  {
    auto log = Wal::Open(&fs, directory, kIdentity, options);
    ASSERT_TRUE(log.ok()) << log.status();
    Wal* wal = log->wal.get();
    std::atomic<uint64_t> appended{0};
    std::atomic<bool> done{false};
    std::thread syncer([&] {
      while (!done) ASSERT_TRUE(wal->Sync().ok());
    });
    std::thread worker([&] {
      while (!done) {
        if (wal->NeedsSegments()) {
          ASSERT_TRUE(wal->PrepareSegments().ok());
        }
        std::this_thread::yield();
      }
    });
    std::thread reader([&] {
      while (!done) {
        const uint64_t last = appended;
        if (last == 0) continue;
        const uint64_t first = last > 20 ? last - 20 : 1;
        auto entries = wal->Read(kGroup, Slot{first}, Slot{last}, 1 << 20);
        if (absl::IsNotFound(entries.status())) continue;  // truncated meanwhile
        ASSERT_TRUE(entries.ok()) << entries.status();
        ASSERT_EQ(BodyOf(entries->front()).substr(0, 4), "body");
        ASSERT_EQ(entries->front().id.slot.value, first);
        ASSERT_GT(wal->SizeBytes(), 0u);
        ASSERT_LE(wal->RoomBytes(), (options.segments_ahead + 1) * options.segment_bytes);
      }
    });
    for (uint64_t slot = 1; slot <= kSlots; ++slot) {
      std::vector<Record> records = {Entry(slot, 1, "body" + std::string(slot % 700, 'x'))};
      if (slot % 100 == 0) records.emplace_back(Base(slot - 50, 1));
      if (slot % 150 == 0) records.emplace_back(State(std::to_string(slot)));
      ASSERT_TRUE(wal->Append(records).ok());
      if (slot % 10 == 0) {
        ASSERT_TRUE(wal->MarkSynced().ok());
      }
      appended = slot;
    }
    done = true;
    syncer.join();
    worker.join();
    reader.join();
    ASSERT_TRUE(wal->Sync().ok());
  }
  auto log = Wal::Open(&fs, directory, kIdentity, options);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_FALSE(log->recovery.fault) << log->recovery.fault->what;
  ASSERT_EQ(log->recovery.groups.size(), 1u);
  EXPECT_EQ(log->recovery.groups[0].last.value, kSlots);
  EXPECT_EQ(log->recovery.groups[0].state, "3000");
  EXPECT_EQ(log->recovery.groups[0].base.slot.value, kSlots - 50);
  std::filesystem::remove_all(DirectoryOf(directory));
}

}  // namespace
}  // namespace baton::wal
