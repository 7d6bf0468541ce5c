// AppliedWaiters: work that waits until a slot is applied here, for a bounded time.
//
// Any thread adds; the replica loop looks in every round. Each piece of work runs once, on the
// loop, with whether its slot was reached: it must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "server/replica/stage.h"

namespace baton::server {

class AppliedWaiters {
 public:
  static constexpr size_t kWaitersMax = 64;  // more are refused

  using Work = std::function<void(bool reached)>;

  // False: there are too many, or no more are taken; the work will not run.
  bool Add(Slot slot, int64_t deadline_us, Work work) {
    MutexLock lock(&mutex_);
    if (closed_ || waiters_.size() >= kWaitersMax) return false;
    waiters_.push_back(Waiter{slot, deadline_us, std::move(work)});
    return true;
  }

  // Ends every wait and takes no more.
  void Close() {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
    }
    Run(Slot{}, kNever);
  }

  // Runs what is due at this applied slot and time.
  void Run(Slot applied, int64_t now_us) {
    std::vector<std::pair<Work, bool>> due;
    {
      MutexLock lock(&mutex_);
      for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
        const bool reached = waiter->slot <= applied;
        if (!reached && now_us < waiter->deadline_us) {
          ++waiter;
          continue;
        }
        due.emplace_back(std::move(waiter->work), reached);
        waiter = waiters_.erase(waiter);
      }
    }
    for (auto& [work, reached] : due) work(reached);
  }

 private:
  struct Waiter {
    Slot slot;
    int64_t deadline_us;
    Work work;
  };
  Mutex mutex_;
  std::vector<Waiter> waiters_ BATON_GUARDED_BY(mutex_);
  bool closed_ BATON_GUARDED_BY(mutex_) = false;
};

}  // namespace baton::server
