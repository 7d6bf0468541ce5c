#include "server/replica/running_node.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/state/digest.h"
#include "engine/state/limits.h"
#include "engine/storage/key_encoding.h"
#include "server/replica/recover.h"

namespace baton::server {
namespace {

constexpr uint32_t kLogThreads = 2;   // they take turns: see DurableLog
constexpr uint64_t kCallBytes = 128;  // charged to the queue for a call beside its bytes

uint64_t BytesOf(const GetCall& get) {
  uint64_t bytes = kCallBytes;
  for (const std::string& key : get.keys) bytes += key.size();
  return bytes;
}

// Calls without a deadline wait for as long as the node stands.
int64_t DeadlineOf(const CallContext& context) {
  return context.deadline_us > 0 ? context.deadline_us : kNever;
}

consensus::Config CoreConfig(const ReplicaOptions& options) {
  consensus::Config config;
  config.self = options.self.node;
  config.timing = options.timing;
  config.seed = options.seed;
  config.lease_reads = options.lease_reads;
  return config;
}

// What is to be recorded of it, once this node leads; its entry gives the rest.
std::optional<MembersRow> RecoveredOf(const ReplicaOptions& options) {
  if (!options.recovery) return std::nullopt;
  MembersRow row;
  row.membership = MembershipOf(options.epoch, options.members);
  row.actor = options.recovery->actor;
  row.reason = absl::StrCat("unsafe recovery, approved by ", options.recovery->approved_by, ": ",
                            options.recovery->reason, "; left behind:");
  for (const MemberInfo& member : options.recovery->left_behind) {
    absl::StrAppend(&row.reason, " ", member.name, "#", member.node.value);
  }
  absl::StrAppend(&row.reason, "; the log ended at slot ", options.recovery->last.slot.value,
                  " of reign ", ToString(options.recovery->last.born));
  return row;
}

}  // namespace

RunningNode::RunningNode(const ReplicaOptions& options, const Seams& seams,
                         std::unique_ptr<wal::Wal> wal, std::unique_ptr<DroppedEntries> dropped,
                         const consensus::Recovered& recovered)
    : options_(options),
      seams_(seams),
      recovered_(RecoveredOf(options)),
      members_(MembersOf(recovered.hard_state.configurations)),
      wal_(std::move(wal)),
      dropped_(std::move(dropped)),
      disk_(wal_.get(), seams.fs, options.wal_directory, options.wal.segment_bytes,
            options.disk_reserve_bytes, seams.worker, seams.clock, &metrics_, options.fatal),
      meter_(options.timing.stall_us),
      worker_(seams.worker),
      readers_(options.reader_jobs_max) {
  log_ = std::make_unique<DurableLog>(
      wal_.get(), seams.transport, seams.clock, &meter_, &metrics_,
      DurableLog::Hooks{[this](const TurnDone& done) { driver_->inbox().PushNotice(done); },
                        [this] { disk_.PrepareSegments(); }, options_.fatal, KeepsDropped()});
  if (seams.engine != nullptr)
    applier_ = std::make_unique<Applier>(
        seams.engine, &catalog_, &sessions_, &orders_, &sizes_, wal_.get(), seams.clock, &metrics_,
        Applier::Limits{options.replay_bytes_max, options.truncate_bytes_min,
                        options.log_retention_bytes},
        Applier::Hooks{[this](Slot applied) { driver_->inbox().PushApplied(applied); },
                       [this](Slot upto) { driver_->inbox().PushNotice(TrimWanted{upto}); },
                       [this](std::vector<KeyspaceId> keyspaces) { FreeDropped(keyspaces); },
                       options_.fatal});
  health_ =
      std::make_unique<HealthProbe>(options.self.node, options.wishes, options.timing.lease_us,
                                    HealthProbe::Parts{&meter_, &disk_, applier_.get(), wal_.get(),
                                                       &orders_, seams.clock, &metrics_});
  applied_reads_ = std::make_unique<AppliedReads>(
      AppliedReads::Parts{seams.engine, &overlay_, &board_, seams.clock, &readers_, &metrics_});
  reads_ = std::make_unique<ReadService>(ReadService::Parts{
      seams.engine, &overlay_, &catalog_, &board_, seams.clock, &members_, &readers_,
      [this](std::vector<QueuedRead>* reads) {
        std::vector<QueuedWrite> none;
        return driver_->inbox().PushCalls(&none, reads);
      },
      &metrics_});
  snapshots_out_ = std::make_unique<SnapshotSender>(
      SnapshotSender::Parts{options.self.node, seams.engine, wal_.get(), &worker_, seams.transport,
                            seams.clock, &metrics_, OutgoingImage(options.snapshot_directory),
                            Inbox<ImageMade>(), Inbox<PieceRead>(),
                            [this](Slot slot) { applier_->KeepLogAbove(slot); },
                            [this] { return applier_->added_bytes(); },
                            [this] { return disk_.NearlyFull(); }, options_.fatal},
      SnapshotSender::Limits{options.snapshot_bytes_per_second, options.log_retention_bytes},
      options.seed);
  witness_offers_ = std::make_unique<WitnessOffers>(
      WitnessOffers::Parts{options.self.node, wal_.get(), &worker_, seams.transport, seams.clock,
                           Inbox<FirstEntryRead>(), options_.fatal},
      options.seed);
  snapshots_in_ = std::make_unique<SnapshotReceiver>(
      SnapshotReceiver::Parts{options.self.node, seams.engine, &worker_, seams.transport,
                              seams.clock, &metrics_, IncomingImage(options.snapshot_directory),
                              Inbox<PieceWritten>(), [this] { return RoomForImages(); }});
  if (dropped_ != nullptr) {
    losses_ = std::make_unique<LossDesk>(
        LossDesk::Parts{options.self.node, LossSources{seams.engine, &overlay_, dropped_.get()},
                        &worker_, seams.clock, Inbox<LossesFound>()});
  }
  Driver::Parts parts;
  parts.engine = seams.engine;
  parts.overlay = &overlay_;
  parts.catalog = &catalog_;
  parts.sessions = &sessions_;
  parts.orders = &orders_;
  parts.recovered = recovered_ ? &*recovered_ : nullptr;
  parts.sizes = &sizes_;
  parts.unreplicated = &unreplicated_;
  parts.wal = wal_.get();
  parts.transport = seams.transport;
  parts.clock = seams.clock;
  parts.members = &members_;
  parts.board = &board_;
  parts.watch = &watch_;
  parts.waiters = &waiters_;
  parts.log = log_.get();
  parts.disk = &disk_;
  parts.health = health_.get();
  parts.meter = &meter_;
  parts.applier = applier_.get();
  parts.readers = &readers_;
  parts.reads = reads_.get();
  parts.applied_reads = applied_reads_.get();
  parts.metrics = &metrics_;
  parts.snapshots_out = snapshots_out_.get();
  parts.witness_offers = witness_offers_.get();
  parts.losses = losses_.get();
  parts.snapshots_in = snapshots_in_.get();
  parts.install = [this](SnapshotIntent intent) { return NoteInstall(std::move(intent)); };
  parts.reopen = options_.reopen;
  parts.truncate_bytes_min = options.truncate_bytes_min;
  parts.fatal = options_.fatal;
  driver_ = std::make_unique<Driver>(
      parts, CoreConfig(options), recovered,
      LoopInbox::Limits{options.queue_calls_max, options.queue_bytes_max,
                        options.message_queue_max},
      LeaderDesk::Limits{options.unanswered_calls_max,
                         Sequencer::Limits{options.entry_bytes_target, options.entry_requests_max,
                                           options.overlay_bytes_max}},
      LocalDesk::Limits{options.waiting_reads_max, options.waiting_read_bytes_max},
      HandoverDesk::Limits{options.timing.lease_us, options.write_objective_us});
  seams_.transport->SetMembers(members_.Read()->all);
  metrics_.applied_slot.Set(recovered.applied.value);
  if (seams.engine != nullptr) metrics_.flushed_slot.Set(seams.engine->flushed().value);
  metrics_.base_slot.Set(recovered.base.slot.value);
  if (wal_->NeedsSegments()) disk_.PrepareSegments();
}

RunningNode::~RunningNode() { Stop(); }

absl::Status RunningNode::LoadState() {
  if (absl::Status s = catalog_.Load(*seams_.engine); !s.ok()) return s;
  if (absl::Status s = orders_.Load(*seams_.engine); !s.ok()) return s;
  return sessions_.Load(*seams_.engine);
}

void RunningNode::StartThreads() {
  const Clock* clock = seams_.clock;
  for (uint32_t i = 0; i < kLogThreads; ++i) {
    log_threads_.push_back(std::make_unique<StageThread>(log_.get(), clock, "log-writer"));
  }
  if (applier_ != nullptr) {
    applier_threads_.push_back(std::make_unique<StageThread>(applier_.get(), clock, "applier"));
  }
  for (uint32_t i = 0; i < std::max<uint32_t>(1, options_.reader_threads); ++i) {
    reader_threads_.push_back(std::make_unique<StageThread>(&readers_, clock, "reader"));
  }
  loop_threads_.push_back(std::make_unique<StageThread>(driver_.get(), clock, "replica-loop"));
}

void RunningNode::Stop() {
  if (stopped_) return;
  stopped_ = true;
  driver_->inbox().RequestStop();
  const auto end = [](std::vector<std::unique_ptr<StageThread>>* threads) {
    for (auto& thread : *threads) thread->RequestStop();
    for (auto& thread : *threads) thread->Join();
    threads->clear();
  };
  end(&loop_threads_);
  end(&log_threads_);
  if (applier_ != nullptr) applier_->RequestStop();
  end(&applier_threads_);
  end(&reader_threads_);
  // No call is taken any more. What the stages have handed each other meanwhile is answered here,
  // on the one thread left.
  readers_.Close();
  worker_.Close();
  bool busy = true;
  while (busy) {
    busy = driver_->RunOnce();
    for (Stage* stage : stages()) {
      busy = (stage != nullptr && stage != driver_.get() && stage->RunOnce()) || busy;
    }
  }
  waiters_.Close();
}

std::vector<Stage*> RunningNode::stages() {
  return {driver_.get(), log_.get(), applier_.get(), &readers_};
}

// ---- Calls

void RunningNode::Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) {
  AnswerBatch answers;
  const Published now = board_.Read();
  if (now.stopping || !(now.expecting || now.standing == consensus::Standing::kLeader)) {
    RefuseTheLeaders(&calls, sink, now, &answers);
  }
  if (!calls.empty()) Admit(std::move(calls), sink, now, &answers);
  answers.Deliver();
}

// What is left is this node's own to answer: reads that name a level, unless it stops or is a
// witness.
void RunningNode::RefuseTheLeaders(std::vector<Call>* calls,
                                   const std::shared_ptr<AnswerSink>& sink, const Published& now,
                                   AnswerBatch* answers) {
  const Failure failure =
      now.stopping ? ShuttingDownFailure() : NotLeaderFailure(members_.Hint(now.ask));
  const size_t refused = std::erase_if(*calls, [&](const Call& call) {
    if (!now.stopping && seams_.engine != nullptr && call.level.named()) return false;
    answers->Fail(ReturnAddress{sink, call.tag}, failure);
    return true;
  });
  (now.stopping ? metrics_.refused_stopping : metrics_.refused_leader).Add(refused);
}

void RunningNode::Admit(std::vector<Call> calls, const std::shared_ptr<AnswerSink>& sink,
                        const Published& now, AnswerBatch* answers) {
  std::vector<QueuedWrite> writes;
  std::vector<QueuedRead> reads;
  const int64_t now_us = seams_.clock->LeaseNowUs();
  for (Call& call : calls) {
    const int64_t deadline_us = DeadlineOf(call.context);
    if (auto* write = std::get_if<engine::WriteRequest>(&call.request)) {
      const uint64_t bytes = kCallBytes + engine::RequestBytes(*write);
      writes.push_back(QueuedWrite{{sink, call.tag},
                                   deadline_us,
                                   now_us,
                                   bytes,
                                   0,
                                   std::move(*write),
                                   call.durability,
                                   call.context.stamp});
    } else if (auto* change = std::get_if<engine::KeyspaceRequest>(&call.request)) {
      writes.push_back(
          QueuedWrite{{sink, call.tag}, deadline_us, now_us, kCallBytes, 0, std::move(*change)});
    } else if (auto* order = std::get_if<OrderRequest>(&call.request)) {
      writes.push_back(
          QueuedWrite{{sink, call.tag}, deadline_us, now_us, kCallBytes, 0, std::move(*order)});
    } else if (auto* policy = std::get_if<PolicyRequest>(&call.request)) {
      writes.push_back(
          QueuedWrite{{sink, call.tag}, deadline_us, now_us, kCallBytes, 0, std::move(*policy)});
    } else if (auto* session = std::get_if<engine::SessionRequest>(&call.request)) {
      writes.push_back(QueuedWrite{{sink, call.tag}, deadline_us, now_us, kCallBytes, 0, *session});
    } else if (auto* get = std::get_if<GetCall>(&call.request)) {
      const uint64_t bytes = BytesOf(*get);
      reads.push_back(
          QueuedRead{{sink, call.tag}, deadline_us, bytes, std::move(*get), call.level, now_us});
    } else {
      reads.push_back(QueuedRead{{sink, call.tag},
                                 deadline_us,
                                 kCallBytes,
                                 std::move(std::get<engine::ScanSpec>(call.request)),
                                 call.level,
                                 now_us});
    }
  }
  if (!writes.empty() && disk_.Full()) {
    for (const QueuedWrite& write : writes) answers->Fail(write.to, DiskFullFailure());
    metrics_.refused_disk.Add(writes.size());
    writes.clear();
  }
  reads_->Serve(now, &reads, answers);
  applied_reads_->Serve(now, &reads, answers);
  const bool taken = driver_->inbox().PushCalls(&writes, &reads);
  const Failure refusal = taken ? OverloadedFailure("queue") : ShuttingDownFailure();
  for (const QueuedWrite& write : writes) answers->Fail(write.to, refusal);
  for (const QueuedRead& read : reads) answers->Fail(read.to, refusal);
  (taken ? metrics_.refused_overload : metrics_.refused_stopping).Add(writes.size() + reads.size());
}

engine::KeyspacePtr RunningNode::FindKeyspace(const std::string& name) const {
  return catalog_.Find(name);
}

Failure RunningNode::NoKeyspace(const std::string& name) const {
  const Published now = board_.Read();
  if (now.stopping) return ShuttingDownFailure();
  const bool sure = now.Leased(seams_.clock->LeaseNowUs()) || !options_.lease_reads;
  // It may have been applied since it was looked for.
  if (now.open && sure && FindKeyspace(name) == nullptr) return KeyspaceUnknownFailure(name);
  // A leader that does not serve yet has not applied all of its log; without a lease another may
  // lead, and have it.
  const bool leading = now.standing == consensus::Standing::kLeader;
  return NotLeaderFailure(leading ? std::nullopt : members_.Hint(now.ask));
}

std::vector<KeyspaceStatus> RunningNode::Keyspaces() const {
  const std::map<KeyspaceId, UnreplicatedStats> unreplicated =
      unreplicated_.Stats(seams_.clock->LeaseNowUs());
  std::vector<KeyspaceStatus> all;
  for (const engine::KeyspacePtr& info : catalog_.Read().List()) {
    KeyspaceStatus& status = all.emplace_back();
    status.info = info;
    if (seams_.engine != nullptr) {
      const engine::KeyRange rows = engine::EngineRange(info->id, {}, {});
      status.size_bytes = seams_.engine->ApproximateBytes(rows.begin, rows.end);
    }
    const auto found = unreplicated.find(info->id);
    if (found != unreplicated.end() && info->settings.mode == engine::KeyspaceMode::kAsync) {
      status.unreplicated = found->second;
    }
  }
  return all;
}

// A crash before it is done leaves the space to compactions to come.
void RunningNode::FreeDropped(const std::vector<KeyspaceId>& keyspaces) {
  worker_.Post([engine = seams_.engine, keyspaces] {
    absl::Status status = engine->Flush();
    for (const KeyspaceId keyspace : keyspaces) {
      const engine::KeyRange rows = engine::EngineRange(keyspace, {}, {});
      if (status.ok()) status = engine->Reclaim(rows.begin, rows.end);
    }
    if (!status.ok()) {
      spdlog::warn("the space of dropped keyspaces is not free yet: {}",
                   std::string(status.message()));
    }
  });
}

std::function<absl::Status(Slot)> RunningNode::KeepsDropped() {
  if (dropped_ == nullptr) return {};
  return [this](Slot first) { return dropped_->Keep(*wal_, first); };
}

bool RunningNode::NoteInstall(SnapshotIntent intent) {
  return worker_.Post([this, intent = std::move(intent)] {
    const absl::Status status = NoteIntent(seams_.fs, options_.snapshot_directory, intent);
    if (status.ok()) {
      options_.reopen();
    } else {
      spdlog::warn("cannot note a snapshot to install: {}", std::string(status.message()));
      driver_->inbox().PushNotice(InstallFailed{});
    }
  });
}

absl::StatusOr<uint64_t> RunningNode::RoomForImages() {
  const absl::StatusOr<uint64_t> free_bytes = seams_.fs->FreeBytes(options_.snapshot_directory);
  if (!free_bytes.ok()) return free_bytes.status();
  return *free_bytes - std::min(*free_bytes, options_.disk_reserve_bytes);
}

void RunningNode::Receive(consensus::Message message) {
  if (!driver_->inbox().PushMessage(std::move(message))) metrics_.messages_dropped.Add();
}

uint64_t RunningNode::WatchLeader(std::function<void(const LeaderHint&)> notify) {
  return watch_.Watch(std::move(notify));
}

void RunningNode::UnwatchLeader(uint64_t id) { watch_.Unwatch(id); }

std::string RunningNode::WhyNotHealthy(const Published& now, const Members& members) const {
  if (now.stopping) return "stopping";
  if (!members.Stays(options_.self.node)) return "it is no member of the cluster any more";
  if (disk_.WasFull()) return "the disk is full";
  if (!now.leader) return "no leader is known";
  return "";
}

NodeStatus RunningNode::Status() const {
  const Published now = board_.Read();
  NodeStatus status;
  status.cluster = options_.cluster;
  status.node = options_.self.node;
  status.name = options_.self.name;
  switch (now.standing) {
    case consensus::Standing::kFollower:
      status.state = "follower";
      break;
    case consensus::Standing::kCandidate:
      status.state = "candidate";
      break;
    case consensus::Standing::kLeader:
      status.state = "leader";
      break;
  }
  status.ballot = now.ballot;
  status.leader = members_.Hint(now.leader);
  status.expecting = now.expecting;
  const std::shared_ptr<const Members> members = members_.Read();
  status.reason = WhyNotHealthy(now, *members);
  status.healthy = status.reason.empty();
  status.durable = now.durable;
  status.commit = now.commit;
  status.applied = Slot{metrics_.applied_slot.Get()};
  status.flushed = Slot{metrics_.flushed_slot.Get()};
  status.first = Slot{metrics_.base_slot.Get() + 1};
  status.epoch = members->epoch;
  status.changing = members->changing;
  status.members = members->all;
  for (const auto& [node, health] : board_.Health().nodes) {
    const MemberInfo* member = members->Find(node);
    if (member != nullptr) status.health.push_back(MemberHealthInfo{node, member->name, health});
  }
  if (now.standing == consensus::Standing::kLeader) {
    for (const MemberInfo& member : status.members) {
      const bool self = member.node == options_.self.node;
      status.peers.push_back(PeerProgressInfo{member.node, board_.Match(member.node),
                                              self || seams_.transport->Connected(member.node)});
    }
  }
  return status;
}

void RunningNode::DescribeLog(std::function<void(LogEnd)> done) {
  LogEnd end;
  end.last = board_.Read().last;
  if (seams_.engine == nullptr) end.failure = NoDataFailure();
  if (!end.failure.ok() || end.last.slot == Slot{}) return done(std::move(end));
  const bool posted = readers_.Post([wal = wal_.get(), end, done]() mutable {
    const absl::StatusOr<EntryStamp> stamp = ReadStamp(*wal, end.last.slot);
    if (stamp.ok()) end.wall_time_us = stamp->wall_time_us;
    done(std::move(end));
  });
  if (posted) return;
  end.failure = RefusedByReaders();
  done(std::move(end));
}

void RunningNode::Digest(KeyspaceId keyspace, Slot slot, int64_t deadline_us,
                         std::function<void(DigestResult)> done) {
  if (seams_.engine == nullptr) {
    DigestResult none;
    none.failure = NoDataFailure();
    return done(std::move(none));
  }
  if (slot <= seams_.engine->applied()) return PostDigest(keyspace, std::move(done));
  const bool added = waiters_.Add(
      slot, deadline_us > 0 ? deadline_us : kNever, [this, keyspace, done](bool reached) {
        if (reached) return PostDigest(keyspace, done);
        DigestResult late;
        late.failure = board_.Read().stopping ? ShuttingDownFailure() : DeadlineFailure();
        late.applied = seams_.engine->applied();
        done(std::move(late));
      });
  if (added) return;
  DigestResult refused;
  refused.failure =
      board_.Read().stopping ? ShuttingDownFailure() : OverloadedFailure("waiters_max");
  done(std::move(refused));
}

void RunningNode::ChangeMembers(MembersCall call, std::function<void(MembersResult)> done) {
  QueuedMembersCall queued{std::move(call), std::move(done)};
  if (driver_->inbox().PushMembersCall(&queued)) return;
  MembersResult refused;
  refused.failure =
      board_.Read().stopping ? ShuttingDownFailure() : OverloadedFailure("members_calls_max");
  queued.done(std::move(refused));
}

void RunningNode::Handover(HandoverCall call, std::function<void(HandoverResult)> done) {
  QueuedHandoverCall queued{std::move(call), std::move(done)};
  if (driver_->inbox().PushHandoverCall(&queued)) return;
  HandoverResult refused;
  refused.failure =
      board_.Read().stopping ? ShuttingDownFailure() : OverloadedFailure("handover_calls_max");
  queued.done(std::move(refused));
}

void RunningNode::PostDigest(KeyspaceId keyspace, std::function<void(DigestResult)> done) {
  const bool posted = readers_.Post([engine = seams_.engine, keyspace, done] {
    DigestResult result;
    const auto digest = engine::DigestKeyspace(*engine->NewSnapshot(), keyspace);
    if (digest.ok()) {
      result.digest = digest->digest;
      result.count = digest->count;
      result.applied = digest->applied;
    } else {
      result.failure = UnreadableFailure(digest.status());
    }
    done(std::move(result));
  });
  if (posted) return;
  DigestResult refused;
  refused.failure = RefusedByReaders();
  done(std::move(refused));
}

Failure RunningNode::RefusedByReaders() const {
  return board_.Read().stopping ? ShuttingDownFailure() : OverloadedFailure("reader_jobs_max");
}

std::vector<std::pair<std::string, uint64_t>> RunningNode::Properties() const {
  std::vector<std::pair<std::string, uint64_t>> properties;
  if (seams_.engine != nullptr) properties = seams_.engine->Properties();
  properties.emplace_back("wal_size_bytes", wal_->SizeBytes());
  properties.emplace_back("wal_room_bytes", wal_->RoomBytes());
  properties.emplace_back("overlay_bytes", overlay_.bytes());
  properties.emplace_back("queued_calls", driver_->inbox().queued_calls());
  properties.emplace_back("waiting_reads", driver_->waiting_reads());
  return properties;
}

}  // namespace baton::server
