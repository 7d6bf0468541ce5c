// Readers: the threads that may wait for a disk on behalf of calls and of the loop.
//
// Jobs run in any order when there are several threads. Any thread posts; a full queue refuses.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/mutex.h"
#include "server/replica/stage.h"

namespace baton::server {

class Readers : public Stage {
 public:
  using Job = std::function<void()>;

  explicit Readers(size_t jobs_max) : jobs_max_(jobs_max) {}

  // False when the queue is full or closed: the job will not run.
  bool Post(Job job);
  // The node stops: no job is taken from then on but the loop's own.
  void Close();
  // For the loop's own jobs, which are bounded by what it has outstanding: never refused.
  void PostOwn(Job job);

  // Runs one job. Any number of threads.
  bool RunOnce() override;

 private:
  const size_t jobs_max_;
  Mutex mutex_;
  std::deque<Job> jobs_ BATON_GUARDED_BY(mutex_);
  bool closed_ BATON_GUARDED_BY(mutex_) = false;
};

}  // namespace baton::server
