// SimCluster: a simulated cluster (tests/sim) for tests that tell a story: no nemesis, no restarts
// but those that the test asks for, one call after the other. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/check_agreement.h"
#include "tests/sim/check_given.h"
#include "tests/sim/check_invariants.h"
#include "tests/sim/cluster.h"

namespace baton::server {

// A clock that stands still until it is set.
class SimClock : public Clock {
 public:
  int64_t LeaseNowUs() const override { return now_us; }
  int64_t WallNowUs() const override { return 1'700'000'000'000'000 + now_us; }
  int64_t now_us = 1'000'000;
};

// Keeps every answer, by tag.
class RecordingSink : public AnswerSink {
 public:
  void Answered(uint64_t tag, Answer answer) override {
    ++given;
    answers.emplace(tag, std::move(answer));
  }
  void Flush() override { ++flushes; }

  std::map<uint64_t, Answer> answers;
  uint64_t given = 0;
  uint64_t flushes = 0;
};

struct SimOptions {
  uint64_t seed = 1;
  uint32_t nodes = 3;
  double drop = 0;  // of each message
  double duplicate = 0;
  int64_t delay_us_max = 300;
  bool cold_cache = false;
  uint32_t witness = 0;  // this node is one
  uint32_t spares = 0;   // machines beyond those, empty until they join
  std::function<void(ReplicaOptions*)> adjust;
};

class SimCluster {
 public:
  explicit SimCluster(const SimOptions& options);

  int64_t now_us() const { return cluster_.now_us(); }
  uint32_t size() const { return cluster_.size(); }

  // Nodes count from 1. Null while it is down.
  ReplicaNode* node(uint32_t n) { return cluster_.machine(n).process(); }
  engine::MemoryEngine& engine(uint32_t n) { return cluster_.machine(n).engine(); }
  wal::MemoryFileSystem& fs(uint32_t n) { return cluster_.machine(n).disk(); }
  std::string wal_directory(uint32_t n) { return cluster_.machine(n).wal_directory(); }
  // Why the node ended by itself; empty: it did not. It is down then.
  const std::string& fatal(uint32_t n) { return cluster_.machine(n).fatal(); }

  const consensus::Replica* core(uint32_t n) { return cluster_.machine(n).core(); }

  void Start(uint32_t n);  // CHECKs that it starts
  // Starts a spare machine as the member that these, settled as `epoch`, name it to be.
  void Join(uint32_t n, Epoch epoch, const std::vector<MemberInfo>& members);
  absl::Status TryStart(uint32_t n);
  void Crash(uint32_t n, bool tear);        // loses what was not synced
  void Stop(uint32_t n);                    // cleanly
  void Isolate(uint32_t n, bool isolated);  // its messages are lost both ways
  // Its process stands still, as under SIGSTOP, while its clocks go on; what comes meanwhile waits.
  void Pause(uint32_t n, bool paused);
  // Its log completes nothing, or what is written takes so long; 0: as usual.
  void StickDisk(uint32_t n, bool stuck);
  void SlowDisk(uint32_t n, int64_t takes_us);

  bool RunUntil(const std::function<bool()>& done, int64_t for_us) {
    return cluster_.RunUntil(done, for_us);
  }
  void RunFor(int64_t for_us) { cluster_.RunFor(for_us); }

  // What must never be: two nodes that commit different entries, an invariant that does not hold.
  // Empty: it was not. Nothing runs on after it.
  const std::string& violation() const { return cluster_.violation(); }

  // The node that serves; 0: none.
  uint32_t Leader() { return cluster_.Leader(); }
  // Runs until one serves.
  uint32_t ElectLeader(int64_t for_us = 10'000'000);
  // And until it has recorded how it came to lead: nothing more goes into the log by itself.
  static constexpr int64_t kRecordUs = 30'000;
  uint32_t ElectAndRecord();

  // One call at one node; runs until it is answered.
  Answer Do(uint32_t n, Request request, int64_t timeout_us = 5'000'000,
            const ReadLevel& level = {});
  Answer Put(uint32_t n, const std::string& key, const std::string& value);
  Answer Get(uint32_t n, const std::string& key);
  // A read that this very node answers.
  Answer GetHere(uint32_t n, const std::string& key, const ReadLevel& level,
                 int64_t timeout_us = 5'000'000);
  // Asks that node for these members; runs until it is answered.
  MembersResult ChangeMembers(uint32_t n, MembersCall call, int64_t timeout_us = 5'000'000);
  // As above, without running: `*result` is set once it is answered; never if the node goes first.
  void AskForMembers(uint32_t n, MembersCall call, int64_t timeout_us,
                     std::optional<MembersResult>* result);
  // Asks that node for a handover, likewise.
  HandoverResult Handover(uint32_t n, HandoverCall call, int64_t timeout_us = 20'000'000);
  void AskForHandover(uint32_t n, HandoverCall call, int64_t timeout_us,
                      std::optional<HandoverResult>* result);
  uint64_t Submit(uint32_t n, std::vector<Request> requests, int64_t timeout_us,
                  const ReadLevel& level = {});  // first tag
  std::shared_ptr<RecordingSink> sink() { return sink_; }
  DigestResult Digest(uint32_t n, Slot slot);

 private:
  sim::Cluster cluster_;
  sim::CheckAgreement agreement_;
  sim::CheckInvariants invariants_;
  sim::CheckGiven given_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  uint64_t next_tag_ = 1;
};

}  // namespace baton::server
