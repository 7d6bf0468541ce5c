// NodeClock: the clocks of one machine. The lease clock has an offset and a rate of its own, both
// unknown to its reader; a reboot sets it back. The wall clock is off by what a nemesis says.
//
// One thread. The schedule outlives it.
#pragma once

#include <cstdint>

#include "server/replica/clock.h"
#include "server/replica/stage.h"
#include "tests/sim/schedule.h"

namespace baton::sim {

class NodeClock : public server::Clock {
 public:
  NodeClock(const Schedule* schedule, int64_t lease_now_us, int64_t rate_ppm)
      : schedule_(schedule), since_us_(lease_now_us), rate_ppm_(rate_ppm) {}

  int64_t LeaseNowUs() const override {
    const int64_t passed_us = schedule_->now_us() - anchor_us_;
    return since_us_ + passed_us + passed_us * rate_ppm_ / kMillion;
  }
  int64_t WallNowUs() const override {
    return 1'700'000'000'000'000 + schedule_->now_us() + wall_off_us_;
  }

  // The first moment of true time at which LeaseNowUs() has reached `lease_us`.
  int64_t TrueUs(int64_t lease_us) const {
    if (lease_us == server::kNever) return server::kNever;
    const int64_t left_us = lease_us - since_us_;
    int64_t at_us = anchor_us_ + left_us * kMillion / (kMillion + rate_ppm_);
    while (ReadAt(at_us) < lease_us) ++at_us;
    return at_us;
  }

  void SetRate(int64_t rate_ppm) { Restart(LeaseNowUs(), rate_ppm); }
  void Reboot(int64_t lease_now_us) { Restart(lease_now_us, rate_ppm_); }
  void SetWallOff(int64_t us) { wall_off_us_ = us; }
  int64_t rate_ppm() const { return rate_ppm_; }

 private:
  static constexpr int64_t kMillion = 1'000'000;

  int64_t ReadAt(int64_t true_us) const {
    const int64_t passed_us = true_us - anchor_us_;
    return since_us_ + passed_us + passed_us * rate_ppm_ / kMillion;
  }
  void Restart(int64_t lease_now_us, int64_t rate_ppm) {
    anchor_us_ = schedule_->now_us();
    since_us_ = lease_now_us;
    rate_ppm_ = rate_ppm;
  }

  const Schedule* const schedule_;
  int64_t anchor_us_ = 0;  // true time at which the clock stood at since_us_
  int64_t since_us_;
  int64_t rate_ppm_;  // gained in each million
  int64_t wall_off_us_ = 0;
};

}  // namespace baton::sim
