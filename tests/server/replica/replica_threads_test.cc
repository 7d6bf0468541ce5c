// Three replicas on real threads over memory file systems: what the thread sanitizer should see.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "engine/storage/memory_engine.h"
#include "server/replica/replica_node.h"
#include "server/replica/thread_worker.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

constexpr uint32_t kNodes = 3;
constexpr auto kPatience = std::chrono::seconds(20);

// Hands messages from node to node, in the sender's thread.
class Router {
 public:
  void Set(uint32_t n, ReplicaNode* node) {
    MutexLock lock(&mutex_[n]);
    node_[n] = node;
  }
  void Deliver(consensus::Message message) {
    const uint32_t to = message.to.value;
    MutexLock lock(&mutex_[to]);
    if (node_[to] != nullptr) node_[to]->Receive(std::move(message));
  }

 private:
  Mutex mutex_[kNodes + 1];
  ReplicaNode* node_[kNodes + 1] = {};
};

class RouterTransport : public Transport {
 public:
  explicit RouterTransport(Router* router) : router_(router) {}
  void SetMembers(const std::vector<MemberInfo>&) override {}
  void Send(consensus::Message message) override { router_->Deliver(std::move(message)); }
  bool Connected(NodeId) const override { return true; }

 private:
  Router* const router_;
};

// Waits for answers.
class WaitingSink : public AnswerSink {
 public:
  void Answered(uint64_t tag, Answer answer) override {
    std::lock_guard<std::mutex> lock(mutex_);
    answers_[tag] = std::move(answer);
  }
  void Flush() override { cond_.notify_all(); }
  Answer Wait(uint64_t tag) {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool answered = cond_.wait_for(lock, kPatience, [&] { return answers_.count(tag) != 0; });
    BATON_CHECK(answered) << "no answer";
    Answer answer = std::move(answers_[tag]);
    answers_.erase(tag);
    return answer;
  }

 private:
  std::mutex mutex_;
  std::condition_variable cond_;
  std::map<uint64_t, Answer> answers_;
};

class ThreadsTest : public ::testing::Test {
 protected:
  ThreadsTest() {
    for (uint32_t n = 1; n <= kNodes; ++n) {
      fs_[n] = std::make_unique<wal::MemoryFileSystem>();
      engine_[n] = std::make_unique<engine::MemoryEngine>();
      transport_[n] = std::make_unique<RouterTransport>(&router_);
      Start(n);
    }
  }
  ~ThreadsTest() override {
    for (uint32_t n = 1; n <= kNodes; ++n) Stop(n);
  }

  void Start(uint32_t n) {
    ReplicaOptions options;
    options.cluster = Id128{1, 1};
    for (uint32_t i = 1; i <= kNodes; ++i) {
      MemberInfo member;
      member.node = NodeId{i};
      member.name = "n" + std::to_string(i);
      member.directory = Id128{2, i};
      options.members.push_back(member);
    }
    options.self = options.members[n - 1];
    options.seed = n + 10 * ++starts_;
    options.wal_directory = "/wal";
    options.snapshot_directory = "/snapshots";
    options.dropped_directory = "/dropped";
    options.wal.segment_bytes = 4 << 20;
    options.disk_reserve_bytes = 0;
    auto node = ReplicaNode::Start(options, fs_[n].get(), engine_[n].get(), transport_[n].get(),
                                   &clock_, &worker_);
    BATON_CHECK(node.ok()) << std::string(node.status().message());
    std::lock_guard<std::mutex> lock(mutex_);
    node_[n] = *std::move(node);
    router_.Set(n, node_[n].get());
  }
  void Stop(uint32_t n) {
    std::shared_ptr<ReplicaNode> node;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      node = std::move(node_[n]);
    }
    if (node == nullptr) return;
    node->Stop();
    router_.Set(n, nullptr);
    while (node.use_count() > 1) std::this_thread::yield();  // clients let go of it
  }
  std::shared_ptr<ReplicaNode> Get(uint32_t n) {
    std::lock_guard<std::mutex> lock(mutex_);
    return node_[n];
  }
  uint32_t Leader() {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      for (uint32_t n = 1; n <= kNodes; ++n) {
        const auto node = Get(n);
        if (node != nullptr && node->metrics().is_leader.Get() == 1) return n;
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no leader";
    return 1;
  }
  Answer Do(uint32_t n, Request request, WaitingSink* sink_owner,
            const std::shared_ptr<WaitingSink>& sink) {
    const auto node = Get(n);
    if (node == nullptr) {
      Answer answer;
      answer.failure.code = absl::StatusCode::kUnavailable;
      return answer;
    }
    Call call;
    call.tag = ++tag_;
    call.context.deadline_us = clock_.LeaseNowUs() + 3'000'000;
    call.request = std::move(request);
    const uint64_t tag = call.tag;
    std::vector<Call> calls;
    calls.push_back(std::move(call));
    node->Submit(std::move(calls), sink);
    return sink_owner->Wait(tag);
  }

  SystemClock clock_;
  ThreadWorker worker_;
  Router router_;
  std::unique_ptr<wal::MemoryFileSystem> fs_[kNodes + 1];
  std::unique_ptr<engine::MemoryEngine> engine_[kNodes + 1];
  std::unique_ptr<RouterTransport> transport_[kNodes + 1];
  std::mutex mutex_;
  std::shared_ptr<ReplicaNode> node_[kNodes + 1];
  std::atomic<uint64_t> tag_{0};
  uint64_t starts_ = 0;
};

TEST_F(ThreadsTest, ClientsWriteAndReadWhileTheLeaderStopsAndStarts) {
  Leader();
  std::atomic<bool> stop{false};
  std::atomic<int> acked{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this, c, &stop, &acked] {
      const auto sink = std::make_shared<WaitingSink>();
      const std::string key = "client" + std::to_string(c);
      int last = 0;
      for (int i = 1; !stop; ++i) {
        const uint32_t leader = Leader();
        const Answer put = Do(
            leader, engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{key, std::to_string(i)}}},
            sink.get(), sink);
        if (put.failure.ok()) {
          last = i;
          ++acked;
        }
        const Answer get = Do(leader, GetCall{kDefaultKeyspace, {key}}, sink.get(), sink);
        if (!get.failure.ok()) continue;
        const auto& record = std::get<GetResult>(get.result).records[0];
        EXPECT_GE(record ? std::stoi(record->value) : 0, last);
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    const int before = acked;
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (acked < before + 50 && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    EXPECT_GE(acked, before + 50);
    const uint32_t leader = Leader();
    Stop(leader);
    Start(leader);
  }
  stop = true;
  for (std::thread& client : clients) client.join();

  const auto sink = std::make_shared<WaitingSink>();
  const Answer last =
      Do(Leader(), engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"end", "x"}}}, sink.get(),
         sink);
  ASSERT_TRUE(last.failure.ok()) << last.failure.message;
  uint64_t first = 0;
  for (uint32_t n = 1; n <= kNodes; ++n) {
    std::mutex mutex;
    std::condition_variable cond;
    std::optional<DigestResult> result;
    Get(n)->Digest(kDefaultKeyspace, last.position.slot, clock_.LeaseNowUs() + 10'000'000,
                   [&](DigestResult r) {
                     std::lock_guard<std::mutex> lock(mutex);
                     result = std::move(r);
                     cond.notify_all();
                   });
    std::unique_lock<std::mutex> lock(mutex);
    ASSERT_TRUE(cond.wait_for(lock, kPatience, [&] { return result.has_value(); }));
    ASSERT_TRUE(result->failure.ok()) << result->failure.message;
    if (n == 1) first = result->digest;
    EXPECT_EQ(result->digest, first);
    EXPECT_GE(Get(n)->Status().applied, last.position.slot);
  }
}

}  // namespace
}  // namespace baton::server
