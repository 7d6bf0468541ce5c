#include "server/replica/thread_worker.h"

#include <pthread.h>

#include <utility>

namespace baton::server {

ThreadWorker::ThreadWorker() : thread_([this] { Run(); }) {}

ThreadWorker::~ThreadWorker() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  cond_.NotifyAll();
  thread_.join();
}

bool ThreadWorker::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || tasks_.size() >= kTasksMax) return false;
    tasks_.push_back(std::move(task));
  }
  cond_.NotifyOne();
  return true;
}

void ThreadWorker::Run() {
  pthread_setname_np(pthread_self(), "worker");
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) cond_.Wait(&mutex_);
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace baton::server
