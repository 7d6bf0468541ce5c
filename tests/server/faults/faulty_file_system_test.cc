#include "server/faults/faulty_file_system.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "tests/server/faults/manual_clock.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{60};
constexpr milliseconds kMoment{20};  // long enough for what would not wait

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  FaultyFileSystemTest() {
    EXPECT_TRUE(fs_.MakeDirectory("/d").ok());
    file_ = *fs_.Create("/d/file");
  }
  std::future<absl::Status> InBackground(std::function<absl::Status()> call) {
    return std::async(std::launch::async, std::move(call));
  }
  static bool Waits(const std::future<absl::Status>& call) {
    return call.wait_for(kMoment) == std::future_status::timeout;
  }
  static bool Returns(const std::future<absl::Status>& call) {
    return call.wait_for(kPatience) == std::future_status::ready;
  }

  wal::MemoryFileSystem below_;
  ManualClock clock_;
  FaultyFileSystem fs_{&below_, &clock_};
  std::unique_ptr<wal::File> file_;
};

TEST_F(FaultyFileSystemTest, PassesEverythingWhileNothingIsInForce) {
  ASSERT_TRUE(file_->WriteAt(0, "bytes").ok());
  ASSERT_TRUE(file_->Sync().ok());
  ASSERT_TRUE(fs_.Rename("/d/file", "/d/other").ok());
  ASSERT_TRUE(fs_.SyncDirectory("/d").ok());
  below_.Crash({});
  EXPECT_EQ(*wal::ReadWholeFile(&fs_, "/d/other"), "bytes");
  EXPECT_EQ(*fs_.List("/d"), std::vector<std::string>{"other"});
  EXPECT_EQ(*fs_.FreeBytes("/d"), *below_.FreeBytes("/d"));
  EXPECT_TRUE(absl::IsNotFound(fs_.Open("/d/file").status()));
  EXPECT_TRUE(fs_.InForce().empty());
}

TEST_F(FaultyFileSystemTest, WhatChangesAStalledDiskWaitsUntilItIsCleared) {
  fs_.Stall(FaultyFileSystem::kForever);
  EXPECT_EQ(fs_.InForce(), std::vector<std::string>{"stall"});
  std::vector<std::future<absl::Status>> calls;
  calls.push_back(InBackground([&] { return file_->WriteAt(0, "bytes"); }));
  calls.push_back(InBackground([&] { return fs_.SyncDirectory("/d"); }));
  calls.push_back(InBackground([&] { return fs_.MakeDirectory("/d/e"); }));
  calls.push_back(InBackground([&] { return fs_.Create("/d/g").status(); }));
  for (const auto& call : calls) EXPECT_TRUE(Waits(call));
  // Reads and looks at names go on.
  std::string bytes;
  EXPECT_TRUE(file_->ReadAt(0, 5, &bytes).ok());
  EXPECT_EQ(bytes, "");
  EXPECT_EQ(fs_.List("/d")->size(), 1u);
  fs_.Clear();
  for (auto& call : calls) {
    ASSERT_TRUE(Returns(call));
    EXPECT_TRUE(call.get().ok());
  }
  EXPECT_EQ(*file_->Size(), 5u);
}

TEST_F(FaultyFileSystemTest, AStallEndsAtItsTime) {
  fs_.Stall(5'000);
  EXPECT_EQ(fs_.InForce(), std::vector<std::string>{"stall 5"});
  auto sync = InBackground([&] { return file_->Sync(); });
  EXPECT_TRUE(Waits(sync));
  clock_.now_us += 4'999;
  EXPECT_TRUE(Waits(sync));
  clock_.now_us += 1;
  ASSERT_TRUE(Returns(sync));
  EXPECT_TRUE(sync.get().ok());
  EXPECT_TRUE(fs_.InForce().empty());
}

TEST_F(FaultyFileSystemTest, ASlowDiskTakesLongerToSyncAndNoLongerToWrite) {
  fs_.Slow(5'000);
  EXPECT_EQ(fs_.InForce(), std::vector<std::string>{"slow 5"});
  EXPECT_TRUE(file_->WriteAt(0, "bytes").ok());
  auto sync = InBackground([&] { return file_->Sync(); });
  EXPECT_TRUE(Waits(sync));
  clock_.now_us += 5'000;
  ASSERT_TRUE(Returns(sync));
  auto second = InBackground([&] { return file_->Sync(); });
  EXPECT_TRUE(Waits(second));
  fs_.Slow(0);
  ASSERT_TRUE(Returns(second));
}

TEST_F(FaultyFileSystemTest, AFullDiskHasNoSpaceForNewFiles) {
  fs_.Fill();
  EXPECT_EQ(fs_.InForce(), std::vector<std::string>{"full"});
  EXPECT_EQ(*fs_.FreeBytes("/d"), 0u);
  EXPECT_TRUE(absl::IsResourceExhausted(fs_.Create("/d/g").status()));
  EXPECT_TRUE(file_->WriteAt(0, "bytes").ok());  // into space that it has
  fs_.Clear();
  EXPECT_TRUE(fs_.Create("/d/g").ok());
}

TEST_F(FaultyFileSystemTest, OneSyncFails) {
  ASSERT_TRUE(file_->WriteAt(0, "bytes").ok());
  fs_.FailSync();
  EXPECT_EQ(fs_.InForce(), std::vector<std::string>{"fail"});
  EXPECT_TRUE(absl::IsInternal(file_->Sync()));
  EXPECT_TRUE(file_->Sync().ok());
}

}  // namespace
}  // namespace baton::server
