#include "server/replica/disk_guard.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

class DiskGuardTest : public ::testing::Test {
 protected:
  DiskGuardTest() { EXPECT_TRUE(fs_.MakeDirectory("/d").ok()); }

  // As of a look that begins now.
  bool Full() {
    return Looked([this] { return guard_.Full(); });
  }
  bool NearlyFull() {
    return Looked([this] { return guard_.NearlyFull(); });
  }
  bool Looked(const std::function<bool()>& ask) {
    clock_.now_us += DiskGuard::kLookUs;
    ask();
    worker_.RunAll();
    return ask();
  }

  static constexpr uint64_t kReserve = 1'000;
  FakeWal wal_;
  wal::MemoryFileSystem fs_;
  HeldWorker worker_;
  SimClock clock_;
  Metrics metrics_;
  DiskGuard guard_{&wal_,    &fs_,    "/d",      /*segment_bytes=*/100,    kReserve,
                   &worker_, &clock_, &metrics_, [](const std::string&) {}};
};

TEST_F(DiskGuardTest, IsNearlyFullBeforeItIsFull) {
  fs_.SetCapacity(DiskGuard::kNearReserves * kReserve);
  EXPECT_FALSE(NearlyFull());
  fs_.SetCapacity(DiskGuard::kNearReserves * kReserve - 1);
  EXPECT_TRUE(NearlyFull());
  EXPECT_FALSE(Full());
  fs_.SetCapacity(kReserve - 1);
  EXPECT_TRUE(NearlyFull());
  EXPECT_TRUE(Full());
  fs_.SetCapacity(1 << 20);
  EXPECT_FALSE(NearlyFull()) << "it looks by itself";
  EXPECT_FALSE(Full());
}

}  // namespace
}  // namespace baton::server
