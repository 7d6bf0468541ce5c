// The thread on which a dispatcher's timers run: it sleeps until the next is due or Wake() is
// called.
//
// Owner: baton::Client. Wake() from any thread, also after Stop(). Stop() joins the thread.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "client/environment.h"

namespace baton::client {

class TimerThread {
 public:
  // `run` does what is due and returns when it wants to run again (INT64_MAX: when woken).
  TimerThread(Environment* environment, std::function<int64_t()> run)
      : environment_(environment), run_(std::move(run)), thread_([this] { Loop(); }) {}
  ~TimerThread() { Stop(); }

  void Wake() BATON_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    woken_ = true;
    changed_.NotifyOne();
  }
  void Stop() BATON_EXCLUDES(mutex_) {
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
      changed_.NotifyOne();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Loop() BATON_EXCLUDES(mutex_) {
    for (;;) {
      const int64_t due_us = run_();
      MutexLock lock(&mutex_);
      while (!woken_ && !stopped_) {
        if (due_us == INT64_MAX) {
          changed_.Wait(&mutex_);
          continue;
        }
        const int64_t left_us = due_us - environment_->NowUs();
        if (left_us <= 0) break;
        changed_.WaitFor(&mutex_, left_us);
      }
      if (stopped_) return;
      woken_ = false;
    }
  }

  Environment* const environment_;
  const std::function<int64_t()> run_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ BATON_GUARDED_BY(mutex_) = false;
  bool stopped_ BATON_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest stands
};

}  // namespace baton::client
