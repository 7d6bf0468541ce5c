#include "server/replica/leader_desk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {

LeaderDesk::LeaderDesk(const consensus::Replica* core, const MemberTable* members,
                       ReadService* reads, const Sequencer::Parts& parts, const Limits& limits)
    : core_(core),
      members_(members),
      read_service_(reads),
      readers_(parts.readers),
      inbox_(parts.inbox),
      clock_(parts.clock),
      metrics_(parts.metrics),
      limits_(limits),
      sequencer_(parts, limits.sequencer),
      gate_(parts.unreplicated, parts.metrics) {}

consensus::Entry LeaderDesk::OpenReign(const consensus::OpenReign& open, const EntryStamp& last,
                                       int64_t candidacy_us) {
  reign_slot_ = open.id.slot;
  successor_.reset();
  takes_over_ = open.takes_over;
  chosen_ = sequencing_ = serving_ = false;
  first_commit_us_ = 0;
  log_floor_ = last.log_floor;
  return sequencer_.BeginReign(open, last, candidacy_us);
}

std::optional<consensus::Entry> LeaderDesk::ChangeMembers(const consensus::ProposeMembers& change,
                                                          const MembersNote& note) {
  if (!serving_ || !sequencer_.MayGiveRevisions()) return std::nullopt;
  return sequencer_.ChangeMembers(change, core_->membership(), note, RaiseLogFloor());
}

std::optional<consensus::Entry> LeaderDesk::WriteHandover(HandoverRow* row) {
  if (!serving_ || !core_->MayPropose() || !sequencer_.MayGiveRevisions()) return std::nullopt;
  return sequencer_.WriteHandover(core_->NextEntryId(), row, RaiseLogFloor());
}

void LeaderDesk::ReignChosen() {
  BATON_CHECK(Leading());
  chosen_ = true;
  metrics_->reigns_opened.Add();
}

Slot LeaderDesk::SequencesAt() const {
  if (chosen_) return reign_slot_;
  return Leading() && takes_over_ ? reign_slot_.Prev() : kSlotNone;
}

void LeaderDesk::ServeIfApplied() {
  if (!sequencing_ && applied_ >= SequencesAt()) {
    sequencing_ = true;
    sequencer_.Serve();
  }
  serving_ = chosen_ && applied_ >= reign_slot_;
}

Failure LeaderDesk::Redirect() const {
  return stopping_ ? ShuttingDownFailure() : NotLeaderFailure(members_->Hint(LeaderToAsk()));
}

std::optional<NodeId> LeaderDesk::LeaderToAsk() const {
  const std::optional<NodeId> leader = core_->leader();
  return leader ? leader : successor_;
}

bool LeaderDesk::Takes() const {
  return expecting_ || core_->standing() == consensus::Standing::kLeader;
}

void LeaderDesk::Expect(bool expecting, AnswerBatch* answers) {
  const bool ended = expecting_ && !expecting;
  expecting_ = expecting;
  if (ended && !Takes()) RefuseAll(Redirect(), answers);
}

void LeaderDesk::RefuseAll(const Failure& failure, AnswerBatch* answers) {
  metrics_->refused_leader.Add(sequencer_.RefuseWaiting(failure, answers));
  for (const QueuedRead& read : reads_) RefuseRead(read, failure, answers);
  reads_.clear();
}

void LeaderDesk::EndReign(const std::string& why, AnswerBatch* answers) {
  const Failure failure = Redirect();
  reign_slot_ = Slot{};
  chosen_ = sequencing_ = serving_ = false;
  gate_.EndReign(failure, why, answers);
  sequencer_.EndReign(failure, answers);
  RefuseAll(failure, answers);
  for (const auto& [id, reads] : asked_) {
    for (const QueuedRead& read : reads) RefuseRead(read, failure, answers);
  }
  asked_.clear();
}

void LeaderDesk::RefuseRead(const QueuedRead& read, const Failure& failure, AnswerBatch* answers) {
  inbox_->ReleaseCalls(1, read.bytes);
  answers->Fail(read.to, failure);
  metrics_->refused_leader.Add();
}

void LeaderDesk::Admit(std::vector<QueuedWrite> writes, std::vector<QueuedWrite> returned,
                       std::vector<QueuedRead> reads, AnswerBatch* answers) {
  EndIdleSessions();
  const bool takes = Takes();
  const Failure failure = takes ? Failure() : Redirect();
  for (QueuedWrite& write : returned) {
    sequencer_.Returned();
    if (takes) {
      sequencer_.EnqueueFirst(std::move(write));
    } else {
      inbox_->ReleaseCalls(1, write.bytes);
      answers->Fail(write.to, failure);
    }
  }
  for (QueuedWrite& write : writes) {
    if (takes) {
      sequencer_.Enqueue(std::move(write));
    } else {
      inbox_->ReleaseCalls(1, write.bytes);
      answers->Fail(write.to, failure);
      metrics_->refused_leader.Add();
    }
  }
  for (QueuedRead& read : reads) {
    if (takes) {
      next_read_deadline_us_ = std::min(next_read_deadline_us_, read.deadline_us);
      reads_.push_back(std::move(read));
    } else {
      RefuseRead(read, failure, answers);
    }
  }
}

void LeaderDesk::EndIdleSessions() {
  const int64_t now_us = clock_->LeaseNowUs();
  if (now_us >= sequencer_.IdleDueUs()) PushOwn(sequencer_.EndIdle(now_us));
}

// A request of the leader's own comes as any other does; when too many wait it is dropped.
void LeaderDesk::PushOwn(QueuedWrite write) {
  std::vector<QueuedWrite> writes;
  std::vector<QueuedRead> reads;
  writes.push_back(std::move(write));
  inbox_->PushCalls(&writes, &reads);
}

std::optional<consensus::ReadRequested> LeaderDesk::AskForReads() {
  if (!serving_ || reads_.empty()) return std::nullopt;
  const uint64_t id = next_read_id_++;
  asked_.emplace(id, std::move(reads_));
  reads_.clear();
  metrics_->read_rounds.Add();
  return consensus::ReadRequested{id};
}

void LeaderDesk::ReadReady(const consensus::ReadReady& ready, const Published& now) {
  const auto found = asked_.find(ready.read_id);
  if (found == asked_.end()) return;
  auto reads = std::make_shared<std::vector<QueuedRead>>(std::move(found->second));
  asked_.erase(found);
  uint64_t bytes = 0;
  for (const QueuedRead& read : *reads) bytes += read.bytes;
  readers_->PostOwn(
      [service = read_service_, inbox = inbox_, now, slot = ready.slot, reads, bytes] {
        inbox->ReleaseCalls(reads->size(), bytes);
        service->ServeAt(now, slot, std::move(*reads));
      });
}

void LeaderDesk::ReadRefused(const consensus::ReadRefused& refused, AnswerBatch* answers) {
  const auto found = asked_.find(refused.read_id);
  if (found == asked_.end()) return;
  const Failure failure = Redirect();
  for (const QueuedRead& read : found->second) RefuseRead(read, failure, answers);
  asked_.erase(found);
}

void LeaderDesk::Committed(Slot commit) {
  sequencer_.Committed(commit);
  if (Leading() && commit > reign_slot_ && first_commit_us_ == 0) {
    first_commit_us_ = clock_->LeaseNowUs();
  }
}

void LeaderDesk::Release(int64_t now_us, AnswerBatch* answers) {
  Progress progress;
  progress.commit = core_->commit();
  progress.durable = core_->durable();
  progress.applied = applied_;
  progress.leased =
      serving_ && core_->standing() == consensus::Standing::kLeader && now_us < core_->LeaseEndUs();
  gate_.Release(progress, now_us, answers);
}

Slot LeaderDesk::WaitsForApplied() const {
  if (!sequencing_) return SequencesAt();
  if (chosen_ && !serving_) return reign_slot_;
  if (sequencer_.HasWaiting() && sequencer_.OverlayFull()) return applied_.Next();
  return gate_.WaitsForApplied();
}

Slot LeaderDesk::RaiseLogFloor() {
  Slot floor = std::min(core_->commit(), core_->durable());
  for (const NodeId node : core_->configurations().Members()) {  // those that leave too
    if (node != core_->self()) floor = std::min(floor, core_->MatchOf(node));
  }
  log_floor_ = std::max(log_floor_, floor);
  return log_floor_;
}

bool LeaderDesk::CutDue(uint64_t unsynced) const {
  if (!sequencing_ || !sequencer_.HasWaiting() || !core_->MayPropose()) return false;
  if (unsynced >= kUnsyncedEntriesMax) return false;
  // What waits for a reign to begin waits no longer.
  if (unsynced > 0 && chosen_ && !sequencer_.HasFullEntry()) return false;
  return gate_.size() < limits_.unanswered_calls_max && !sequencer_.OverlayFull() &&
         sequencer_.MayGiveRevisions();
}

std::optional<consensus::Entry> LeaderDesk::Cut(uint64_t unsynced, AnswerBatch* answers) {
  if (!CutDue(unsynced)) return std::nullopt;
  return sequencer_.Cut(core_->NextEntryId(), RaiseLogFloor(), core_->LeaseEndUs(), &gate_,
                        answers);
}

void LeaderDesk::RefuseWrites(const Failure& failure, AnswerBatch* answers) {
  metrics_->refused_disk.Add(sequencer_.RefuseWaiting(failure, answers));
}

void LeaderDesk::Expire(int64_t now_us, AnswerBatch* answers) {
  sequencer_.Expire(now_us, answers);
  gate_.Expire(now_us, answers);
  if (now_us < next_read_deadline_us_) return;
  next_read_deadline_us_ = kNever;
  ExpireReads(&reads_, now_us, answers);
  for (auto asked = asked_.begin(); asked != asked_.end();) {
    ExpireReads(&asked->second, now_us, answers);
    asked = asked->second.empty() ? asked_.erase(asked) : std::next(asked);
  }
}

void LeaderDesk::ExpireReads(std::vector<QueuedRead>* reads, int64_t now_us, AnswerBatch* answers) {
  std::vector<QueuedRead> kept;
  for (QueuedRead& read : *reads) {
    if (read.deadline_us > now_us) {
      next_read_deadline_us_ = std::min(next_read_deadline_us_, read.deadline_us);
      kept.push_back(std::move(read));
      continue;
    }
    inbox_->ReleaseCalls(1, read.bytes);
    answers->Fail(read.to, DeadlineFailure());
    metrics_->refused_deadline.Add();
  }
  reads->swap(kept);
}

int64_t LeaderDesk::NextDeadlineUs() const {
  return std::min({sequencer_.NextDeadlineUs(), sequencer_.IdleDueUs(), gate_.NextDeadlineUs(),
                   next_read_deadline_us_});
}

}  // namespace baton::server
