// Worker: the seam for slow work in the background: zero-filling, flushes, checkpoints, scrubbing.
#pragma once

#include <functional>

namespace baton::server {

class Worker {
 public:
  virtual ~Worker() = default;
  // Runs tasks one after the other, in the order posted. Returns false when the queue is full or
  // the worker is stopping: the task will not run. Any thread.
  virtual bool Post(std::function<void()> task) = 0;
};

}  // namespace baton::server
