// Clock: the seam that gives time. Two clocks: leases live on one that counts suspended time and
// never goes back; people read the other. Any thread.
#pragma once

#include <cstdint>

namespace baton::server {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t LeaseNowUs() const = 0;  // CLOCK_BOOTTIME
  virtual int64_t WallNowUs() const = 0;   // since the Unix epoch
};

// The system's clocks.
class SystemClock : public Clock {
 public:
  int64_t LeaseNowUs() const override;
  int64_t WallNowUs() const override;
};

}  // namespace baton::server
