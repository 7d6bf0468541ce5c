#include "server/replica/loop_inbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace baton::server {

bool LoopInbox::PushMessage(consensus::Message message) {
  {
    MutexLock lock(&mutex_);
    if (work_.messages.size() >= limits_.messages_max) return false;
    work_.messages.push_back(std::move(message));
  }
  wakeup_->Notify();
  return true;
}

bool LoopInbox::Fits(uint64_t bytes) {
  if (calls_ >= limits_.calls_max || bytes_ + bytes > limits_.bytes_max) return false;
  ++calls_;
  bytes_ += bytes;
  return true;
}

bool LoopInbox::PushCalls(std::vector<QueuedWrite>* writes, std::vector<QueuedRead>* reads) {
  if (writes->empty() && reads->empty()) return true;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    auto write = writes->begin();
    while (write != writes->end() && Fits(write->bytes))
      work_.writes.push_back(std::move(*write++));
    writes->erase(writes->begin(), write);
    auto read = reads->begin();
    while (read != reads->end() && Fits(read->bytes)) work_.reads.push_back(std::move(*read++));
    reads->erase(reads->begin(), read);
  }
  wakeup_->Notify();
  return true;
}

bool LoopInbox::PushMembersCall(QueuedMembersCall* call) {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || work_.members_calls.size() >= kMembersCallsMax) return false;
    work_.members_calls.push_back(std::move(*call));
  }
  wakeup_->Notify();
  return true;
}

bool LoopInbox::PushHandoverCall(QueuedHandoverCall* call) {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || work_.handover_calls.size() >= kHandoverCallsMax) return false;
    work_.handover_calls.push_back(std::move(*call));
  }
  wakeup_->Notify();
  return true;
}

void LoopInbox::PushReturned(QueuedWrite write) {
  {
    MutexLock lock(&mutex_);
    ++calls_;
    bytes_ += write.bytes;
    work_.returned.push_back(std::move(write));
  }
  wakeup_->Notify();
}

void LoopInbox::PushNotice(Notice notice) {
  {
    MutexLock lock(&mutex_);
    work_.notices.push_back(std::move(notice));
  }
  wakeup_->Notify();
}

void LoopInbox::PushApplied(Slot applied) {
  {
    MutexLock lock(&mutex_);
    work_.applied = std::max(work_.applied, applied);
  }
  if (applied.value >= wake_at_.load(std::memory_order_seq_cst)) wakeup_->Notify();
}

void LoopInbox::RequestStop() {
  {
    MutexLock lock(&mutex_);
    work_.stop = true;
    stopping_ = true;
  }
  wakeup_->Notify();
}

bool LoopInbox::Take(LoopWork* work) {
  *work = LoopWork();
  MutexLock lock(&mutex_);
  const bool any = !work_.empty();
  const Slot applied = work_.applied;
  std::swap(*work, work_);
  work_.applied = applied;
  return any;
}

void LoopInbox::ReleaseCalls(uint64_t calls, uint64_t bytes) {
  if (calls == 0) return;
  MutexLock lock(&mutex_);
  calls_ -= calls;
  bytes_ -= bytes;
}

uint64_t LoopInbox::queued_calls() const {
  MutexLock lock(&mutex_);
  return calls_;
}

}  // namespace baton::server
