#include "tests/sim/machine.h"

#include <deque>
#include <utility>

#include "base/check.h"
#include "server/codec/membership_codec.h"
#include "server/replica/driver.h"
#include "wal/recovery.h"

namespace baton::sim {

// The worker's thread.
class Machine::WorkerStage : public server::Worker, public server::Stage {
 public:
  bool Post(std::function<void()> task) override {
    tasks_.push_back(std::move(task));
    wakeup().Notify();
    return true;
  }
  bool RunOnce() override {
    if (tasks_.empty()) return false;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

// Keeps the calls of one life that are not answered yet.
class Machine::Sink : public server::AnswerSink {
 public:
  explicit Sink(const Machine* machine) : machine_(machine) {}

  uint64_t Add(Done done) {
    waiting_.emplace(++last_tag_, std::move(done));
    return last_tag_;
  }
  void Answered(uint64_t tag, server::Answer answer) override {
    if (!machine_->heard_) return;
    const auto found = waiting_.find(tag);
    BATON_CHECK(found != waiting_.end()) << "call " << tag << " was answered twice";
    const Done done = std::move(found->second);
    waiting_.erase(found);
    done(&answer);
  }
  void Flush() override {}
  // The connection breaks.
  uint64_t Close() {
    std::map<uint64_t, Done> left;
    left.swap(waiting_);
    for (const auto& [tag, done] : left) done(nullptr);
    return left.size();
  }

 private:
  const Machine* const machine_;
  uint64_t last_tag_ = 0;
  std::map<uint64_t, Done> waiting_;
};

// The process's way out: closed once it is dead.
class Machine::Door : public server::Transport {
 public:
  explicit Door(const Machine* machine) : machine_(machine) {}
  void Send(consensus::Message message) override {
    if (machine_->heard_) machine_->around_.transport->Send(std::move(message));
  }
  void SetMembers(const std::vector<server::MemberInfo>&) override {}
  bool Connected(NodeId peer) const override {
    return machine_->around_.transport->Connected(peer);
  }

 private:
  const Machine* const machine_;
};

namespace {

// What a node reckons with before it has ever run.
consensus::Configurations FirstConfigurations(const server::ReplicaOptions& options) {
  if (options.members.empty()) return {};
  consensus::Membership first{options.epoch, {}, {}};
  for (const server::MemberInfo& member : options.members) {
    first.members.push_back({member.node, static_cast<consensus::Role>(member.role),
                             server::EncodeCard({member.name, member.directory,
                                                 member.client_address, member.peer_address})});
  }
  return consensus::Configurations({{EntryId{}, std::move(first)}});
}

}  // namespace

Machine::Machine(const Around& around, const server::ReplicaOptions& options, const Kit& kit)
    : around_(around),
      options_(options),
      has_engine_(kit.has_engine),
      clock_(around.schedule, kit.lease_now_us, kit.rate_ppm),
      disk_(std::make_unique<wal::MemoryFileSystem>()),
      engine_(std::make_unique<engine::MemoryEngine>(
          engine::MemoryEngineOptions{.cold_cache = kit.cold_cache})),
      door_(std::make_unique<Door>(this)),
      disk_pace_(kit.disk_pace),
      last_configurations_(FirstConfigurations(options)) {
  paces_[static_cast<size_t>(StageOf::kLog)] = disk_pace_;
}

Machine::~Machine() { heard_ = false; }

const consensus::Replica* Machine::core() const { return loop_; }

const consensus::Configurations& Machine::configurations() const {
  return loop_ != nullptr ? loop_->configurations() : last_configurations_;
}

bool Machine::DiskFull() const {
  const auto free_bytes = disk_->FreeBytes(wal_directory());
  return free_bytes.ok() && *free_bytes == 0;
}

// ---- Life

server::ReplicaOptions Machine::OptionsOfThisLife() {
  server::ReplicaOptions options = options_;
  options.seed = around_.random->Next();
  options.threads = false;
  options.reopen = [this] { reopen_ = true; };
  options.fatal = [this](const std::string& reason) {
    if (heard_) fatal_ = reason;
    heard_ = false;
  };
  return options;
}

void Machine::Join(Epoch epoch, const std::vector<server::MemberInfo>& members) {
  BATON_CHECK(!in_use());
  options_.epoch = epoch;
  options_.members = members;
  for (const server::MemberInfo& member : members) {
    if (member.node == options_.self.node) options_.self = member;
  }
  last_configurations_ = FirstConfigurations(options_);
}

absl::Status Machine::Start(int64_t power_calls) {
  BATON_CHECK(!up() && in_use());
  if (starts_++ > 0) around_.coverage->Add(Path::kRestarted);
  if (engine_->applied() < applied_ever_) around_.coverage->Add(Path::kEngineReplayed);
  fatal_.clear();
  sink_ = std::make_shared<Sink>(this);
  worker_ = std::make_unique<WorkerStage>();
  heard_ = true;
  NoticeTornTail();
  death_expected_ = power_calls >= 0;
  began_full_ = disk_->FreeBytes("/").value_or(1) == 0;
  if (death_expected_) disk_->CutPowerAfter(power_calls);
  auto started = server::ReplicaNode::Start(OptionsOfThisLife(), disk_.get(),
                                            has_engine_ ? engine_.get() : nullptr, door_.get(),
                                            &clock_, worker_.get());
  around_.trace->Say(now_us(), number(), "starts", started.ok(), engine_->applied().value);
  if (!started.ok()) {
    heard_ = false;
    worker_.reset();
    if (!death_expected_) return started.status();
    around_.coverage->Add(Path::kCutInRecovery);
    disk_->Crash({.seed = around_.random->Next(), .tear = true});
    return absl::OkStatus();
  }
  process_ = *std::move(started);
  GiveTurns();
  if (death_expected_) CutPowerWithin(power_calls);
  around_.started(*this);
  return absl::OkStatus();
}

// Looks at some starts only: reading the log once more is dear.
void Machine::NoticeTornTail() {
  if (starts_ % 2 != 0) return;
  const auto scan = wal::ScanLog(disk_.get(), wal_directory(), nullptr);
  if (scan.ok() && scan->torn_bytes != 0) around_.coverage->Add(Path::kTornTail);
}

void Machine::GiveTurns() {
  ++life_;
  const std::vector<server::Stage*> stages = process_->stages();
  for (size_t i = 0; i < stages.size(); ++i) turns_[i].stage = stages[i];  // some are null
  turns_[static_cast<size_t>(StageOf::kWorker)].stage = worker_.get();
  // The first stage is the replica loop: server/replica/running_node.cc.
  loop_ = stages.empty() ? nullptr : &static_cast<server::Driver*>(stages.front())->core();
  for (size_t i = 0; i < kStages; ++i) {
    if (turns_[i].stage != nullptr) WakeSoon(i);
  }
}

void Machine::Die(Death how) {
  BATON_CHECK(up());
  around_.trace->Say(now_us(), number(), "dies", static_cast<uint64_t>(how));
  if (how == Death::kStop) process_->Stop();
  around_.died(*this);
  heard_ = false;
  const bool power_cut = how == Death::kPowerCut || how == Death::kTornPowerCut;
  if (power_cut) {
    disk_->Crash({.seed = around_.random->Next(), .tear = how == Death::kTornPowerCut});
  }
  // A killed process was about to write what waited, or had just done so.
  const bool cut_short = how == Death::kKill && around_.random->OneIn(2);
  if (cut_short) disk_->CutPowerAfter(0);
  Bury();
  if (cut_short) disk_ = disk_->Clone();
  CallOffDiskFaults();
  if (power_cut) clock_.Reboot(around_.random->Between(1, 5'000'000));
  applied_ever_ = applied_ever();
  engine_->LoseUnflushed();
}

void Machine::Bury() {
  ++life_;
  reopen_ = false;
  if (loop_ != nullptr) last_configurations_ = loop_->configurations();
  loop_ = nullptr;
  process_.reset();
  worker_.reset();
  turns_ = {};
  waiting_.clear();
  paused_ = false;
  const uint64_t lost = sink_->Close();
  if (lost != 0) around_.coverage->Add(Path::kConnectionLost, lost);
  for (const auto& tell : std::exchange(broken_, {})) tell();
}

void Machine::CutPowerWithin(int64_t calls) {
  death_expected_ = true;
  disk_->CutPowerAfter(calls);
  around_.schedule->After(kCutAtMostUs, [this, life = life_, off = cuts_called_off_] {
    if (life == life_ && off == cuts_called_off_ && up()) Die(Death::kTornPowerCut);
  });
}

// Those that were set up and have not struck.
void Machine::CallOffDiskFaults() {
  ++cuts_called_off_;
  disk_->CutPowerAfter(-1);
  disk_->FailWrites(0);
  disk_->FailSyncs(0);
}

void Machine::Heal() {
  CallOffDiskFaults();
  death_expected_ = false;
  disk_->SetCapacity(kAmpleBytes);
  for (size_t stage = 0; stage < kStages; ++stage) SetPace(static_cast<StageOf>(stage), {});
  SetPace(StageOf::kLog, disk_pace_);
  Resume();
}

void Machine::Pause() {
  paused_ = true;
  around_.trace->Say(now_us(), number(), "pauses");
}

void Machine::Resume() {
  if (!paused_) return;
  paused_ = false;
  around_.trace->Say(now_us(), number(), "resumes");
  for (size_t i = 0; i < kStages; ++i) Release(i);
  std::vector<std::function<void()>> waiting;
  waiting.swap(waiting_);
  const uint64_t life = life_;
  for (const auto& arrived : waiting) {
    if (life == life_ && up()) arrived();
  }
}

void Machine::SetPace(StageOf stage, const Pace& pace) {
  const auto i = static_cast<size_t>(stage);
  paces_[i] = pace;
  if (!pace.stuck) Release(i);
}

void Machine::SetClockRate(int64_t ppm) {
  clock_.SetRate(ppm);
  if (loop_ != nullptr) WakeSoon(static_cast<size_t>(StageOf::kLoop));  // looks at its deadlines
}

// ---- Turns

void Machine::Wake(size_t stage, int64_t at_us) {
  Turn& turn = turns_[stage];
  if (turn.due_us <= at_us) return;
  turn.due_us = at_us;
  around_.schedule->At(at_us, [this, what = life_ * 8 + stage] {
    if (what / 8 == life_) RunTurn(what % 8);
  });
}

void Machine::WakeSoon(size_t stage) {
  const Pace& pace = paces_[stage];
  Wake(stage, now_us() + around_.random->Between(pace.us_min, pace.us_max));
}

void Machine::Release(size_t stage) {
  if (!turns_[stage].held || paused_ || paces_[stage].stuck || !up()) return;
  turns_[stage].held = false;
  WakeSoon(stage);
}

void Machine::RunTurn(size_t stage) {
  Turn& turn = turns_[stage];
  if (turn.due_us != now_us()) return;  // it had its turn earlier
  turn.due_us = server::kNever;
  if (paused_ || paces_[stage].stuck) {
    turn.held = true;
    return;
  }
  turn.ticket = turn.stage->wakeup().Ticket();
  const bool worked = turn.stage->RunOnce();
  if (worked) {
    WakeSoon(stage);
    if (heard_) around_.turned(*this, static_cast<StageOf>(stage));
  } else {
    const int64_t deadline_us = clock_.TrueUs(turn.stage->NextDeadlineUs());
    if (deadline_us != server::kNever) Wake(stage, std::max(now_us() + 1, deadline_us));
  }
  Settle();
}

void Machine::Settle() {
  if (!heard_ && up()) return Ended();
  if (reopen_ && up()) return Reopen();
  for (size_t i = 0; i < kStages; ++i) {
    Turn& turn = turns_[i];
    if (turn.stage == nullptr) continue;
    const uint64_t ticket = turn.stage->wakeup().Ticket();
    if (turn.ticket == ticket) continue;
    turn.ticket = ticket;
    WakeSoon(i);
  }
}

// It has received a snapshot, which is installed when it starts.
void Machine::Reopen() {
  around_.coverage->Add(Path::kSnapshotInstalled);
  Die(Death::kStop);
  around_.reopened(*this);
}

// The process has called for its own end.
void Machine::Ended() {
  around_.trace->Tell(now_us(), "n" + std::to_string(number()) + " ends: " + fatal_);
  if (fatal_.find("the power is cut") != std::string::npos) {
    around_.coverage->Add(Path::kCutInMidWrite);
  } else if (fatal_.find("is damaged at") != std::string::npos) {
    around_.coverage->Add(Path::kDamageFoundReading);
  } else if (fatal_.find("cannot sync") != std::string::npos) {
    around_.coverage->Add(Path::kSyncFailed);
  } else {
    around_.coverage->Add(Path::kWriteFailed);
  }
  // Nothing was prepared in a life that began with a full disk: there may be no room for a promise.
  const bool no_room = began_full_ && fatal_.find("no space left") != std::string::npos;
  if (!death_expected_ && damaged_ == Slot{} && !no_room) {
    around_.violated("node " + std::to_string(number()) + " ended without a cause: " + fatal_);
  }
  Die(around_.random->OneIn(4) ? Death::kPowerCut : Death::kTornPowerCut);
}

// ---- Calls and messages

void Machine::Call(server::Request request, int64_t timeout_us, Done done,
                   const server::ReadLevel& level, const engine::SessionStamp& stamp) {
  BATON_CHECK(up());
  const uint64_t tag = sink_->Add(std::move(done));
  server::Call call;
  call.tag = tag;
  call.context.deadline_us = clock_.LeaseNowUs() + timeout_us;
  call.context.stamp = stamp;
  call.request = std::move(request);
  call.level = level;
  WhenAwake([this, call = std::move(call)] { Submit(call); });
}

void Machine::WhenAwake(std::function<void()> what) {
  if (!paused_) return what();
  waiting_.push_back(std::move(what));
}

void Machine::Submit(server::Call call) {
  std::vector<server::Call> calls;
  calls.push_back(std::move(call));
  process_->Submit(std::move(calls), sink_);
  Settle();
}

// What the process is given to tell: once, while its machine can be heard; null if it goes first.
template <class Result>
std::function<void(Result)> Machine::Once(std::function<void(const Result*)> done) {
  const auto waiting = std::make_shared<std::function<void(const Result*)>>(std::move(done));
  broken_.push_back([waiting] {
    if (*waiting) std::exchange(*waiting, nullptr)(nullptr);
  });
  return [this, waiting](const Result& result) {
    if (heard_ && *waiting) std::exchange(*waiting, nullptr)(&result);
  };
}

void Machine::ChangeMembers(server::MembersCall call, int64_t timeout_us, MembersDone done) {
  BATON_CHECK(up());
  call.deadline_us = clock_.LeaseNowUs() + timeout_us;
  WhenAwake([this, call = std::move(call), told = Once(std::move(done))] {
    process_->ChangeMembers(call, told);
    Settle();
  });
}

void Machine::Handover(server::HandoverCall call, int64_t timeout_us, HandoverDone done) {
  BATON_CHECK(up());
  call.deadline_us = clock_.LeaseNowUs() + timeout_us;
  WhenAwake([this, call = std::move(call), told = Once(std::move(done))] {
    process_->Handover(call, told);
    Settle();
  });
}

void Machine::Receive(consensus::Message message) {
  if (!up()) return;
  if (paused_) {
    if (waiting_.size() < options_.message_queue_max) {
      waiting_.push_back([this, message = std::move(message)] {
        process_->Receive(message);
        Settle();
      });
    }
    return;
  }
  process_->Receive(std::move(message));
  Settle();
}

}  // namespace baton::sim
