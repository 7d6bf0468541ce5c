#include "server/replica/ack_gate.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {

void AckGate::Add(GatedAnswer answer) {
  BATON_CHECK(waiting_.empty() || waiting_.back().slot <= answer.slot);
  next_deadline_us_ =
      waiting_.empty() ? answer.deadline_us : std::min(next_deadline_us_, answer.deadline_us);
  waiting_.push_back(std::move(answer));
}

void AckGate::Release(Slot commit, int64_t now_us, AnswerBatch* answers) {
  uint64_t acked = 0;
  while (!waiting_.empty() && waiting_.front().slot <= commit) {
    GatedAnswer& front = waiting_.front();
    metrics_->write_us.Observe(
        static_cast<uint64_t>(std::max<int64_t>(0, now_us - front.queued_at_us)));
    answers->Add(front.to, std::move(front.answer));
    waiting_.pop_front();
    ++acked;
  }
  if (acked != 0) metrics_->writes_acked.Add(acked);
}

void AckGate::Expire(int64_t now_us, AnswerBatch* answers) {
  if (now_us < NextDeadlineUs()) return;
  std::deque<GatedAnswer> kept;
  next_deadline_us_ = kNever;
  for (GatedAnswer& one : waiting_) {
    if (one.deadline_us > now_us) {
      next_deadline_us_ = std::min(next_deadline_us_, one.deadline_us);
      kept.push_back(std::move(one));
      continue;
    }
    Failure failure = DeadlineFailure();
    if (one.has_effect) {
      failure = OutcomeUnknownFailure("its deadline passed before a quorum had it");
      failure.code = absl::StatusCode::kDeadlineExceeded;
      metrics_->outcome_unknown.Add();
    } else {
      metrics_->refused_deadline.Add();
    }
    answers->Fail(one.to, std::move(failure));
  }
  waiting_.swap(kept);
}

void AckGate::EndReign(const Failure& redirect, const std::string& why, AnswerBatch* answers) {
  for (const GatedAnswer& one : waiting_) {
    if (one.has_effect) {
      Failure failure = OutcomeUnknownFailure(why);
      failure.leader = redirect.leader;
      answers->Fail(one.to, std::move(failure));
      metrics_->outcome_unknown.Add();
    } else {
      answers->Fail(one.to, redirect);
      metrics_->refused_leader.Add();
    }
  }
  waiting_.clear();
}

}  // namespace baton::server
