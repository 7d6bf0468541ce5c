// SimCluster: whole replicas on one thread, in simulated time: shipped stages over a simulated
// clock, network and worker, a memory file system and a memory engine. Everything follows from the
// seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/storage/memory_engine.h"
#include "server/replica/replica_node.h"
#include "wal/memory_file_system.h"

namespace baton::server {

class SimClock : public Clock {
 public:
  int64_t LeaseNowUs() const override { return now_us; }
  int64_t WallNowUs() const override { return 1'700'000'000'000'000 + now_us; }
  int64_t now_us = 1'000'000;
};

class SimWorker : public Worker {
 public:
  bool Post(std::function<void()> task) override {
    tasks_.push_back(std::move(task));
    return true;
  }
  bool RunOnce();

 private:
  std::deque<std::function<void()>> tasks_;
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
  int64_t delay_us_max = 2'000;
  bool cold_cache = false;
  std::function<void(ReplicaOptions*)> adjust;
};

class SimCluster {
 public:
  explicit SimCluster(SimOptions options);
  ~SimCluster();

  SimClock& clock() { return clock_; }
  std::mt19937_64& random() { return random_; }
  uint32_t size() const { return options_.nodes; }

  // Nodes count from 1. Null while it is down.
  ReplicaNode* node(uint32_t n) { return nodes_[n - 1]->node.get(); }
  engine::MemoryEngine& engine(uint32_t n) { return *nodes_[n - 1]->engine; }
  wal::MemoryFileSystem& fs(uint32_t n) { return *nodes_[n - 1]->fs; }
  std::string wal_directory(uint32_t n) const { return "/n" + std::to_string(n) + "/wal"; }
  const std::vector<std::string>& fatal(uint32_t n) { return nodes_[n - 1]->fatal; }

  void Start(uint32_t n);  // CHECKs that it starts
  absl::Status TryStart(uint32_t n);
  void Crash(uint32_t n, bool tear);        // loses what was not synced
  void Stop(uint32_t n);                    // cleanly
  void Isolate(uint32_t n, bool isolated);  // its messages are lost both ways
  // Its log completes nothing, or only at multiples of that time; 0: at once.
  void StickDisk(uint32_t n, bool stuck);
  void SlowDisk(uint32_t n, int64_t every_us);

  // Runs whatever is due, then moves time on, until `done` or `for_us` have passed.
  bool RunUntil(const std::function<bool()>& done, int64_t for_us);
  void RunFor(int64_t for_us) {
    RunUntil([] { return false; }, for_us);
  }

  // The node that serves; 0: none.
  uint32_t Leader();
  // Runs until one serves.
  uint32_t ElectLeader(int64_t for_us = 10'000'000);

  // One call at one node; runs until it is answered.
  Answer Do(uint32_t n, Request request, int64_t timeout_us = 5'000'000,
            const ReadLevel& level = {});
  Answer Put(uint32_t n, const std::string& key, const std::string& value);
  Answer Get(uint32_t n, const std::string& key);
  // A read that this very node answers.
  Answer GetHere(uint32_t n, const std::string& key, const ReadLevel& level,
                 int64_t timeout_us = 5'000'000);
  uint64_t Submit(uint32_t n, std::vector<Request> requests, int64_t timeout_us,
                  const ReadLevel& level = {});  // first tag
  std::shared_ptr<RecordingSink> sink() { return sink_; }
  DigestResult Digest(uint32_t n, Slot slot);

 private:
  class Net;
  struct Node {
    std::unique_ptr<wal::MemoryFileSystem> fs;
    std::unique_ptr<engine::MemoryEngine> engine;
    std::unique_ptr<SimWorker> worker;
    std::unique_ptr<Net> net;
    std::unique_ptr<ReplicaNode> node;
    std::vector<std::string> fatal;
    bool alive = false;
    bool isolated = false;
    bool stuck = false;
    int64_t log_every_us = 0;
    uint64_t starts = 0;
  };
  struct Flight {
    int64_t at_us;
    std::string bytes;
    uint32_t from;
    uint32_t to;
  };

  void Carry(uint32_t from, const consensus::Message& message);
  bool Step();  // one piece of work that is due now
  bool LogMayRun(const Node& node) const;
  int64_t NextUs();

  SimOptions options_;
  std::mt19937_64 random_;
  SimClock clock_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::multimap<int64_t, Flight> flights_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  uint64_t next_tag_ = 1;
};

}  // namespace baton::server
