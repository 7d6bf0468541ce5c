#include "server/replica/driver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/well_formed.h"
#include "server/codec/entry_codec.h"
#include "server/codec/stored_rows.h"
#include "server/replica/recover.h"

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

// The newest slot that a message of a leader says is committed.
Slot CommitIn(const consensus::MessageBody& body) {
  if (const auto* accept = std::get_if<consensus::Accept>(&body)) return accept->commit;
  if (const auto* tell = std::get_if<consensus::TellSlot>(&body)) return tell->slot;
  return Slot{};
}

uint64_t BytesOf(const std::vector<consensus::Entry>& entries) {
  uint64_t bytes = 0;
  for (const consensus::Entry& entry : entries) bytes += entry.size();
  return bytes;
}

// Reads entries back for the core. On a reader.
absl::StatusOr<LogReadDone> ReadBack(const wal::Wal& wal, const consensus::ReadLog& read) {
  LogReadDone done;
  done.read_id = read.read_id;
  auto records = wal.Read(kFirstGroup, read.first, read.last, read.bytes_max);
  if (absl::IsNotFound(records.status())) {
    done.missing = true;
    return done;
  }
  if (!records.ok()) return records.status();
  for (wal::EntryRecord& record : *records) {
    auto entry = ParseEntry(std::move(record.bytes), kFirstGroup, EntryHash::kVerified);
    if (!entry.ok()) return entry.status();
    done.entries.push_back(*std::move(entry));
  }
  return done;
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

// ---- Actions

void Driver::Do(consensus::Persist& persist) {
  LogBatch batch;
  batch.persist_id = persist.persist_id;
  for (const consensus::Message& message : persist.then_send) {
    CheckTold(message);
    trace_.Send(message);
  }
  batch.then_send = std::move(persist.then_send);
  if (persist.hard_state) {
    batch.records.push_back(wal::StateRecord{kFirstGroup, EncodeHardState(*persist.hard_state)});
  }
  if (!persist.entries.empty()) {
    if (persist.entries.front().id.slot <= written_)
      batch.replaces = persist.entries.front().id.slot;
    written_ = persist.entries.back().id.slot;
  }
  for (consensus::Entry& entry : persist.entries) {
    if (std::holds_alternative<consensus::Reign>(entry.core)) {
      newest_reign_ = entry.id;
    } else if (newest_reign_ && entry.id.slot <= newest_reign_->slot) {
      newest_reign_.reset();
    }
    batch.records.push_back(wal::EntryRecord{kFirstGroup, entry.id, std::move(entry.bytes)});
  }
  if (!persist.entries.empty() && core_.standing() == consensus::Standing::kLeader) {
    unsynced_.push_back(persist.persist_id);
  }
  parts_.log->Submit(std::move(batch));
}

void Driver::Do(consensus::Send& send) {
  CheckTold(send.message);
  parts_.transport->Send(std::move(send.message));
}

// Its receiver may serve at once what it is told is committed: who reads here by the lease must not
// see less.
void Driver::CheckTold(const consensus::Message& message) const {
  BATON_CHECK(!published_.open || CommitIn(message.body) <= published_.commit)
      << "a commit is told of that readers here do not see";
}

// Messages that tell of it leave before this round ends.
void Driver::Do(consensus::Commit& commit) {
  if (published_.open) {
    published_.commit = commit.slot;
    parts_.board->Publish(published_);
  }
  desk_.Committed(commit.slot);
  NoticeCommit();
  if (!newest_reign_ || commit.slot < newest_reign_->slot || told_ == newest_reign_->born) return;
  told_ = newest_reign_->born;
  parts_.metrics->leader_changes.Add();
  if (const auto hint = parts_.members->Hint(told_->node)) parts_.watch->Tell(*hint);
}

// Not what its own reign begins with: that is no write of anybody.
void Driver::NoticeCommit() {
  if (core_.standing() == consensus::Standing::kFollower || desk_.serving()) {
    election_.committed_us = parts_.clock->LeaseNowUs();
  }
}

void Driver::Do(consensus::ReadLog& read) {
  parts_.readers->PostOwn([wal = parts_.wal, inbox = &inbox_, fatal = parts_.fatal, read] {
    absl::StatusOr<LogReadDone> done = ReadBack(*wal, read);
    if (!done.ok()) {
      fatal("cannot read the log back: " + std::string(done.status().message()));
      return;
    }
    inbox->PushNotice(*std::move(done));
  });
}

void Driver::Do(consensus::ProveWrite&) {
  LogBatch batch;
  batch.probe = true;
  parts_.log->Submit(std::move(batch));
}

void Driver::Do(consensus::ProposeMembers& change) {
  members_.Propose(change);
  ProposeMembers();
}
void Driver::Do(consensus::MembersRefused& refused) { members_.Refused(refused); }
void Driver::Do(consensus::MembersSettled& settled) {
  spdlog::info("the members of epoch {} are settled", settled.epoch.value);
  members_.Settled(settled);
}

void Driver::Do(consensus::SendSnapshot& snapshot) {
  if (snapshot.log_only) {
    parts_.witness_offers->Begin(snapshot, core_);
  } else {
    parts_.snapshots_out->Begin(snapshot, applied_);
  }
}

void Driver::Do(consensus::InstallSnapshot& install) {
  parts_.metrics->snapshots_installed.Add();
  if (!parts_.install(parts_.snapshots_in->Intent(std::move(install.hard_state)))) {
    On(InstallFailed{});
  }
}

void Driver::Do(consensus::DropSnapshot&) { parts_.snapshots_in->Drop(); }

void Driver::Do(consensus::OpenReign& open) {
  election_.won_us = parts_.clock->LeaseNowUs();
  opening_ = open;
  if (open.id.slot == Slot{1}) return ProposeReign(EntryStamp{});
  const Slot last = open.id.slot.Prev();
  if (const consensus::Entry* entry = core_.log().Find(last)) {
    const auto decoded = DecodeEntry(*entry->bytes, EntryHash::kVerified);
    BATON_CHECK(decoded.ok()) << "an entry of this log cannot be read";
    return ProposeReign(decoded->stamp);
  }
  parts_.readers->PostOwn([wal = parts_.wal, inbox = &inbox_, last, ballot = open.reign.ballot] {
    inbox->PushNotice(StampRead{ballot, ReadStamp(*wal, last)});
  });
}

void Driver::ProposeReign(const EntryStamp& last) {
  const int64_t candidacy_us =
      candidate_since_us_ == 0 ? 0 : parts_.clock->LeaseNowUs() - candidate_since_us_;
  consensus::Entry entry = desk_.OpenReign(*opening_, last, candidacy_us);
  opening_.reset();
  Propose(std::move(entry));
}

void Driver::Propose(consensus::Entry entry) {
  Feed(consensus::Proposed{std::move(entry), desk_.log_floor()});
}

void Driver::Do(consensus::ReignOpened& opened) {
  desk_.ReignChosen();
  spdlog::info("reign {} is open: this node leads", ToString(opened.ballot));
}

void Driver::Do(consensus::StoppedLeading& stopped) {
  // Readers see the end of the reign before the overlay is emptied, and before any message that the
  // actions to follow may send.
  published_.open = false;
  parts_.board->Publish(published_);
  opening_.reset();
  candidate_since_us_ = 0;
  parts_.snapshots_out->EndReign();
  parts_.witness_offers->EndReign();
  // What was committed in this round is known to be.
  desk_.Release(parts_.clock->LeaseNowUs(), &answers_);
  const std::string why = "this node stopped leading: " + stopped.reason;
  if (const auto successor = handovers_.Successor()) desk_.HandedOverTo(*successor);
  handovers_.EndReign(desk_.Redirect(), desk_.last_ack_us());
  desk_.EndReign(why, &answers_);
  members_.EndReign(why);
  spdlog::info("reign {} has ended here: {}", ToString(stopped.ballot), stopped.reason);
}

void Driver::Do(consensus::SuffixReplaced& replaced) {
  spdlog::info("the log from slot {} on was replaced by another leader's", replaced.first.value);
}

void Driver::Do(consensus::ReadReady& ready) {
  if (ready.read_id >= LocalDesk::kFirstReadId) return local_.ReadReady(ready);
  // What the reader is about to answer from must be on the board for reads by lease to follow it.
  Publish();
  desk_.ReadReady(ready, published_);
}

void Driver::Do(consensus::ReadRefused& refused) {
  if (refused.read_id < LocalDesk::kFirstReadId) return desk_.ReadRefused(refused, &answers_);
  local_.ReadRefused(refused, parts_.clock->LeaseNowUs(), &answers_);
}

// ---- Work of each round

// A leader answers by its lease or a quorum whatever does not ask for a position.
void Driver::AdmitReads(std::vector<QueuedRead> reads, int64_t now_us,
                        std::vector<QueuedRead>* for_leader) {
  const bool leading = core_.standing() == consensus::Standing::kLeader;
  std::vector<QueuedRead> local;
  for (QueuedRead& read : reads) {
    const ReadLevel::Kind kind = read.level.kind;
    const bool here = leading ? kind == ReadLevel::Kind::kAtLeast : read.level.named();
    (here ? &local : for_leader)->push_back(std::move(read));
  }
  local_.Admit(std::move(local), now_us, &answers_);
}

Slot Driver::WaitsForApplied() const {
  return std::min(desk_.WaitsForApplied(), local_.WaitsForApplied());
}

// True: nothing waits to be proposed before anything else.
bool Driver::ProposeMembers() {
  if (!members_.proposal()) return true;
  std::optional<consensus::Entry> entry =
      desk_.ChangeMembers(*members_.proposal(), members_.note());
  if (!entry) return false;
  members_.Proposed();
  Propose(*std::move(entry));
  return true;
}

// As above.
bool Driver::ProposeHandover() {
  if (!handovers_.proposal()) return true;
  HandoverRow row = *handovers_.proposal();
  std::optional<consensus::Entry> entry = desk_.WriteHandover(&row);
  if (!entry) return false;
  handovers_.Proposed(std::move(row));
  Propose(*std::move(entry));
  return true;
}

void Driver::CutEntries() {
  if (!ProposeMembers() || !ProposeHandover()) return;
  if (parts_.disk->Full()) {
    if (desk_.HasWaiting()) desk_.RefuseWrites(DiskFullFailure(), &answers_);
    return;
  }
  while (std::optional<consensus::Entry> entry = desk_.Cut(unsynced_.size(), &answers_)) {
    Propose(*std::move(entry));
  }
}

void Driver::NoticeStanding() {
  trace_.Look(core_);
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (core_.standing() == consensus::Standing::kFollower) {
    candidate_since_us_ = 0;
  } else if (candidate_since_us_ == 0) {
    candidate_since_us_ = now_us;
    election_.Stand(core_, now_us);
  }
  if (core_.leader()) {
    leaderless_ = false;
    leader_until_us_ = core_.LeaderSilentAtUs();
    desk_.LeaderIsKnown();
  } else if (!std::exchange(leaderless_, true)) {
    election_.lost_us = std::min(now_us, leader_until_us_);
  }
}

// A leader's core asks for proofs itself.
void Driver::NoticeHealth(int64_t now_us) {
  const uint64_t unapplied = core_.log().last().slot.value - applied_.value;
  if (auto measured = parts_.health->Look(unapplied, now_us)) Feed(*measured);
  if (parts_.health->WantsProof() && !stopped_) {
    consensus::ProveWrite proof;
    Do(proof);
  }
  if (core_.health() != health_told_) {
    health_told_ = core_.health();
    parts_.board->SetHealth(health_told_);
  }
}

// A reign's entries end the log from some slot on. What stands below its first is found by asking
// for the newest entry of an earlier one.
void Driver::NoticeReign(Published* now) {
  const consensus::LogWindow& log = core_.log();
  const EntryId newest = log.IdAt(core_.commit());
  if (newest.born != reign_begin_.born) {
    const Ballot before{newest.born.round, NodeId{newest.born.node.value - 1}};
    reign_begin_ = EntryId{newest.born, log.NewestAtMost(EntryId{before, newest.slot}).slot.Next()};
  }
  now->reign_round = reign_begin_.born.round;
  now->reign_first = reign_begin_.slot;
}

void Driver::Publish() {
  Published now;
  now.standing = core_.standing();
  now.open = desk_.serving();
  now.stopping = stopped_;
  now.ballot = core_.promised();
  now.leader = core_.leader();
  now.ask = desk_.LeaderToAsk();
  now.expecting = target_.Expecting();
  now.durable = core_.durable();
  now.last = core_.log().last();
  now.commit = core_.commit();
  now.lease_end_us = now.open ? core_.LeaseEndUs() : 0;
  if (parts_.engine != nullptr) {
    now.fresh_as_of_us = core_.FreshAsOfUs(parts_.engine->applied());
  }
  NoticeReign(&now);
  published_ = now;
  parts_.board->Publish(published_);
  if (now.standing == consensus::Standing::kLeader) {
    for (const consensus::Member& member : core_.membership().members) {
      parts_.board->SetMatch(
          member.node, member.node == core_.self() ? now.durable : core_.MatchOf(member.node));
    }
  }
  Metrics& metrics = *parts_.metrics;
  metrics.promised_round.Set(now.ballot.round);
  metrics.is_leader.Set(now.open ? 1 : 0);
  metrics.has_leader.Set(now.leader ? 1 : 0);
  metrics.durable_slot.Set(now.durable.value);
  metrics.commit_slot.Set(now.commit.value);
}

void Driver::HandToApplier() {
  const Slot target = std::min(core_.commit(), core_.durable());
  if (target <= handed_) return;
  if (parts_.applier == nullptr) return KeepAsWitness(target);
  std::vector<ApplyItem> items;
  while (handed_ < target) {
    const Slot slot = handed_.Next();
    const consensus::Entry* entry = core_.log().Find(slot);
    if (entry != nullptr) {
      items.push_back(ApplyItem{slot, slot, entry->bytes});
    } else if (!items.empty() && items.back().bytes == nullptr) {
      items.back().last = slot;
    } else {
      items.push_back(ApplyItem{slot, slot, nullptr});
    }
    handed_ = slot;
  }
  parts_.applier->Submit(std::move(items));
}

// Nothing is applied; the log is kept until enough of those that apply it hold it.
void Driver::KeepAsWitness(Slot target) {
  for (Slot slot = handed_.Next(); slot <= target; slot = slot.Next()) {
    if (const consensus::Entry* entry = core_.log().Find(slot)) witness_bytes_ += entry->size();
  }
  handed_ = applied_ = target;
  parts_.metrics->applied_slot.Set(target.value);
  Feed(consensus::Applied{target});
  const Slot upto = std::min(core_.data_floor(), target.Prev());
  if (witness_bytes_ < parts_.truncate_bytes_min || upto <= trimmed_) return;
  witness_bytes_ = 0;
  On(TrimWanted{upto});
}

}  // namespace baton::server
