// LeaderWatch: who wants to be told of a new leader. Any thread; callbacks run on the loop's, and
// have returned once Unwatch has.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "server/replica/node.h"

namespace baton::server {

class LeaderWatch {
 public:
  using Notify = std::function<void(const LeaderHint&)>;

  uint64_t Watch(Notify notify) {
    MutexLock lock(&mutex_);
    watchers_.emplace(++last_id_, std::move(notify));
    return last_id_;
  }
  void Unwatch(uint64_t id) {
    MutexLock lock(&mutex_);
    watchers_.erase(id);
  }
  // REQUIRES: callbacks do not call back into the watch.
  void Tell(const LeaderHint& leader) {
    MutexLock lock(&mutex_);
    for (const auto& [id, notify] : watchers_) notify(leader);
  }

 private:
  Mutex mutex_;
  uint64_t last_id_ BATON_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Notify> watchers_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::server
