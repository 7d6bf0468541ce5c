// Schedule: true time, and what is to happen when. Tasks of one time run in the order they were
// given.
//
// One thread. Tasks may add tasks. True time is nobody's clock: nodes read theirs (node_clock.h).
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/check.h"

namespace baton::sim {

class Schedule {
 public:
  int64_t now_us() const { return now_us_; }

  // REQUIRES: at_us >= now_us().
  void At(int64_t at_us, std::function<void()> task) {
    BATON_CHECK(at_us >= now_us_);
    uint32_t place;
    if (free_.empty()) {
      place = static_cast<uint32_t>(tasks_.size());
      tasks_.push_back(std::move(task));
    } else {
      place = free_.back();
      free_.pop_back();
      tasks_[place] = std::move(task);
    }
    queue_.push(Due{at_us, next_++, place});
  }
  void After(int64_t us, std::function<void()> task) { At(now_us_ + us, std::move(task)); }

  // Moves on to the next task that is due by until_us and runs it; false: there is none, and it is
  // until_us now.
  bool RunNext(int64_t until_us) {
    if (queue_.empty() || queue_.top().at_us > until_us) {
      now_us_ = std::max(now_us_, until_us);
      return false;
    }
    const Due due = queue_.top();
    queue_.pop();
    now_us_ = due.at_us;
    const std::function<void()> task = std::move(tasks_[due.place]);
    tasks_[due.place] = nullptr;
    free_.push_back(due.place);
    ++ran_;
    task();
    return true;
  }
  uint64_t ran() const { return ran_; }

 private:
  struct Due {
    int64_t at_us;
    uint64_t number;
    uint32_t place;                           // in tasks_
    bool operator<(const Due& other) const {  // the queue's top is the greatest
      return std::pair(at_us, number) > std::pair(other.at_us, other.number);
    }
  };

  int64_t now_us_ = 0;
  uint64_t next_ = 0;
  uint64_t ran_ = 0;
  std::priority_queue<Due> queue_;
  std::vector<std::function<void()>> tasks_;
  std::vector<uint32_t> free_;
};

}  // namespace baton::sim
