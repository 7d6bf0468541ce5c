// A clock that a test sets while other threads read it.
#pragma once

#include <atomic>

#include "server/replica/clock.h"

namespace baton::server {

class ManualClock : public Clock {
 public:
  int64_t LeaseNowUs() const override { return now_us; }
  int64_t WallNowUs() const override { return now_us; }
  std::atomic<int64_t> now_us{1'000'000};
};

}  // namespace baton::server
