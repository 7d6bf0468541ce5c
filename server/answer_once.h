// AnswerOnce: an answer that a task on another thread owes. A value held by that task alone.
#pragma once

#include <functional>
#include <utility>

namespace baton::server {

// Gives an answer once: the one it is told, or `otherwise` when the task that held it never ran.
template <class T>
class AnswerOnce {
 public:
  AnswerOnce(std::function<void(T)> done, T otherwise)
      : done_(std::move(done)), otherwise_(std::move(otherwise)) {}
  ~AnswerOnce() {
    if (done_) done_(std::move(otherwise_));
  }
  AnswerOnce(const AnswerOnce&) = delete;
  AnswerOnce& operator=(const AnswerOnce&) = delete;

  void Give(T answer) { std::exchange(done_, nullptr)(std::move(answer)); }

 private:
  std::function<void(T)> done_;
  T otherwise_;
};

}  // namespace baton::server
