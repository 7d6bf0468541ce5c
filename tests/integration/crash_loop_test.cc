// Rounds of kill -9 under writers that number their writes: what was acknowledged is there.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <thread>

#include "base/mutex.h"
#include "tests/integration/cluster.h"

namespace baton::testing {
namespace {

constexpr int kRounds = 20;
constexpr int kWriters = 3;
constexpr int kCounters = 8;
constexpr uint64_t kAcksBetweenKills = 30;  // of each writer, at least

std::string UniqueKey(int writer, uint64_t number) {
  char key[64];
  std::snprintf(key, sizeof key, "unique/%d/%08lu", writer, static_cast<unsigned long>(number));
  return key;
}
std::string UniqueValue(int writer, uint64_t number) {
  return "writer " + std::to_string(writer) + " number " + std::to_string(number) + " " +
         std::string(100, 'x');
}
std::string CounterKey(int writer, uint64_t number) {
  return "counter/" + std::to_string(writer) + "/" + std::to_string(number % kCounters);
}

// Writes, one after the other, a key of its own for every number, and the number into a key that is
// written again and again.
class Writer {
 public:
  Writer(Client* client, int id) : client_(client), id_(id), thread_([this] { Run(); }) {}
  ~Writer() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  uint64_t acked() const { return acked_; }

  struct Expected {
    std::vector<uint64_t> unique;  // numbers of acknowledged writes, since the last call
    // Counter key -> {last acknowledged, last that was tried}.
    std::map<std::string, std::pair<uint64_t, uint64_t>> counters;
  };
  Expected TakeExpected() {
    MutexLock lock(&mutex_);
    Expected taken = expected_;
    expected_.unique.clear();
    return taken;
  }
  // The last number that was tried with that counter.
  uint64_t Tried(const std::string& counter) {
    MutexLock lock(&mutex_);
    return expected_.counters[counter].second;
  }

 private:
  void Run() {
    CallOptions options;
    options.timeout = std::chrono::seconds(5);
    for (uint64_t number = 1; !stop_; ++number) {
      const std::string counter = CounterKey(id_, number);
      {
        MutexLock lock(&mutex_);
        expected_.counters[counter].second = number;
      }
      const bool unique_acked =
          client_->Put(UniqueKey(id_, number), UniqueValue(id_, number), options).ok();
      const bool counter_acked = client_->Put(counter, std::to_string(number), options).ok();
      MutexLock lock(&mutex_);
      if (unique_acked) expected_.unique.push_back(number);
      if (counter_acked) expected_.counters[counter].first = number;
      acked_ += unique_acked;
    }
  }

  Client* const client_;
  const int id_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> acked_{0};
  Mutex mutex_;
  Expected expected_ BATON_GUARDED_BY(mutex_);
  std::thread thread_;
};

class CrashLoopTest : public ::testing::Test {
 protected:
  // Every writer gets some more writes through.
  bool AwaitProgress() {
    std::vector<uint64_t> before;
    for (const auto& writer : writers_) before.push_back(writer->acked());
    return Eventually([&] {
      for (size_t i = 0; i < writers_.size(); ++i) {
        if (writers_[i]->acked() < before[i] + kAcksBetweenKills) return false;
      }
      return true;
    });
  }

  void CheckUnique(int writer, const std::vector<uint64_t>& numbers) {
    constexpr size_t kBatch = 500;
    for (size_t at = 0; at < numbers.size(); at += kBatch) {
      std::vector<std::string> keys;
      const size_t end = std::min(numbers.size(), at + kBatch);
      for (size_t i = at; i < end; ++i) keys.push_back(UniqueKey(writer, numbers[i]));
      const absl::StatusOr<MultiGetResult> read = cluster_.client().MultiGet(keys, patient_);
      ASSERT_TRUE(read.ok()) << read.status();
      for (size_t i = at; i < end; ++i) {
        const std::optional<Record>& record = read->records[i - at];
        ASSERT_TRUE(record.has_value()) << "acknowledged and lost: " << keys[i - at];
        ASSERT_EQ(record->value, UniqueValue(writer, numbers[i])) << keys[i - at];
      }
    }
  }

  // A counter reads at least what was acknowledged before, at most what was tried by now.
  void CheckCounters(int writer, const Writer::Expected& before) {
    for (const auto& [key, bounds] : before.counters) {
      const absl::StatusOr<GetResult> read = cluster_.client().Get(key, patient_);
      ASSERT_TRUE(read.ok()) << read.status();
      if (bounds.first == 0) continue;
      ASSERT_TRUE(read->record.has_value()) << "acknowledged and lost: " << key;
      const uint64_t value = std::stoull(read->record->value);
      ASSERT_GE(value, bounds.first) << "went back: " << key;
      ASSERT_LE(value, writers_[writer]->Tried(key)) << "never written: " << key;
    }
  }

  Cluster cluster_;
  std::vector<std::unique_ptr<Writer>> writers_;
  CallOptions patient_;
};

TEST_F(CrashLoopTest, EveryAcknowledgedWriteIsReadAfterTwentyRounds) {
  patient_.timeout = kPatience;
  for (int i = 0; i < kWriters; ++i) {
    writers_.push_back(std::make_unique<Writer>(&cluster_.client(), i));
  }
  std::vector<std::vector<uint64_t>> all(kWriters);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_TRUE(AwaitProgress()) << "no progress before the kill";
    const int leader = cluster_.AwaitLeader();
    ASSERT_GE(leader, 0);
    const int follower = (leader + 1 + round % 2) % cluster_.size();
    cluster_.Kill(leader);
    if (round % 4 == 3) {
      for (int i = 0; i < cluster_.size(); ++i) cluster_.Kill(i);
    } else if (round % 4 == 1) {
      cluster_.Kill(follower);
    } else {
      ASSERT_TRUE(AwaitProgress()) << "no progress with one node of three down";
    }
    for (int i = 0; i < cluster_.size(); ++i) cluster_.Start(i);
    ASSERT_TRUE(AwaitProgress()) << "no progress after everything came back";
    for (int i = 0; i < kWriters; ++i) {
      const Writer::Expected expected = writers_[i]->TakeExpected();
      CheckUnique(i, expected.unique);
      CheckCounters(i, expected);
      all[i].insert(all[i].end(), expected.unique.begin(), expected.unique.end());
      if (HasFatalFailure()) return;
    }
  }
  for (int i = 0; i < kWriters; ++i) {
    writers_[i]->Stop();
    const Writer::Expected expected = writers_[i]->TakeExpected();
    all[i].insert(all[i].end(), expected.unique.begin(), expected.unique.end());
    CheckUnique(i, all[i]);
    CheckCounters(i, expected);
    if (HasFatalFailure()) return;
    RecordProperty("acknowledged_" + std::to_string(i), static_cast<int>(all[i].size()));
  }
  ASSERT_TRUE(cluster_.AwaitHealthy());
  const std::vector<DigestInfo> digests = DigestsAtRest(&cluster_);
  ASSERT_EQ(digests.size(), 3u);
  for (const DigestInfo& digest : digests) {
    EXPECT_EQ(digest.digest, digests[0].digest);
    EXPECT_EQ(digest.count, digests[0].count);
    EXPECT_EQ(digest.applied_slot, digests[0].applied_slot);
  }
}

}  // namespace
}  // namespace baton::testing
