#include "server/replica/driver.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/well_formed.h"

namespace baton::server {
namespace {

// Reigns can begin while the disk is full.
bool BringsControl(const std::vector<consensus::Entry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const auto& entry) {
    return !std::holds_alternative<std::monostate>(entry.core);
  });
}

// The entries that a message brings to be written; null: none.
const std::vector<consensus::Entry>* EntriesOf(const consensus::Message& message) {
  if (const auto* accept = std::get_if<consensus::Accept>(&message.body)) return &accept->entries;
  if (const auto* fetched = std::get_if<consensus::Fetched>(&message.body)) {
    return &fetched->entries;
  }
  return nullptr;
}

// Whether the core has no part in it.
bool IsTheDrivers(const consensus::MessageBody& body) {
  return std::holds_alternative<consensus::LossReport>(body) ||
         std::holds_alternative<consensus::SnapshotOffer>(body) ||
         std::holds_alternative<consensus::SnapshotChunk>(body) ||
         std::holds_alternative<consensus::SnapshotPull>(body) ||
         std::holds_alternative<consensus::HandoverTalk>(body);
}

uint64_t BytesOf(const std::vector<consensus::Entry>& entries) {
  uint64_t bytes = 0;
  for (const consensus::Entry& entry : entries) bytes += entry.size();
  return bytes;
}

}  // namespace

Driver::Driver(const Parts& parts, const consensus::Config& config,
               const consensus::Recovered& recovered, const LoopInbox::Limits& inbox_limits,
               const LeaderDesk::Limits& desk_limits, const LocalDesk::Limits& local_limits,
               const HandoverDesk::Limits& handover_limits)
    : parts_(parts),
      inbox_(inbox_limits, &wakeup()),
      core_(config, recovered, parts.clock->LeaseNowUs()),
      desk_(&core_, parts.members, parts.reads,
            Sequencer::Parts{parts.engine, parts.overlay, parts.catalog, parts.sessions,
                             parts.orders, parts.sizes, parts.unreplicated, parts.clock,
                             parts.readers, &inbox_, parts.metrics, parts.fatal, parts.recovered},
            desk_limits),
      local_(&core_, LocalDesk::Parts{parts.applied_reads, parts.readers, &inbox_, parts.metrics},
             local_limits, config.timing.lease_us),
      members_(&core_, parts.members, parts.transport),
      handovers_(HandoverDesk::Parts{&core_, parts.members, parts.engine, parts.overlay,
                                     parts.orders, parts.meter, parts.readers, &inbox_,
                                     parts.transport, parts.clock, parts.metrics, parts.fatal},
                 handover_limits),
      target_(HandoverTarget::Parts{&core_, parts.meter, parts.disk, parts.wal, parts.snapshots_in,
                                    parts.health, parts.transport, parts.clock}),
      written_(recovered.last),
      applied_(recovered.applied),
      handed_(recovered.applied),
      trace_(parts.members) {
  desk_.Applied(recovered.applied);
  Publish();
}

bool Driver::RunOnce() {
  const bool any = inbox_.Take(&work_);
  const int64_t now_us = parts_.clock->LeaseNowUs();
  // An entry is due without news when requests without effects filled the one before.
  if (!any && work_.applied < WaitsForApplied() && now_us < NextDeadlineUs() &&
      !desk_.CutDue(unsynced_.size())) {
    return false;
  }
  if (work_.applied > applied_) {
    applied_ = work_.applied;
    Feed(consensus::Applied{applied_});
    parts_.overlay->ForgetUpTo(applied_);
    desk_.Applied(applied_);
  }
  Receive(std::move(work_.messages));
  for (Notice& notice : work_.notices) {
    std::visit([this](auto& one) { On(one); }, notice);
  }
  if (now_us >= core_.NextDeadlineUs()) Feed(consensus::Tick{});
  if (work_.stop && !stopped_) Stop();
  desk_.ServeIfApplied();
  target_.Advance(applied_, now_us);
  desk_.Expect(target_.Expecting(), &answers_);
  std::vector<QueuedRead> reads;
  AdmitReads(std::move(work_.reads), now_us, &reads);
  desk_.Admit(std::move(work_.writes), std::move(work_.returned), std::move(reads), &answers_);
  for (QueuedMembersCall& call : work_.members_calls) {
    if (auto asked = members_.Admit(std::move(call))) Feed(*std::move(asked));
  }
  if (const auto asked = desk_.AskForReads()) Feed(*asked);
  if (const auto asked = local_.AskForReads()) Feed(*asked);
  for (QueuedHandoverCall& call : work_.handover_calls) handovers_.Admit(std::move(call));
  RunHandovers(now_us);
  RunSnapshots();
  if (parts_.losses != nullptr && !stopped_) parts_.losses->RunDue(applied_);
  CutEntries();
  desk_.Release(parts_.clock->LeaseNowUs(), &answers_);
  desk_.Expire(now_us, &answers_);
  local_.Expire(now_us, &answers_);
  members_.Expire(now_us);
  handovers_.Expire(now_us);
  members_.Notice();
  NoticeStanding();
  NoticeHealth(now_us);
  // A commit is published before the answers, and the state, that follow from it can be seen.
  Publish();
  local_.Advance(applied_, published_.reign_round, now_us, &answers_);
  answers_.Deliver();
  HandToApplier();
  parts_.waiters->Run(applied_, now_us);
  inbox_.WakeAtApplied(WaitsForApplied());
  return true;
}

int64_t Driver::NextDeadlineUs() const {
  if (stopped_) return kNever;
  return std::min({core_.NextDeadlineUs(), desk_.NextDeadlineUs(), local_.NextDeadlineUs(),
                   members_.NextDeadlineUs(), handovers_.NextDeadlineUs(), target_.NextDeadlineUs(),
                   parts_.health->NextDeadlineUs(), parts_.snapshots_out->NextDeadlineUs(),
                   parts_.snapshots_in->NextDeadlineUs(), parts_.witness_offers->NextDeadlineUs(),
                   parts_.losses == nullptr ? kNever : parts_.losses->NextDeadlineUs()});
}

// ---- Events

void Driver::Feed(consensus::EventBody body) {
  events_.push_back(std::move(body));
  if (stepping_) return;
  stepping_ = true;
  while (!events_.empty()) {
    const consensus::Event event{parts_.clock->LeaseNowUs(), std::move(events_.front())};
    events_.pop_front();
    consensus::Actions actions = core_.Step(event);
    for (consensus::Action& action : actions) {
      std::visit([this](auto& one) { Do(one); }, action);
    }
  }
  stepping_ = false;
}

void Driver::Receive(std::vector<consensus::Message> messages) {
  if (messages.empty() || stopped_) return;
  parts_.metrics->messages_received.Add(messages.size());
  for (consensus::Message& message : messages) {
    if (IsTheDrivers(message.body)) {
      Take(message);
    } else if (HasRoomFor(message)) {
      election_.Hear(message, core_);
      Feed(consensus::Received{std::move(message)});
    } else {
      parts_.metrics->messages_dropped.Add();
    }
  }
}

// These do not pass through the core, which looks at all others in the same way.
void Driver::Take(const consensus::Message& message) {
  const bool for_this = message.to == core_.self() && message.group == kFirstGroup;
  if (!for_this || message.from == core_.self() || !consensus::WellFormed(message)) {
    parts_.metrics->messages_dropped.Add();
    return;
  }
  if (const auto* offer = std::get_if<consensus::SnapshotOffer>(&message.body)) {
    parts_.snapshots_in->OnOffer(message.from, *offer, core_);
  } else if (const auto* chunk = std::get_if<consensus::SnapshotChunk>(&message.body)) {
    parts_.snapshots_in->OnChunk(message.from, *chunk);
  } else if (const auto* pull = std::get_if<consensus::SnapshotPull>(&message.body)) {
    parts_.snapshots_out->OnPull(message.from, *pull);
  } else if (const auto* talk = std::get_if<consensus::HandoverTalk>(&message.body)) {
    TakeWord(message.from, *talk->word);
  } else if (const auto* report = std::get_if<consensus::LossReport>(&message.body)) {
    auto told = engine::DecodeLosses(*report->losses);
    if (!told.ok()) {
      parts_.metrics->messages_dropped.Add();
    } else if (desk_.serving()) {  // else it is told again
      LogLosses(*std::move(told));
    }
  }
}

void Driver::TakeWord(NodeId from, std::string_view bytes) {
  const absl::StatusOr<HandoverWord> word = DecodeHandoverWord(bytes);
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (!word.ok()) {
    parts_.metrics->messages_dropped.Add();
  } else if (const auto* ask = std::get_if<AskReady>(&*word)) {
    target_.On(from, *ask);
  } else if (const auto* told = std::get_if<TellReady>(&*word)) {
    handovers_.On(from, *told, now_us);
  } else {
    handovers_.On(std::get<TellHanded>(*word), now_us);
  }
}

void Driver::RunHandovers(int64_t now_us) {
  if (desk_.serving() && !handovers_.serving()) {
    handovers_.Serve(desk_.reign_slot(), election_, desk_.first_commit_us(), now_us);
  }
  if (const auto given_up = handovers_.Advance(now_us)) Feed(*given_up);
}

void Driver::On(LossesFound& found) {
  engine::LossRequest told = parts_.losses->On(std::move(found));
  if (told.losses.empty() || stopped_) return;
  if (desk_.serving()) return LogLosses(std::move(told));
  const std::optional<NodeId> leader = core_.leader();
  if (!leader || *leader == core_.self()) return;  // told later
  auto report = std::make_shared<const std::string>(engine::EncodeLosses(told));
  parts_.transport->Send(
      {.from = core_.self(), .to = *leader, .body = consensus::LossReport{std::move(report)}});
}

// Nobody waits for the answer: what does not get into the log is told again.
void Driver::LogLosses(engine::LossRequest told) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  QueuedWrite write{.deadline_us = now_us + kLogLossesUs, .queued_at_us = now_us};
  for (const engine::Loss& loss : told.losses) write.bytes += loss.key.size() + loss.value.size();
  write.request = std::move(told);
  std::vector<QueuedWrite> writes;
  writes.push_back(std::move(write));
  std::vector<QueuedRead> reads;
  inbox_.PushCalls(&writes, &reads);
}

void Driver::On(const PieceWritten& written) {
  if (auto received = parts_.snapshots_in->On(written)) Feed(*std::move(received));
}

// The core that wanted it does nothing any more. Without the note the node comes back as it was,
// and is sent another snapshot.
void Driver::On(const InstallFailed&) {
  if (stopped_) return;
  parts_.snapshots_in->CannotInstall();
  parts_.reopen();
}

void Driver::RunSnapshots() {
  if (stopped_) return;
  parts_.snapshots_in->RunDue();
  for (const consensus::SnapshotEnded& ended : parts_.snapshots_out->RunDue(core_)) Feed(ended);
  for (const consensus::SnapshotEnded& ended : parts_.witness_offers->RunDue(core_)) Feed(ended);
}

bool Driver::HasRoomFor(const consensus::Message& message) {
  const std::vector<consensus::Entry>* entries = EntriesOf(message);
  if (entries == nullptr || entries->empty()) return true;
  const uint64_t backlog = parts_.applier == nullptr ? 0 : parts_.applier->backlog_bytes();
  if (backlog > kApplyBacklogBytesMax) return false;
  if (!parts_.disk->Full()) return true;
  // A new reign may bring all that was dropped before. Half: segments are not filled to the end.
  return BringsControl(*entries) && BytesOf(*entries) <= parts_.wal->RoomBytes() / 2;
}

void Driver::On(const TurnDone& done) {
  if (done.persist_id != 0) {
    while (!unsynced_.empty() && unsynced_.front() <= done.persist_id) unsynced_.pop_front();
    Feed(consensus::Persisted{done.persist_id});
  }
  if (done.base) {
    parts_.metrics->base_slot.Set(done.base->slot.value);
    Feed(consensus::Truncated{*done.base});
  }
  if (done.probed) Feed(consensus::WriteProved{});
}

void Driver::On(LogReadDone& done) {
  Feed(consensus::LogRead{done.read_id, std::move(done.entries), done.missing});
}

// Where another leads meanwhile the entry may be gone, and nobody asks.
void Driver::On(const StampRead& read) {
  if (!opening_ || opening_->reign.ballot != read.ballot) return;
  if (read.stamp.ok()) return ProposeReign(*read.stamp);
  parts_.fatal("cannot read the log back: " + std::string(read.stamp.status().message()));
}

void Driver::On(const TrimWanted& wanted) {
  // Entries up to the applied slot are chosen: they are this log's for ever.
  if (wanted.upto <= std::max(core_.log().base().slot, trimmed_)) return;
  trimmed_ = wanted.upto;
  BATON_CHECK(wanted.upto < core_.log().last().slot && wanted.upto <= core_.commit());
  LogBatch batch;
  batch.base = core_.log().IdAt(wanted.upto);
  batch.records.push_back(wal::BaseRecord{kFirstGroup, batch.base});
  parts_.log->Submit(std::move(batch));
}

void Driver::Stop() {
  stopped_ = true;
  desk_.Stop();
  local_.Stop(&answers_);
  members_.Stop();
  handovers_.Stop();
  target_.Stop();
  Feed(consensus::Stopping{});
}

}  // namespace baton::server
