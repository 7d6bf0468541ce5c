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
    at = at->second.empty() ? durable_.erase(at) : std::next(at);
  }
}

void AckGate::Add(GatedAnswer answer) {
  Line* line = &committed_;
  if (answer.until == GatedAnswer::Until::kApplied) line = &applied_;
  if (answer.until == GatedAnswer::Until::kDurable) line = &durable_[answer.keyspace];
  BATON_CHECK(line->empty() || line->back().slot <= answer.slot);
  next_deadline_us_ =
      size_ == 0 ? answer.deadline_us : std::min(next_deadline_us_, answer.deadline_us);
  line->push_back(std::move(answer));
  ++size_;
}

void AckGate::Release(const Progress& progress, int64_t now_us, AnswerBatch* answers) {
  unreplicated_->Committed(progress.commit, now_us);
  ReleaseUpTo(progress.commit, &committed_, now_us, answers);
  ReleaseUpTo(std::min(progress.commit, progress.applied), &applied_, now_us, answers);
  for (auto at = durable_.begin(); at != durable_.end();) {
    ReleaseUpTo(progress.commit, &at->second, now_us, answers);
    ReleaseDurable(progress, &at->second, now_us, answers);
    at = at->second.empty() ? durable_.erase(at) : std::next(at);
  }
}

void AckGate::ReleaseUpTo(Slot slot, Line* line, int64_t now_us, AnswerBatch* answers) {
  while (!line->empty() && line->front().slot <= slot) {
    Leave(&line->front(), engine::Durability::kQuorum, now_us, answers);
    line->pop_front();
  }
}

void AckGate::ReleaseDurable(const Progress& progress, Line* line, int64_t now_us,
                             AnswerBatch* answers) {
  while (!line->empty() && progress.leased && line->front().slot <= progress.durable) {
    GatedAnswer& one = line->front();
    if (!unreplicated_->MayAck(one.keyspace, one.charges, progress.applied, one.sequenced_us,
                               now_us)) {
      if (!one.held_back) unreplicated_->Waited(one.keyspace);
      one.held_back = true;
      return;
    }
    unreplicated_->Acked(one.slot, one.charges, one.sequenced_us, now_us);
    Leave(&one, engine::Durability::kLocal, now_us, answers);
    line->pop_front();
  }
}

void AckGate::Leave(GatedAnswer* one, engine::Durability durability, int64_t now_us,
                    AnswerBatch* answers) {
  metrics_->write_us.Observe(
      static_cast<uint64_t>(std::max<int64_t>(0, now_us - one->queued_at_us)));
  if (one->answer.failure.ok()) metrics_->writes_acked.Add();
  last_ack_us_ = now_us;
  one->answer.durability = durability;
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
  for (GatedAnswer& one : *line) {
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
    --size_;
  }
  line->swap(kept);
}

void AckGate::EndReign(const Failure& redirect, const std::string& why, AnswerBatch* answers) {
  ForEachLine([&](Line* line) {
    for (const GatedAnswer& one : *line) {
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
    line->clear();
  });
  size_ = 0;
}

Slot AckGate::WaitsForApplied() const {
  return applied_.empty() ? kSlotNone : applied_.front().slot;
}

}  // namespace baton::server
