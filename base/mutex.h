// A mutex that clang's thread-safety analysis understands.
//
// Wraps std::mutex (thread sanitizer reports false races on the distribution's absl::Mutex).
// Rule of the house: one thread owns each piece of state; a Mutex is for queues and for the few
// values that threads publish. Annotate every guarded member with BATON_GUARDED_BY.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define BATON_TSA(x) __attribute__((x))
#else
#define BATON_TSA(x)
#endif
#define BATON_GUARDED_BY(m) BATON_TSA(guarded_by(m))
#define BATON_REQUIRES(...) BATON_TSA(requires_capability(__VA_ARGS__))
#define BATON_REQUIRES_SHARED(...) BATON_TSA(requires_shared_capability(__VA_ARGS__))
#define BATON_EXCLUDES(...) BATON_TSA(locks_excluded(__VA_ARGS__))

namespace baton {

class BATON_TSA(capability("mutex")) Mutex {
 public:
  void Lock() BATON_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() BATON_TSA(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class BATON_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) BATON_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() BATON_TSA(release_capability()) { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// Waits may wake without cause: call them in a loop that tests the condition.
class CondVar {
 public:
  void Wait(Mutex* mutex) BATON_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    cond_.wait(lock);
    lock.release();
  }
  // Returns false when `timeout_us` passed without a notification.
  bool WaitFor(Mutex* mutex, int64_t timeout_us) BATON_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    const auto status = cond_.wait_for(lock, std::chrono::microseconds(timeout_us));
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void NotifyOne() { cond_.notify_one(); }
  void NotifyAll() { cond_.notify_all(); }

 private:
  std::condition_variable cond_;
};

// Many readers or one writer.
class BATON_TSA(capability("mutex")) SharedMutex {
 public:
  void Lock() BATON_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() BATON_TSA(release_capability()) { mutex_.unlock(); }
  void LockShared() BATON_TSA(acquire_shared_capability()) { mutex_.lock_shared(); }
  void UnlockShared() BATON_TSA(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class BATON_TSA(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex* mutex) BATON_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~WriterLock() BATON_TSA(release_capability()) { mutex_->Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex* const mutex_;
};

class BATON_TSA(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex* mutex) BATON_TSA(acquire_shared_capability(mutex))
      : mutex_(mutex) {
    mutex_->LockShared();
  }
  ~ReaderLock() BATON_TSA(release_capability()) { mutex_->UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex* const mutex_;
};

}  // namespace baton
