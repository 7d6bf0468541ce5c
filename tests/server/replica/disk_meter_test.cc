#include "server/replica/disk_meter.h"

#include <gtest/gtest.h>

#include <random>

#include "consensus/config.h"

namespace baton::server {
namespace {

using consensus::DiskClass;

constexpr int64_t kStallUs = consensus::kLanTiming.stall_us;
constexpr int64_t kSecond = 1'000'000;

class DiskMeterTest : public ::testing::Test {
 protected:
  // One write after the other, each of which takes `took_us`, with `pause_us` between them.
  DiskClass Write(int64_t took_us, int64_t for_us, int64_t pause_us = 5'000) {
    for (const int64_t end_us = now_us_ + for_us; now_us_ < end_us;) WriteOne(took_us, pause_us);
    return Class();
  }
  void WriteOne(int64_t took_us, int64_t pause_us) {
    meter_.Submitted(now_us_);
    const int64_t began_us = now_us_;
    now_us_ += took_us;
    meter_.Completed(1, began_us, now_us_);
    now_us_ += pause_us;
  }
  DiskClass Class() { return meter_.Read(now_us_).disk; }

  int64_t now_us_ = 50 * kSecond;
  DiskMeter meter_{kStallUs};
};

TEST_F(DiskMeterTest, LearnsWhatTheDiskUsuallyTakes) {
  EXPECT_EQ(meter_.Read(now_us_).baseline_us, 0);
  EXPECT_EQ(Write(2'000, 5 * kSecond), DiskClass::kNormal);
  EXPECT_NEAR(static_cast<double>(meter_.Read(now_us_).baseline_us), 2'000, 400);
  // A first impression that was too bad is forgotten soon.
  EXPECT_EQ(Write(500, 60 * kSecond), DiskClass::kNormal);
  EXPECT_NEAR(static_cast<double>(meter_.Read(now_us_).baseline_us), 500, 100);
}

TEST_F(DiskMeterTest, SlowOnlyAfterSeveralWindowsAndNormalAfterMore) {
  Write(2'000, 10 * kSecond);
  EXPECT_EQ(Write(60'000, 2 * kSecond), DiskClass::kNormal);
  EXPECT_EQ(Write(60'000, 3 * kSecond), DiskClass::kSlow);
  EXPECT_EQ(Write(2'000, 8 * kSecond), DiskClass::kSlow);
  EXPECT_EQ(Write(2'000, 5 * kSecond), DiskClass::kNormal);
}

TEST_F(DiskMeterTest, DoesNotFlapBetweenTheTwo) {
  Write(2'000, 10 * kSecond);
  ASSERT_EQ(Write(60'000, 5 * kSecond), DiskClass::kSlow);
  // Just below what makes it slow, for a minute: it stays as it was, either way.
  EXPECT_EQ(Write(25'000, 60 * kSecond), DiskClass::kSlow);
  ASSERT_EQ(Write(2'000, 20 * kSecond), DiskClass::kNormal);
  EXPECT_EQ(Write(25'000, 60 * kSecond), DiskClass::kNormal);
}

// A third of the syncs of a shared machine may be bad, and bad seconds may come in twos.
TEST_F(DiskMeterTest, NoiseIsNoReason) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t took_us = random() % 3 == 0 ? 20'000 + static_cast<int64_t>(random() % 200'000)
                                              : 500 + static_cast<int64_t>(random() % 5'000);
    WriteOne(took_us, 5'000);
    ASSERT_EQ(Class(), DiskClass::kNormal) << "write " << i;
  }
  for (int i = 0; i < 20; ++i) {
    Write(80'000, 2 * kSecond);
    EXPECT_EQ(Write(2'000, 3 * kSecond), DiskClass::kNormal);
  }
}

TEST_F(DiskMeterTest, BelowAFloorNothingIsSlow) {
  Write(200, 20 * kSecond);
  EXPECT_EQ(Write(15'000, 60 * kSecond), DiskClass::kNormal);  // 75 times the baseline
}

TEST_F(DiskMeterTest, ADiskThatWasAlwaysSlowIsSlowNearTheStallLimit) {
  EXPECT_EQ(Write(100'000, 60 * kSecond), DiskClass::kNormal);
  EXPECT_EQ(Write(200'000, 30 * kSecond), DiskClass::kSlow);
}

TEST_F(DiskMeterTest, AnHourOfSlownessIsTheNewNormal) {
  Write(2'000, 10 * kSecond);
  ASSERT_EQ(Write(60'000, 10 * kSecond), DiskClass::kSlow);
  EXPECT_EQ(Write(60'000, 20 * 60 * kSecond), DiskClass::kSlow);
  EXPECT_EQ(Write(60'000, 60 * 60 * kSecond), DiskClass::kNormal);
}

TEST_F(DiskMeterTest, StuckIsSeenWhileItLastsAndLeavesTheDiskSlow) {
  Write(2'000, 10 * kSecond);
  meter_.Submitted(now_us_);
  const int64_t began_us = now_us_;
  now_us_ += kStallUs / DiskMeter::kStuckShare - 1;
  EXPECT_EQ(Class(), DiskClass::kNormal);
  now_us_ += 1;
  EXPECT_EQ(Class(), DiskClass::kStuck);
  EXPECT_FALSE(meter_.Read(now_us_).idle);
  now_us_ += 10 * kSecond;
  meter_.Completed(1, began_us, now_us_);
  EXPECT_EQ(Class(), DiskClass::kSlow);
  EXPECT_EQ(Write(2'000, 15 * kSecond), DiskClass::kNormal);
}

// Many on their way at once, each of which waits behind the one before, are no slower for it.
TEST_F(DiskMeterTest, WaitingBehindOthersIsNotTheDisksDoing) {
  for (int burst = 0; burst < 20; ++burst) {
    const int64_t began_us = now_us_;
    for (int i = 0; i < 100; ++i) meter_.Submitted(began_us);
    for (int i = 0; i < 100; ++i) meter_.Completed(1, began_us, now_us_ += 1'000);
    EXPECT_EQ(Class(), DiskClass::kNormal);
    now_us_ += kSecond;
  }
  EXPECT_NEAR(static_cast<double>(meter_.Read(now_us_).recent_us), 1'000, 200);
}

}  // namespace
}  // namespace baton::server
