#include "server/replica/stage.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {
namespace {

// A thread that waits looks again at least this often, so that a clock that jumps does no harm.
constexpr int64_t kWaitUsMax = 1'000'000;

}  // namespace

void Wakeup::Notify() {
  sequence_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  { MutexLock lock(&mutex_); }
  cond_.NotifyOne();
}

void Wakeup::NotifyAll() {
  sequence_.fetch_add(1, std::memory_order_seq_cst);
  { MutexLock lock(&mutex_); }
  cond_.NotifyAll();
}

void Wakeup::Wait(uint64_t ticket, int64_t timeout_us) {
  if (timeout_us <= 0) return;
  MutexLock lock(&mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  if (sequence_.load(std::memory_order_seq_cst) == ticket) cond_.WaitFor(&mutex_, timeout_us);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

StageThread::StageThread(Stage* stage, const Clock* clock, std::string name)
    : stage_(stage), clock_(clock), name_(std::move(name)), thread_([this] { Run(); }) {}

StageThread::~StageThread() { BATON_CHECK(!thread_.joinable()); }

void StageThread::RequestStop() {
  stopping_.store(true, std::memory_order_seq_cst);
  stage_->wakeup().NotifyAll();
}

void StageThread::Join() {
  if (thread_.joinable()) thread_.join();
}

void StageThread::Run() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  while (true) {
    const uint64_t ticket = stage_->wakeup().Ticket();
    if (stage_->RunOnce()) continue;
    if (stopping_.load(std::memory_order_seq_cst)) return;  // nothing is left to do
    const int64_t deadline_us = stage_->NextDeadlineUs();
    int64_t wait_us = kWaitUsMax;
    if (deadline_us != kNever) {
      wait_us = std::min(wait_us, deadline_us - clock_->LeaseNowUs());
    }
    stage_->wakeup().Wait(ticket, wait_us);
  }
}

}  // namespace baton::server
