#include "server/replica/stage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace baton::server {
namespace {

class Counting : public Stage {
 public:
  bool RunOnce() override {
    if (waiting.load() == 0) return false;
    --waiting;
    ++done;
    return true;
  }
  std::atomic<int> waiting{0};
  std::atomic<int> done{0};
};

TEST(Stage, EveryNotificationIsServed) {
  Counting stage;
  SystemClock clock;
  StageThread thread(&stage, &clock, "counting");
  for (int i = 0; i < 20'000; ++i) {
    ++stage.waiting;
    stage.wakeup().Notify();
    if (i % 100 == 0) {
      while (stage.done != i + 1) std::this_thread::yield();  // it sleeps again
    }
  }
  thread.RequestStop();
  thread.Join();
  EXPECT_EQ(stage.done, 20'000);  // what waits at the stop is done first
}

TEST(Stage, RunsAtItsDeadlineWithoutANotification) {
  class Timed : public Stage {
   public:
    explicit Timed(int64_t at_us) : at_us_(at_us) {}
    bool RunOnce() override {
      if (clock_.LeaseNowUs() < at_us_ || fired) return false;
      fired = true;
      return true;
    }
    int64_t NextDeadlineUs() const override { return fired ? kNever : at_us_; }
    std::atomic<bool> fired{false};

   private:
    SystemClock clock_;
    const int64_t at_us_;
  };
  SystemClock clock;
  Timed stage(clock.LeaseNowUs() + 20'000);
  StageThread thread(&stage, &clock, "timed");
  while (!stage.fired) std::this_thread::yield();
  thread.RequestStop();
  thread.Join();
}

}  // namespace
}  // namespace baton::server
