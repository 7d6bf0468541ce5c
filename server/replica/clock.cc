#include "server/replica/clock.h"

#include <ctime>

#include "base/check.h"

namespace baton::server {
namespace {

int64_t NowUs(clockid_t clock) {
  timespec now;
  BATON_CHECK(clock_gettime(clock, &now) == 0);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

int64_t SystemClock::LeaseNowUs() const { return NowUs(CLOCK_BOOTTIME); }
int64_t SystemClock::WallNowUs() const { return NowUs(CLOCK_REALTIME); }

}  // namespace baton::server
