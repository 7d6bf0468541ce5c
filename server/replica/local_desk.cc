#include "server/replica/local_desk.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace baton::server {
namespace {

using Kind = ReadLevel::Kind;

}  // namespace

void LocalDesk::Admit(std::vector<QueuedRead> reads) {
  for (QueuedRead& read : reads) {
    next_deadline_us_ = std::min(next_deadline_us_, read.deadline_us);
    if (read.level.kind == Kind::kAtLeast) {
      const Slot slot = read.level.at_least.slot;
      round_ = 0;  // look at all positions again
      waiting_.emplace(slot, std::move(read));
    } else {
      unasked_.push_back(std::move(read));
    }
  }
}

std::optional<consensus::ReadRequested> LocalDesk::AskForReads() {
  if (unasked_.empty()) return std::nullopt;
  const uint64_t id = next_read_id_++;
  asked_.emplace(id, std::exchange(unasked_, {}));
  parts_.metrics->slots_asked.Add();
  return consensus::ReadRequested{id};
}

void LocalDesk::ReadReady(const consensus::ReadReady& ready) {
  const auto found = asked_.find(ready.read_id);
  if (found == asked_.end()) return;
  for (QueuedRead& read : found->second) waiting_.emplace(ready.slot, std::move(read));
  asked_.erase(found);
}

void LocalDesk::ReadRefused(const consensus::ReadRefused& refused, int64_t now_us,
                            AnswerBatch* answers) {
  const auto found = asked_.find(refused.read_id);
  if (found == asked_.end()) return;
  for (const QueuedRead& read : found->second) {
    const bool bounded = read.level.kind == Kind::kBoundedStaleness;
    Refuse(read, bounded ? TooLate(now_us) : NotLeaderFailure(std::nullopt), answers);
  }
  asked_.erase(found);
}

void LocalDesk::Advance(Slot applied, uint64_t round_at_commit, AnswerBatch* answers) {
  applied_ = applied;
  const auto end = waiting_.upper_bound(applied);
  if (end != waiting_.begin()) {
    auto due = std::make_shared<std::vector<QueuedRead>>();
    uint64_t bytes = 0;
    for (auto it = waiting_.begin(); it != end; ++it) {
      bytes += it->second.bytes;
      due->push_back(std::move(it->second));
    }
    waiting_.erase(waiting_.begin(), end);
    parts_.readers->PostOwn([reads = parts_.reads, inbox = parts_.inbox, due, bytes] {
      inbox->ReleaseCalls(due->size(), bytes);
      reads->ServeAll(std::move(*due));
    });
  }
  if (round_ == round_at_commit) return;
  round_ = round_at_commit;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const ReadLevel& level = it->second.level;
    if (level.kind == Kind::kAtLeast && IsLost(level.at_least, core_->commit(), round_)) {
      Refuse(it->second, PositionLostFailure(level.at_least), answers);
      it = waiting_.erase(it);
    } else {
      ++it;
    }
  }
}

void LocalDesk::Stop(AnswerBatch* answers) {
  const Failure failure = ShuttingDownFailure();
  for (const QueuedRead& read : unasked_) Refuse(read, failure, answers);
  for (const auto& [id, reads] : asked_) {
    for (const QueuedRead& read : reads) Refuse(read, failure, answers);
  }
  for (const auto& [slot, read] : waiting_) Refuse(read, failure, answers);
  unasked_.clear();
  asked_.clear();
  waiting_.clear();
}

void LocalDesk::Expire(int64_t now_us, AnswerBatch* answers) {
  if (now_us < next_deadline_us_) return;
  next_deadline_us_ = kNever;
  const auto late = [&](const QueuedRead& read) {
    if (read.deadline_us > now_us) {
      next_deadline_us_ = std::min(next_deadline_us_, read.deadline_us);
      return false;
    }
    const bool bounded = read.level.kind == Kind::kBoundedStaleness;
    Refuse(read, bounded ? TooLate(now_us) : DeadlineFailure(), answers);
    return true;
  };
  std::erase_if(unasked_, late);
  for (auto& [id, reads] : asked_) std::erase_if(reads, late);
  std::erase_if(asked_, [](const auto& asked) { return asked.second.empty(); });
  std::erase_if(waiting_, [&](const auto& waiting) { return late(waiting.second); });
}

Slot LocalDesk::WaitsForApplied() const {
  return waiting_.empty() ? kSlotNone : waiting_.begin()->first;
}

Failure LocalDesk::TooLate(int64_t now_us) const {
  const int64_t as_of_us = core_->FreshAsOfUs(applied_);
  if (as_of_us == 0) return TooStaleFailure(std::nullopt);
  return TooStaleFailure(now_us - as_of_us);
}

void LocalDesk::Refuse(const QueuedRead& read, const Failure& failure, AnswerBatch* answers) {
  parts_.inbox->ReleaseCalls(1, read.bytes);
  answers->Fail(read.to, failure);
  Metrics& metrics = *parts_.metrics;
  switch (failure.reason) {
    case Reason::kTooStale:
      return metrics.refused_stale.Add();
    case Reason::kPositionLost:
      return metrics.refused_lost.Add();
    case Reason::kDeadline:
      return metrics.refused_deadline.Add();
    case Reason::kShuttingDown:
      return metrics.refused_stopping.Add();
    default:
      return metrics.refused_leader.Add();
  }
}

}  // namespace baton::server
