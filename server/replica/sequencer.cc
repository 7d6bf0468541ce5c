#include "server/replica/sequencer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/state/catalog.h"
#include "engine/storage/key_encoding.h"
#include "server/codec/stored_rows.h"
#include "server/replica/audit_words.h"
#include "server/replica/handover_rows.h"

namespace baton::server {
namespace {

// Where the effects lie inside an encoded entry.
std::string_view EffectsIn(const std::string& bytes, size_t size) {
  constexpr size_t kHashBytes = 8;
  return std::string_view(bytes).substr(bytes.size() - kHashBytes - size, size);
}

}  // namespace

Sequencer::Sequencer(const Parts& parts, const Limits& limits)
    : parts_(parts),
      limits_(limits),
      evaluator_(parts.engine, parts.overlay, &keyspaces_, parts.sizes),
      times_(parts.clock) {}

consensus::Entry Sequencer::BeginReign(const consensus::OpenReign& open, const EntryStamp& last,
                                       int64_t candidacy_us) {
  parts_.overlay->Clear();
  raises_.clear();
  times_.Begin(last.log_time_us, last.wall_time_us);
  // Whoever takes over goes on where the Seal ended: its leader gave nothing behind it, and nobody
  // else will below the Seal's ceiling, which is chosen. Else somebody may have given all of them.
  chosen_ceiling_ = last.revision_ceiling;
  next_revision_ = open.takes_over ? Revision{last.base_revision.value + last.request_count}
                                   : Revision{chosen_ceiling_.value + 1};
  stated_ceiling_ = Revision{chosen_ceiling_.value + kCeilingStep + 1};
  raises_.emplace_back(open.id.slot, stated_ceiling_);

  const EntryStamp stamp = NextStamp(last.log_floor);
  engine::EffectsWriter writer(next_revision_);
  writer.BeginRequest();
  reign_ = ReignRow{.reign = open.reign,
                    .slot = open.id.slot,
                    .log_time_us = stamp.log_time_us,
                    .wall_time_us = stamp.wall_time_us,
                    .candidacy_us = candidacy_us};
  writer.PutSystem(
      engine::SystemKey(engine::SystemTable::kReigns, ReignRowSuffix(open.reign.ballot)),
      EncodeReignRow(reign_));
  if (open.id.slot == Slot{1}) {
    writer.PutSystem(engine::KeyspaceRowKey(kDefaultKeyspace),
                     engine::EncodeKeyspace(engine::DefaultKeyspaceInfo(stamp.wall_time_us)));
  }
  writer.EndRequest();
  return Encode(open.id, open.reign, stamp, writer);
}

void Sequencer::Serve() {
  keyspaces_ = parts_.catalog->Read();
  sessions_.Begin(parts_.sessions->Read());
  const std::shared_ptr<const OrderBook::Page> page = parts_.orders->Read();
  orders_ = page->orders;
  policies_ = page->policies;
  std::vector<ReignRow> reigns = page->reigns;
  if (reigns.empty() || reigns.back().reign.ballot < reign_.reign.ballot) reigns.push_back(reign_);
  audit_ = AuditChain(page->audit, std::move(reigns));
  hold_downs_ = WhoFlapped(*page);
  records_recovery_ =
      parts_.recovered != nullptr && page->epoch < parts_.recovered->membership.epoch;
  NoteIdle(parts_.clock->LeaseNowUs());
  parts_.unreplicated->BeginReign(keyspaces_);
}

consensus::Entry Sequencer::ChangeMembers(const consensus::ProposeMembers& change,
                                          const consensus::Membership& before,
                                          const MembersNote& note, Slot log_floor) {
  BATON_CHECK(MayGiveRevisions());
  engine::EffectsWriter writer(next_revision_);
  RaiseCeiling(change.id.slot, Revision{next_revision_.value + 1});
  const EntryStamp stamp = NextStamp(log_floor);
  MembersRow row;
  row.membership = change.membership;
  row.slot = change.id.slot;
  row.log_time_us = stamp.log_time_us;
  row.wall_time_us = stamp.wall_time_us;
  row.actor = note.actor;
  row.reason = note.reason;
  writer.BeginRequest();
  writer.PutSystem(engine::SystemKey(engine::SystemTable::kMemberships,
                                     MembersRowSuffix(change.membership.epoch)),
                   EncodeMembersRow(row));
  WriteBeginning(row.slot, {row.log_time_us, row.wall_time_us}, &writer);
  AuditRow audit;
  audit.kind = AuditKind::kMembers;
  audit.what = "CHANGED";
  audit.object = "epoch " + std::to_string(change.membership.epoch.value) + ": " +
                 WordsOf(before, change.membership);
  audit.actor = note.actor;
  audit.reason = note.reason;
  Audit(std::move(audit), row.slot, {row.log_time_us, row.wall_time_us}, &writer);
  writer.EndRequest();
  return Encode(change.id, change.membership, stamp, writer);
}

consensus::Entry Sequencer::WriteHandover(EntryId id, HandoverRow* row, Slot log_floor) {
  BATON_CHECK(MayGiveRevisions());
  engine::EffectsWriter writer(next_revision_);
  RaiseCeiling(id.slot, Revision{next_revision_.value + 1});
  const EntryStamp stamp = NextStamp(log_floor);
  HandoverStep& step = row->steps.back();
  step.slot = id.slot;
  step.log_time_us = stamp.log_time_us;
  step.wall_time_us = stamp.wall_time_us;
  const bool first = row->number == 0;
  if (first) row->number = id.slot.value;
  writer.BeginRequest();
  PutHandover(*row, first, &writer);
  audit_.AppendReigns(&writer);
  WriteBeginning(id.slot, {stamp.log_time_us, stamp.wall_time_us}, &writer);
  AuditHandover(*row, id.slot, {stamp.log_time_us, stamp.wall_time_us}, &writer);
  writer.EndRequest();
  consensus::CorePart core;
  if (row->state() == HandoverState::kSealed) core = consensus::Seal{row->number, row->to};
  return Encode(id, core, stamp, writer);
}

void Sequencer::EndReign(const Failure& failure, AnswerBatch* answers) {
  parts_.metrics->refused_leader.Add(RefuseWaiting(failure, answers));
  raises_.clear();
  hold_downs_.clear();
  records_recovery_ = false;
  parts_.overlay->Clear();
  parts_.unreplicated->EndReign();
  sessions_.Begin({});
  parts_.metrics->sessions.Set(0);
  idle_due_us_ = kNever;
}

uint64_t Sequencer::RefuseWaiting(const Failure& failure, AnswerBatch* answers) {
  const uint64_t count = waiting_.size();
  while (!waiting_.empty()) answers->Fail(PopWaiting().to, failure);
  return count;
}

void Sequencer::Enqueue(QueuedWrite write) {
  next_deadline_us_ =
      waiting_.empty() ? write.deadline_us : std::min(next_deadline_us_, write.deadline_us);
  waiting_bytes_ += write.bytes;
  waiting_.push_back(std::move(write));
}

void Sequencer::Returned() {
  BATON_CHECK(parked_ > 0);
  --parked_;
}

void Sequencer::EnqueueFirst(QueuedWrite write) {
  next_deadline_us_ =
      waiting_.empty() ? write.deadline_us : std::min(next_deadline_us_, write.deadline_us);
  waiting_bytes_ += write.bytes;
  waiting_.push_front(std::move(write));
}

void Sequencer::Committed(Slot commit) {
  while (!raises_.empty() && raises_.front().first <= commit) {
    chosen_ceiling_ = raises_.front().second;
    raises_.pop_front();
  }
}

QueuedWrite Sequencer::PopWaiting() {
  QueuedWrite write = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= write.bytes;
  parts_.inbox->ReleaseCalls(1, write.bytes);
  return write;
}

LogTimes::Times Sequencer::Now() {
  const LogTimes::Times times = times_.Now();
  if (times.jumped) parts_.metrics->wall_clock_jumps.Add();
  return times;
}

EntryStamp Sequencer::NextStamp(Slot log_floor) {
  const LogTimes::Times times = Now();
  EntryStamp stamp;
  stamp.log_time_us = times.log_us;
  stamp.wall_time_us = times.wall_us;
  stamp.revision_ceiling = stated_ceiling_;
  stamp.log_floor = log_floor;
  return stamp;
}

std::optional<consensus::Entry> Sequencer::Cut(EntryId id, Slot log_floor, int64_t lease_end_us,
                                               AckGate* gate, AnswerBatch* answers) {
  evaluator_.BeginEntry(next_revision_);
  confirm_ = false;
  EntryStamp stamp = NextStamp(log_floor);
  sessions_.BeginEntry(id.slot, stamp.log_time_us, evaluator_.writer());
  const engine::EffectsWriter& effects = evaluator_.effects();
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (HasBeginning()) {
    evaluator_.writer()->BeginRequest();
    WriteBeginning(id.slot, Now(), evaluator_.writer());
    evaluator_.writer()->EndRequest();
  }
  uint64_t taken = 0;
  while (!waiting_.empty() && taken < limits_.entry_requests_max &&
         effects.bytes().size() < limits_.entry_bytes_target &&
         effects.next_revision() < chosen_ceiling_) {
    // One request more may exceed the target, never what an entry can hold.
    Take(Turn{PopWaiting(), id, now_us, lease_end_us, gate, answers});
    ++taken;
  }
  if (effects.empty() && !confirm_) return std::nullopt;
  RaiseCeiling(id.slot, effects.next_revision());
  stamp.revision_ceiling = stated_ceiling_;
  parts_.metrics->entry_requests.Observe(taken);
  return Encode(id, {}, stamp, effects);
}

void Sequencer::RaiseCeiling(Slot slot, Revision next) {
  if (next.value + kCeilingStep / 2 <= stated_ceiling_.value) return;
  stated_ceiling_ = Revision{stated_ceiling_.value + kCeilingStep};
  raises_.emplace_back(slot, stated_ceiling_);
}

consensus::Entry Sequencer::Encode(EntryId id, const consensus::CorePart& core, EntryStamp stamp,
                                   const engine::EffectsWriter& effects) {
  stamp.base_revision = effects.base();
  stamp.request_count = static_cast<uint32_t>(effects.requests());
  consensus::Entry entry{id, core, EncodeEntry(kFirstGroup, id, core, stamp, effects.bytes())};
  const absl::Status added = parts_.overlay->Add(
      id.slot, entry.bytes, EffectsIn(*entry.bytes, effects.bytes().size()), stamp.base_revision);
  BATON_CHECK(added.ok()) << "own effects cannot be read: " << std::string(added.message());
  next_revision_ = effects.next_revision();
  parts_.metrics->entries_proposed.Add();
  return entry;
}

void Sequencer::Take(Turn turn) {
  std::visit([&](const auto& request) { Evaluate(request, &turn); }, turn.write.request);
}

// An answer to what was evaluated just now: it waits for what the evaluation saw, the entries
// before and what this entry has so far.
GatedAnswer Sequencer::Gated(bool has_effect, Turn* turn) {
  if (!has_effect && parts_.clock->LeaseNowUs() >= turn->lease_end_us) confirm_ = true;
  GatedAnswer gated;
  gated.has_effect = has_effect;
  gated.slot = evaluator_.effects().empty() && !confirm_ ? turn->id.slot.Prev() : turn->id.slot;
  gated.to = std::move(turn->write.to);
  gated.deadline_us = turn->write.deadline_us;
  gated.queued_at_us = turn->write.queued_at_us;
  gated.sequenced_us = turn->now_us;
  gated.answer.position = Position{reign_.reign.ballot.round, gated.slot, Revision{}};
  return gated;
}

void Sequencer::Evaluate(const engine::WriteRequest& request, Turn* turn) {
  const bool local = IsLocal(request, turn->write.durability);
  const bool in_session = turn->write.stamp.session != 0;
  if (in_session && AnsweredBySession(turn)) return;
  KeyspaceId refused{};
  const auto allows = [&](const Charges& charges) {
    for (const Charge& charge : charges) {
      if (!parts_.unreplicated->Refuses(charge, turn->now_us)) continue;
      refused = charge.keyspace;
      return false;
    }
    return true;
  };
  engine::Evaluation evaluation = local ? evaluator_.Evaluate(request, turn->write.parked, allows)
                                        : evaluator_.Evaluate(request, turn->write.parked);
  switch (evaluation.outcome) {
    case engine::Evaluation::Outcome::kNeeds:
      return Park(turn, std::move(evaluation.needs));
    case engine::Evaluation::Outcome::kFailed:
      turn->answers->Fail(turn->write.to, UnreadableFailure(evaluation.status));
      parts_.fatal("the state cannot be read: " + std::string(evaluation.status.message()));
      return;
    case engine::Evaluation::Outcome::kRefused:
      return turn->answers->Fail(turn->write.to, BudgetUsedFailure(*keyspaces_.Get(refused)));
    case engine::Evaluation::Outcome::kDone:
      break;
  }
  engine::WriteResult& result = evaluation.result;
  if (in_session) sessions_.Keep(turn->write.stamp, result);
  GatedAnswer gated = Gated(in_session || result.revision != Revision{}, turn);
  gated.answer.position.revision = result.revision;
  if (result.rejection) gated.answer.failure = RejectedFailure(*result.rejection);
  gated.answer.result = std::move(result);
  if (local) {
    parts_.unreplicated->Sequenced(gated.slot, evaluation.charges, turn->now_us);
    gated.until = GatedAnswer::Until::kDurable;
    gated.keyspace = engine::KeyspaceOf(request, request.ops.front());
    gated.charges = std::move(evaluation.charges);
  }
  turn->gate->Add(std::move(gated));
}

// Whether the answer may leave before a quorum has the write, as far as modes are concerned. The
// strictest of the keyspaces decides.
bool Sequencer::IsLocal(const engine::WriteRequest& request, engine::Durability asked) const {
  if (asked == engine::Durability::kQuorum) return false;
  const auto async = [&](const auto& part) {
    return parts_.unreplicated->IsAsync(engine::KeyspaceOf(request, part));
  };
  return std::all_of(request.ops.begin(), request.ops.end(), async) &&
         std::all_of(request.conditions.begin(), request.conditions.end(), async);
}

void Sequencer::Evaluate(const engine::KeyspaceRequest& request, Turn* turn) {
  const LogTimes::Times times = Now();
  const engine::ChangeStamp stamp{turn->id.slot, times.log_us, times.wall_us};
  const engine::KeyspacePtr before = keyspaces_.Find(NameOf(request));
  absl::StatusOr<engine::KeyspaceResult> changed = evaluator_.Evaluate(request, stamp, &keyspaces_);
  GatedAnswer gated = Gated(changed.ok() && !changed->unchanged, turn);
  gated.until = GatedAnswer::Until::kApplied;
  if (!changed.ok()) {
    gated.answer.failure = KeyspaceRefusedFailure(changed.status());
    return turn->gate->Add(std::move(gated));
  }
  gated.answer.position.revision = changed->revision;
  if (gated.has_effect) {
    AuditKeyspace(request, before, changed->info, turn->id.slot, times);
    const KeyspaceId id = changed->info.id;
    if (const engine::KeyspacePtr now = keyspaces_.Find(id)) {
      parts_.unreplicated->Changed(now, gated.slot);
    } else {
      parts_.unreplicated->Dropped(id);
    }
  }
  gated.answer.result = *std::move(changed);
  turn->gate->Add(std::move(gated));
}

// Nobody waits: its node tells it again until it has applied it.
void Sequencer::Evaluate(const engine::LossRequest& told, Turn* turn) {
  engine::LossRequest request = told;
  engine::Evaluation looked = evaluator_.DropLogged(&request);
  if (looked.outcome == engine::Evaluation::Outcome::kFailed) {
    return parts_.fatal("the state cannot be read: " + std::string(looked.status.message()));
  }
  if (looked.outcome == engine::Evaluation::Outcome::kNeeds) {
    if (turn->write.parked < engine::kEvaluateParksMax) Park(turn, std::move(looked.needs));
    return;
  }
  if (request.losses.empty()) return;
  sessions_.MarkRepeats(&request);
  evaluator_.Evaluate(request);
  sessions_.KeepLosses(request);
  parts_.metrics->losses_logged.Add(request.losses.size());
}

void Sequencer::Park(Turn* turn, engine::Needs needs) {
  parts_.metrics->evaluations_parked.Add();
  if (parked_ >= kParkedMax) {
    turn->answers->Fail(turn->write.to,
                        OverloadedFailure("parked_max=" + std::to_string(kParkedMax)));
    parts_.metrics->refused_overload.Add();
    return;
  }
  ++parked_;
  ++turn->write.parked;
  parts_.readers->PostOwn([engine = parts_.engine, inbox = parts_.inbox, fatal = parts_.fatal,
                           write = std::move(turn->write), needs = std::move(needs)]() mutable {
    const absl::Status loaded = engine::Load(*engine, needs);
    if (!loaded.ok()) fatal("the state cannot be read: " + std::string(loaded.message()));
    inbox->PushReturned(std::move(write));
  });
}

void Sequencer::Expire(int64_t now_us, AnswerBatch* answers) {
  if (now_us < NextDeadlineUs()) return;
  std::deque<QueuedWrite> kept;
  next_deadline_us_ = kNever;
  while (!waiting_.empty()) {
    if (waiting_.front().deadline_us <= now_us) {
      answers->Fail(PopWaiting().to, DeadlineFailure());
      parts_.metrics->refused_deadline.Add();
      continue;
    }
    next_deadline_us_ = std::min(next_deadline_us_, waiting_.front().deadline_us);
    kept.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_.swap(kept);
}

}  // namespace baton::server
