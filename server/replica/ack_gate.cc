#include "server/replica/ack_gate.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {

template <class What>
void AckGate::ForEachLine(What what) {
  what(&committed_);
  what(&applied_);
  for (auto at = durable_.begin(); at != durable_.end();) {
    what(&at->second);
    at = at->second.answers.empty() ? durable_.erase(at) : std::next(at);
  }
}

void AckGate::Add(GatedAnswer answer) {
  Line* line = &committed_;
  if (answer.until == GatedAnswer::Until::kApplied) line = &applied_;
  if (answer.until == GatedAnswer::Until::kDurable) line = &durable_[answer.keyspace];
  BATON_CHECK(line->answers.empty() || line->answers.back().slot <= answer.slot);
  next_deadline_us_ =
      size_ == 0 ? answer.deadline_us : std::min(next_deadline_us_, answer.deadline_us);
  line->answers.push_back(std::move(answer));
  ++size_;
}

void AckGate::Release(const Progress& progress, int64_t now_us, AnswerBatch* answers) {
  unreplicated_->Applied(progress.applied);
  unreplicated_->Committed(progress.commit, now_us);
  ReleaseUpTo(progress.commit, &committed_, now_us, answers);
  ReleaseUpTo(std::min(progress.commit, progress.applied), &applied_, now_us, answers);
  for (auto at = durable_.begin(); at != durable_.end();) {
    ReleaseUpTo(progress.commit, &at->second, now_us, answers);
    ReleaseDurable(progress, &at->second, now_us, answers);
    at = at->second.answers.empty() ? durable_.erase(at) : std::next(at);
  }
}

void AckGate::ReleaseUpTo(Slot slot, Line* line, int64_t now_us, AnswerBatch* answers) {
  while (!line->answers.empty() && line->answers.front().slot <= slot) {
    Leave(&line->answers.front(), engine::Durability::kQuorum, now_us, answers);
    PopFront(line);
  }
}

void AckGate::PopFront(Line* line) {
  line->answers.pop_front();
  if (line->held_back > 0) --line->held_back;
}

void AckGate::ReleaseDurable(const Progress& progress, Line* line, int64_t now_us,
                             AnswerBatch* answers) {
  while (!line->answers.empty() && progress.leased &&
         line->answers.front().slot <= progress.durable) {
    GatedAnswer& one = line->answers.front();
    const auto verdict = unreplicated_->MayAck(one.charges, one.sequenced_us, now_us);
    if (!verdict.may) return HoldBack(progress, verdict.over, line);
    unreplicated_->Acked(one.slot, one.charges, one.sequenced_us, now_us);
    Leave(&one, engine::Durability::kLocal, now_us, answers);
    PopFront(line);
  }
}

// Counts each answer once that could leave if the budget that holds back the first allowed it.
void AckGate::HoldBack(const Progress& progress, KeyspaceId over, Line* line) {
  if (over == KeyspaceId{}) return;
  while (line->held_back < line->answers.size()) {
    const GatedAnswer& one = line->answers[line->held_back];
    if (progress.durable < one.slot) return;
    unreplicated_->Waited(over);
    ++line->held_back;
  }
}

void AckGate::Leave(GatedAnswer* one, engine::Durability durability, int64_t now_us,
                    AnswerBatch* answers) {
  metrics_->write_us.Observe(
      static_cast<uint64_t>(std::max<int64_t>(0, now_us - one->queued_at_us)));
  if (one->answer.failure.ok()) metrics_->writes_acked.Add();
  last_ack_us_ = now_us;
  one->answer.durability = durability;
  Failure& failure = one->answer.failure;
  if (failure.judged) failure.judged = Judged{one->answer.position, durability};
  answers->Add(one->to, std::move(one->answer));
  --size_;
}

void AckGate::Expire(int64_t now_us, AnswerBatch* answers) {
  if (now_us < NextDeadlineUs()) return;
  next_deadline_us_ = kNever;
  ForEachLine([&](Line* line) { ExpireLine(line, now_us, answers); });
}

void AckGate::ExpireLine(Line* line, int64_t now_us, AnswerBatch* answers) {
  Line kept;
  for (size_t i = 0; i < line->answers.size(); ++i) {
    GatedAnswer& one = line->answers[i];
    if (one.deadline_us > now_us) {
      next_deadline_us_ = std::min(next_deadline_us_, one.deadline_us);
      kept.held_back += i < line->held_back;
      kept.answers.push_back(std::move(one));
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
    --size_;
  }
  *line = std::move(kept);
}

void AckGate::EndReign(const Failure& redirect, const std::string& why, AnswerBatch* answers) {
  ForEachLine([&](Line* line) {
    for (const GatedAnswer& one : line->answers) {
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
    *line = {};
  });
  size_ = 0;
}

Slot AckGate::WaitsForApplied() const {
  return applied_.answers.empty() ? kSlotNone : applied_.answers.front().slot;
}

}  // namespace baton::server
