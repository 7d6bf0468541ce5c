#include "server/replica/local_desk.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace baton::server {
namespace {

using Kind = ReadLevel::Kind;

}  // namespace

void LocalDesk::Admit(std::vector<QueuedRead> reads, int64_t now_us, AnswerBatch* answers) {
  uint64_t bytes = 0;
  for (const QueuedRead& read : reads) bytes += read.bytes;
  parts_.inbox->ReleaseCalls(reads.size(), bytes);
  for (QueuedRead& read : reads) {
    if (const std::optional<Failure> refusal = RefusalOf(read, now_us)) {
      Fail(read, *refusal, answers);
      continue;
    }
    held_reads_.fetch_add(1, std::memory_order_relaxed);
    held_bytes_.fetch_add(read.bytes, std::memory_order_relaxed);
    next_deadline_us_ = std::min(next_deadline_us_, read.deadline_us);
    if (read.level.kind == Kind::kAtLeast) {
      const Slot slot = read.level.at_least.slot;
      waiting_.emplace(slot, std::move(read));
    } else {
      unasked_.push_back(std::move(read));
    }
  }
}

std::optional<Failure> LocalDesk::RefusalOf(const QueuedRead& read, int64_t now_us) const {
  if (stopping_) return ShuttingDownFailure();
  if (Lost(read, now_us)) return PositionLostFailure(read.level.at_least);
  if (held_reads() >= limits_.reads_max) return OverloadedFailure("waiting_reads_max");
  if (held_bytes_.load(std::memory_order_relaxed) + read.bytes > limits_.bytes_max) {
    return OverloadedFailure("waiting_read_bytes_max");
  }
  return std::nullopt;
}

// While this node leads by a lease, no later reign has begun, and what this one has written is in
// the log here: whatever else was ever told of lies within that log.
bool LocalDesk::Lost(const QueuedRead& read, int64_t now_us) const {
  if (read.level.kind != Kind::kAtLeast) return false;
  const Position& position = read.level.at_least;
  if (IsLost(position, core_->commit(), round_)) return true;
  if (now_us >= core_->LeaseEndUs()) return false;
  return position.slot > core_->log().last().slot || position.reign_round > core_->promised().round;
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
  for (const QueuedRead& read : found->second) Refuse(read, NoSlot(read, now_us), answers);
  asked_.erase(found);
}

void LocalDesk::Advance(Slot applied, uint64_t round_at_commit, int64_t now_us,
                        AnswerBatch* answers) {
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
    parts_.readers->PostOwn([this, due, bytes] {
      Release(due->size(), bytes);
      parts_.reads->ServeAll(std::move(*due));
    });
  }
  if (round_ == round_at_commit) return;
  round_ = round_at_commit;
  RefuseLost(now_us, answers);
}

void LocalDesk::RefuseLost(int64_t now_us, AnswerBatch* answers) {
  std::erase_if(waiting_, [&](const auto& waiting) {
    const QueuedRead& read = waiting.second;
    if (!Lost(read, now_us)) return false;
    Refuse(read, PositionLostFailure(read.level.at_least), answers);
    return true;
  });
}

void LocalDesk::Stop(AnswerBatch* answers) {
  stopping_ = true;
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

// Without a leader nothing more is committed here; what is committed will be applied.
int64_t LocalDesk::GiveUpAtUs() const {
  if (leaderless_since_us_ == kNever || waiting_.empty()) return kNever;
  return waiting_.rbegin()->first > core_->commit() ? leaderless_since_us_ + lease_us_ : kNever;
}

void LocalDesk::GiveUp(int64_t now_us, AnswerBatch* answers) {
  const auto first = waiting_.upper_bound(core_->commit());
  for (auto it = first; it != waiting_.end(); ++it) {
    Refuse(it->second, NoSlot(it->second, now_us), answers);
  }
  waiting_.erase(first, waiting_.end());
}

int64_t LocalDesk::NextDeadlineUs() const { return std::min(next_deadline_us_, GiveUpAtUs()); }

void LocalDesk::Expire(int64_t now_us, AnswerBatch* answers) {
  leaderless_since_us_ = core_->leader() ? kNever : std::min(leaderless_since_us_, now_us);
  if (now_us >= GiveUpAtUs()) GiveUp(now_us, answers);
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

// No leader tells, or brings, the slot that it waits for.
Failure LocalDesk::NoSlot(const QueuedRead& read, int64_t now_us) const {
  const bool bounded = read.level.kind == Kind::kBoundedStaleness;
  return bounded ? TooLate(now_us) : NotLeaderFailure(std::nullopt);
}

void LocalDesk::Release(uint64_t reads, uint64_t bytes) {
  held_reads_.fetch_sub(reads, std::memory_order_relaxed);
  held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void LocalDesk::Refuse(const QueuedRead& read, const Failure& failure, AnswerBatch* answers) {
  Release(1, read.bytes);
  Fail(read, failure, answers);
}

void LocalDesk::Fail(const QueuedRead& read, const Failure& failure, AnswerBatch* answers) {
  answers->Fail(read.to, failure);
  Metrics& metrics = *parts_.metrics;
  switch (failure.reason) {
    case Reason::kTooStale:
      return metrics.refused_stale.Add();
    case Reason::kPositionLost:
      return metrics.refused_lost.Add();
    case Reason::kOverloaded:
      return metrics.refused_overload.Add();
    case Reason::kDeadline:
      return metrics.refused_deadline.Add();
    case Reason::kShuttingDown:
      return metrics.refused_stopping.Add();
    default:
      return metrics.refused_leader.Add();
  }
}

}  // namespace baton::server
