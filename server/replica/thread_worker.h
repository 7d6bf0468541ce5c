// ThreadWorker: the worker of a real process, one thread. Owned by the process's main, outlives the
// nodes that post to it. Any thread posts.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "server/replica/worker.h"

namespace baton::server {

class ThreadWorker : public Worker {
 public:
  static constexpr size_t kTasksMax = 64;  // waiting; more are refused

  ThreadWorker();
  ~ThreadWorker() override;  // finishes the task that runs, drops those that wait
  bool Post(std::function<void()> task) override;

 private:
  void Run();

  Mutex mutex_;
  CondVar cond_;
  std::deque<std::function<void()>> tasks_ BATON_GUARDED_BY(mutex_);
  bool stopping_ BATON_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace baton::server
