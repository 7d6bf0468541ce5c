#include "server/replica/log_times.h"

#include <gtest/gtest.h>

namespace baton::server {
namespace {

class TwoClocks : public Clock {
 public:
  int64_t LeaseNowUs() const override { return lease_us; }
  int64_t WallNowUs() const override { return wall_us; }
  int64_t lease_us = 500;
  int64_t wall_us = 1'000'000'000'000;
};

TEST(LogTimes, LogTimeContinuesFromTheReignBefore) {
  TwoClocks clock;
  LogTimes times(&clock);
  times.Begin(7'000, 0);
  EXPECT_EQ(times.Now().log_us, 7'000);
  clock.lease_us += 250;
  EXPECT_EQ(times.Now().log_us, 7'250);
}

TEST(LogTimes, WallTimeNeverGoesBack) {
  TwoClocks clock;
  LogTimes times(&clock);
  const int64_t ahead_us = clock.wall_us + 5'000'000;
  times.Begin(0, ahead_us);  // the leader before had a faster clock
  EXPECT_EQ(times.Now().wall_us, ahead_us);
  clock.lease_us += 6'000'000;
  clock.wall_us += 6'000'000;
  EXPECT_EQ(times.Now().wall_us, clock.wall_us);
  clock.wall_us -= 2'000'000;
  EXPECT_EQ(times.Now().wall_us, clock.wall_us + 2'000'000);
}

TEST(LogTimes, AJumpingWallClockIsNotBelieved) {
  TwoClocks clock;
  LogTimes times(&clock);
  times.Begin(0, 0);
  const int64_t began_us = times.Now().wall_us;
  clock.lease_us += 1'000;
  clock.wall_us += LogTimes::kWallJumpUsMax * 3;
  const LogTimes::Times stamped = times.Now();
  EXPECT_TRUE(stamped.jumped);
  EXPECT_EQ(stamped.wall_us, began_us + 1'000);
}

}  // namespace
}  // namespace baton::server
