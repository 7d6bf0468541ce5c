// InFlight: counts what is under way, and waits until nothing is. Any thread.
#pragma once

#include <cstddef>

#include "base/mutex.h"

namespace baton::testing {

class InFlight {
 public:
  void Begin() {
    MutexLock lock(&mutex_);
    ++count_;
  }
  // The last thing that one that is under way does.
  void End() {
    MutexLock lock(&mutex_);
    if (--count_ == 0) none_.NotifyAll();
  }
  void AwaitNone() {
    MutexLock lock(&mutex_);
    while (count_ > 0) none_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar none_;
  size_t count_ BATON_GUARDED_BY(mutex_) = 0;
};

}  // namespace baton::testing
