// LogTimes: the two times that a leader stamps on its entries. Owned by the replica loop.
//
// Log time advances with the lease clock while this node leads and continues from the last entry of
// the reign before, so time without a leader does not count. Wall time never goes back; a wall
// clock that strays from what elapsed by more than kWallJumpUsMax is not believed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "server/replica/clock.h"

namespace baton::server {

class LogTimes {
 public:
  static constexpr int64_t kWallJumpUsMax = 10LL * 60 * 1'000'000;

  struct Times {
    int64_t log_us = 0;
    int64_t wall_us = 0;
    bool jumped = false;  // the wall clock was not believed
  };

  explicit LogTimes(const Clock* clock) : clock_(clock) {}

  // Begins a reign over a log whose last entry has these times.
  void Begin(int64_t last_log_us, int64_t last_wall_us) {
    lease_began_us_ = clock_->LeaseNowUs();
    log_began_us_ = last_log_us;
    last_wall_us_ = std::max(last_wall_us, clock_->WallNowUs());
    last_lease_us_ = lease_began_us_;
  }

  Times Now() {
    const int64_t lease_us = clock_->LeaseNowUs();
    const int64_t expected_us = last_wall_us_ + (lease_us - last_lease_us_);
    Times times;
    times.log_us = log_began_us_ + (lease_us - lease_began_us_);
    times.wall_us = clock_->WallNowUs();
    times.jumped = std::abs(times.wall_us - expected_us) > kWallJumpUsMax;
    if (times.jumped) times.wall_us = expected_us;
    times.wall_us = std::max(times.wall_us, last_wall_us_);
    last_wall_us_ = times.wall_us;
    last_lease_us_ = lease_us;
    return times;
  }

 private:
  const Clock* const clock_;
  int64_t lease_began_us_ = 0;
  int64_t log_began_us_ = 0;
  int64_t last_wall_us_ = 0;   // stamped last; never decreases
  int64_t last_lease_us_ = 0;  // when that was
};

}  // namespace baton::server
