// Stage: a piece of the driver that owns its state, takes work from an inbox and never waits for
// more of it. StageThread runs one on a thread; a simulator calls RunOnce itself.
//
// Wakeup is how an inbox rouses the thread behind it. Any thread notifies; those that run the stage
// wait. A notification between Ticket() and Wait() is never lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/types.h"
#include "server/replica/clock.h"

namespace baton::server {

class Wakeup {
 public:
  uint64_t Ticket() const { return sequence_.load(std::memory_order_seq_cst); }
  // Rouses one waiter, if there is one.
  void Notify();
  void NotifyAll();
  // Returns once notified since `ticket` was taken, or after `timeout_us`.
  void Wait(uint64_t ticket, int64_t timeout_us);

 private:
  std::atomic<uint64_t> sequence_{0};
  std::atomic<uint32_t> sleepers_{0};
  Mutex mutex_;
  CondVar cond_;
};

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
inline constexpr Slot kSlotNone{~uint64_t{0}};  // above every slot: none is meant

class Stage {
 public:
  virtual ~Stage() = default;
  // Does what waits, without waiting for more. False when there was nothing to do.
  virtual bool RunOnce() = 0;
  // When RunOnce has something to do though nobody notifies; lease clock, kNever for not at all.
  virtual int64_t NextDeadlineUs() const { return kNever; }

  Wakeup& wakeup() { return wakeup_; }

 private:
  Wakeup wakeup_;
};

// Runs a stage until Stop. Several may run one stage if its RunOnce allows it.
class StageThread {
 public:
  StageThread(Stage* stage, const Clock* clock, std::string name);
  ~StageThread();  // REQUIRES: stopped
  StageThread(const StageThread&) = delete;
  StageThread& operator=(const StageThread&) = delete;

  void RequestStop();
  void Join();

 private:
  void Run();

  Stage* const stage_;
  const Clock* const clock_;
  const std::string name_;  // seen by debuggers; at most 15 bytes
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace baton::server
