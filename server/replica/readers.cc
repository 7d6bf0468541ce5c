#include "server/replica/readers.h"

#include <utility>

namespace baton::server {

bool Readers::Post(Job job) {
  {
    MutexLock lock(&mutex_);
    if (closed_ || jobs_.size() >= jobs_max_) return false;
    jobs_.push_back(std::move(job));
  }
  wakeup().Notify();
  return true;
}

void Readers::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
}

void Readers::PostOwn(Job job) {
  {
    MutexLock lock(&mutex_);
    jobs_.push_back(std::move(job));
  }
  wakeup().Notify();
}

bool Readers::RunOnce() {
  Job job;
  {
    MutexLock lock(&mutex_);
    if (jobs_.empty()) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  job();
  return true;
}

}  // namespace baton::server
