// Machine: one node of a simulation: its disk, engine and clocks, and the process on it, which is
// the shipped ReplicaNode without threads. Whoever is notified in it gets a turn a little later;
// faults make that longer, or for ever.
//
// A process that declares itself dead (a failed fsync) or whose machine loses power is gone at that
// moment: nothing that it says afterwards is heard. What its disk keeps is the disk's business.
//
// Owned by the Cluster; one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "consensus/replica.h"
#include "engine/storage/memory_engine.h"
#include "server/replica/replica_node.h"
#include "tests/sim/coverage.h"
#include "tests/sim/node_clock.h"
#include "tests/sim/random.h"
#include "tests/sim/schedule.h"
#include "tests/sim/trace.h"
#include "wal/memory_file_system.h"

namespace baton::sim {

// The stages of a process, as ReplicaNode::stages() lists them, and the worker.
enum class StageOf : uint8_t { kLoop, kLog, kApplier, kReaders, kWorker };
inline constexpr size_t kStages = 5;

// How long a stage takes to get its turn once it has something to do.
struct Pace {
  int64_t us_min = 2;
  int64_t us_max = 30;
  bool stuck = false;  // no turns at all
};

// How a process or a machine went.
enum class Death : uint8_t {
  kStop,          // in order
  kKill,          // the process alone: what it wrote is in the page cache, and survives
  kPowerCut,      // the machine: exactly what was synced survives
  kTornPowerCut,  // the machine: of what was not synced, any part may survive
};

class Machine {
 public:
  // What all machines of a cluster share; outlives them.
  struct Around {
    Schedule* schedule;
    Random* random;
    Trace* trace;
    Coverage* coverage;
    server::Transport* transport;
    // After each turn in which something was done, and after each start.
    std::function<void(Machine& machine, StageOf stage)> turned;
    std::function<void(Machine& machine)> started;
    std::function<void(Machine& machine)> died;
    std::function<void(Machine& machine)> reopened;  // it stopped to be started anew
    std::function<void(const std::string& what)> violated;
  };
  struct Kit {  // how it is made
    int64_t lease_now_us = 1;
    int64_t rate_ppm = 0;
    bool cold_cache = false;
    bool has_engine = true;  // a witness has none that counts
    Pace disk_pace;          // of the log stage on a good day
  };
  // A call that is answered with null: the connection broke before an answer.
  using Done = std::function<void(const server::Answer*)>;
  using MembersDone = std::function<void(const server::MembersResult*)>;
  using HandoverDone = std::function<void(const server::HandoverResult*)>;

  Machine(const Around& around, const server::ReplicaOptions& options, const Kit& kit);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  uint32_t number() const { return options_.self.node.value; }
  bool up() const { return process_ != nullptr; }
  bool paused() const { return paused_; }
  // Runs, is not paused and can trust its log.
  bool serving() const { return up() && !paused_ && !faulty(); }
  bool faulty() const { return up() && loop_ == nullptr; }
  bool has_engine() const { return has_engine_; }
  // It belongs to the cluster, or did; false: a spare one without anything on its disk.
  bool in_use() const { return !options_.members.empty(); }

  // ---- Life

  // Makes a spare machine the member that `members`, settled as `epoch`, name it to be. REQUIRES:
  // !in_use().
  void Join(Epoch epoch, const std::vector<server::MemberInfo>& members);
  // With `power_calls` not negative the machine loses power after so many changes to its disk: in
  // its recovery, or soon after it. That is no error, and it may be down then. Errors: those of
  // ReplicaNode::Start. REQUIRES: in_use().
  absl::Status Start(int64_t power_calls = -1);
  // Ends the process. REQUIRES: up().
  void Die(Death how);
  // The machine loses power once the disk has taken `calls` more changes, or soon anyway.
  void CutPowerWithin(int64_t calls);
  // Takes back all that faults have done or set up here, except damage and death.
  void Heal();
  void Pause();
  void Resume();
  void SetPace(StageOf stage, const Pace& pace);
  Pace pace(StageOf stage) const { return paces_[static_cast<size_t>(stage)]; }
  void SetClockRate(int64_t ppm);
  // The next fatal word of the process is no violation: a fault that ends it was planted.
  void ExpectDeath() { death_expected_ = true; }

  // ---- Calls and messages

  // Gives turns to the stages that were notified, and buries a process that called for its end. Due
  // whenever the process was called from outside.
  void Settle();
  // REQUIRES: up(). While paused they wait.
  void Call(server::Request request, int64_t timeout_us, Done done,
            const server::ReadLevel& level = {}, const engine::SessionStamp& stamp = {});
  void ChangeMembers(server::MembersCall call, int64_t timeout_us, MembersDone done);
  void Handover(server::HandoverCall call, int64_t timeout_us, HandoverDone done);
  void Receive(consensus::Message message);

  // ---- For faults and checks

  server::ReplicaNode* process() { return process_.get(); }
  const consensus::Replica* core() const;  // null when down or faulty
  // What its core reckons with, or did when there was one last; none before its first start.
  const consensus::Configurations& configurations() const;
  wal::MemoryFileSystem& disk() { return *disk_; }
  bool DiskFull() const;
  const Pace& disk_pace() const { return disk_pace_; }
  engine::MemoryEngine& engine() { return *engine_; }
  NodeClock& clock() { return clock_; }
  const NodeClock& clock() const { return clock_; }
  const std::string& wal_directory() const { return options_.wal_directory; }
  const server::ReplicaOptions& options() const { return options_; }
  // The newest slot that was ever applied here, also if the engine has fallen back since.
  Slot applied_ever() const { return std::max(applied_ever_, engine_->applied()); }
  // Why the process ended by itself last; empty: it did not.
  const std::string& fatal() const { return fatal_; }
  uint64_t starts() const { return starts_; }
  // The slot whose entry on the disk a nemesis damaged; Slot{}: none.
  Slot damaged() const { return damaged_; }
  void SetDamaged(Slot slot) { damaged_ = slot; }

 private:
  class WorkerStage;
  class Sink;
  class Door;
  struct Turn {
    server::Stage* stage = nullptr;
    uint64_t ticket = 0;
    int64_t due_us = server::kNever;
    bool held = false;  // came due while paused or stuck
  };

  static constexpr uint64_t kAmpleBytes = uint64_t{1} << 40;
  static constexpr int64_t kCutAtMostUs = 1'000'000;  // an idle disk does not save it

  int64_t now_us() const { return around_.schedule->now_us(); }
  server::ReplicaOptions OptionsOfThisLife();
  void NoticeTornTail();
  void GiveTurns();
  void Wake(size_t stage, int64_t at_us);
  void WakeSoon(size_t stage);
  void RunTurn(size_t stage);
  void Release(size_t stage);
  void Ended();
  void Reopen();
  void CallOffDiskFaults();
  void Submit(server::Call call);
  void WhenAwake(std::function<void()> what);
  template <class Result>
  std::function<void(Result)> Once(std::function<void(const Result*)> done);
  void Bury();

  const Around around_;
  server::ReplicaOptions options_;
  const bool has_engine_;
  NodeClock clock_;
  std::unique_ptr<wal::MemoryFileSystem> disk_;
  std::unique_ptr<engine::MemoryEngine> engine_;
  std::unique_ptr<Door> door_;

  std::array<Pace, kStages> paces_;  // now
  const Pace disk_pace_;             // of the log stage on a good day
  bool paused_ = false;
  Slot damaged_;
  uint64_t starts_ = 0;
  Slot applied_ever_;                              // until the process went last
  consensus::Configurations last_configurations_;  // when there was a core last

  // One life of the process.
  uint64_t life_ = 0;  // turns and calls of an earlier one mean nothing
  std::unique_ptr<WorkerStage> worker_;
  std::shared_ptr<Sink> sink_;
  std::vector<std::function<void()>> broken_;  // tell those that are not answered yet
  std::unique_ptr<server::ReplicaNode> process_;
  const consensus::Replica* loop_ = nullptr;  // the core of the process; null when it is faulty
  std::array<Turn, kStages> turns_;
  bool heard_ = false;  // what it says counts
  bool death_expected_ = false;
  bool began_full_ = false;  // its disk had no free byte when it started
  uint64_t cuts_called_off_ = 0;
  std::string fatal_;
  bool reopen_ = false;                         // the process wants to be started anew
  std::vector<std::function<void()>> waiting_;  // arrived while it was paused, in order
};

}  // namespace baton::sim
