// Counters under kill -9: each increment that was acknowledged is in the sum once, each that was
// not is asked about, and the sums are exact.
#include <gtest/gtest.h>
#include <httplib.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tests/integration/cluster.h"
#include "tests/integration/command.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kRounds = 8;
constexpr int kCounters = 4;
constexpr int kInFlight = 32;
constexpr uint64_t kDoneBetweenKills = 300;

// Increments counters in turn, many at a time, and keeps what it was told.
class Writer {
 public:
  explicit Writer(Client* client) : client_(client) {
    for (int i = 0; i < kInFlight; ++i) Next();
  }
  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    while (in_flight_ > 0) idle_.Wait(&mutex_);
  }
  uint64_t done() const {
    MutexLock lock(&mutex_);
    return done_;
  }
  struct Uncertain {
    int counter = 0;
    uint64_t session = 0;
    uint64_t sequence = 0;
  };
  // After Stop.
  std::vector<int64_t> sums_told(int counter) const {
    MutexLock lock(&mutex_);
    const auto found = told_.find(counter);
    return found == told_.end() ? std::vector<int64_t>{} : found->second;
  }
  std::deque<Uncertain> uncertain() const {
    MutexLock lock(&mutex_);
    return uncertain_;
  }

 private:
  void Next() {
    int counter = 0;
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      counter = static_cast<int>(started_++ % kCounters);
      ++in_flight_;
    }
    CallOptions options;
    options.timeout = seconds(3);  // a failover fits, now and then it does not
    client_->IncrementAsync("counter/" + std::to_string(counter), 1, options,
                            [this, counter](absl::StatusOr<IncrementResult> result) {
                              Note(counter, result);
                              Next();
                              MutexLock lock(&mutex_);
                              if (--in_flight_ == 0) idle_.NotifyAll();
                            });
  }
  void Note(int counter, const absl::StatusOr<IncrementResult>& result) {
    MutexLock lock(&mutex_);
    ++done_;
    if (result.ok()) {
      told_[counter].push_back(result->value);
    } else if (IsOutcomeUnknown(result.status())) {
      const ErrorInfo info = *GetErrorInfo(result.status());
      uncertain_.push_back({counter, info.session, info.sequence});
    } else {
      EXPECT_EQ(GetReason(result.status()), Reason::kDeadline) << result.status();
    }
  }

  Client* const client_;
  mutable Mutex mutex_;
  CondVar idle_;
  bool stopping_ BATON_GUARDED_BY(mutex_) = false;
  int in_flight_ BATON_GUARDED_BY(mutex_) = 0;
  uint64_t started_ BATON_GUARDED_BY(mutex_) = 0;
  uint64_t done_ BATON_GUARDED_BY(mutex_) = 0;
  std::map<int, std::vector<int64_t>> told_ BATON_GUARDED_BY(mutex_);  // by counter
  std::deque<Uncertain> uncertain_ BATON_GUARDED_BY(mutex_);
};

CallOptions Patient() {
  CallOptions options;
  options.timeout = kPatience;
  return options;
}

TEST(ExactlyOnceTest, SumsAreExactAfterKills) {
  Cluster cluster;
  ASSERT_TRUE(cluster.AwaitWritable());
  Writer writer(&cluster.client());
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t before = writer.done();
    ASSERT_TRUE(Eventually([&] { return writer.done() >= before + kDoneBetweenKills; }));
    const int leader = cluster.AwaitLeader();
    ASSERT_GE(leader, 0);
    cluster.Kill(leader);
    ASSERT_GE(cluster.AwaitLeader(leader), 0);
    cluster.Start(leader);
  }
  writer.Stop();
  ASSERT_TRUE(cluster.AwaitHealthy());

  std::map<int, uint64_t> settled;  // of those that nobody had answered
  for (const Writer::Uncertain& one : writer.uncertain()) {
    const auto outcome = cluster.client().GetOutcome(one.session, one.sequence, Patient());
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_NE(outcome->outcome, Outcome::kLost) << "the keyspace is sync";
    ASSERT_NE(outcome->outcome, Outcome::kExpired) << "more were uncertain than a client keeps";
    settled[one.counter] += outcome->outcome == Outcome::kApplied;
    const auto again = cluster.client().GetOutcome(one.session, one.sequence, Patient());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->outcome, outcome->outcome);
  }
  for (int counter = 0; counter < kCounters; ++counter) {
    const std::vector<int64_t> told = writer.sums_told(counter);
    EXPECT_EQ(std::set<int64_t>(told.begin(), told.end()).size(), told.size())
        << "two increments were told the same sum";
    const auto got = cluster.client().Get("counter/" + std::to_string(counter), Patient());
    ASSERT_TRUE(got.ok() && got->record) << got.status();
    EXPECT_EQ(std::stoull(got->record->value), told.size() + settled[counter]);
  }
}

// The write waits for a quorum that is paused until its client has given up.
TEST(ExactlyOnceTest, AnotherClientMayAskWhatBecameOfAWrite) {
  Cluster cluster;
  ASSERT_TRUE(cluster.AwaitWritable());
  const int leader = cluster.AwaitLeader();
  ASSERT_GE(leader, 0);
  for (int node = 0; node < cluster.size(); ++node) {
    if (node != leader) cluster.Pause(node);
  }
  CallOptions hasty;
  hasty.timeout = milliseconds(200);
  const auto lost = cluster.client().Increment("n", 1, hasty);
  ASSERT_FALSE(lost.ok());
  for (int node = 0; node < cluster.size(); ++node) cluster.Resume(node);
  ASSERT_TRUE(IsOutcomeUnknown(lost.status())) << lost.status();
  const ErrorInfo info = *GetErrorInfo(lost.status());
  const auto other = Client::Connect({.endpoints = cluster.addresses()});
  ASSERT_TRUE(other.ok());
  const auto outcome = (*other)->GetOutcome(info.session, info.sequence, Patient());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto got = cluster.client().Get("n", Patient());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(outcome->outcome, got->record ? Outcome::kApplied : Outcome::kNotApplied);
  const CommandResult said =
      RunCommand({BATON_PATH, "outcome", std::to_string(info.session),
                  std::to_string(info.sequence), "--endpoints", cluster.endpoints()});
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_EQ(said.out.find(got->record ? "applied: it took effect" : "not applied: "), 0u)
      << said.out;
  if (got->record) {
    EXPECT_EQ(outcome->numbers, std::vector<int64_t>{1});
    EXPECT_EQ(outcome->revision, got->record->revision);
  }
}

// A client that ends while all is well leaves no session behind; one whose write may be asked about
// leaves that to whoever asks.
TEST(ExactlyOnceTest, CommandsEndTheirSessions) {
  constexpr int kCommands = 5;
  Cluster cluster;
  ASSERT_TRUE(cluster.AwaitWritable());
  const int leader = cluster.AwaitLeader();
  ASSERT_GE(leader, 0);
  const auto count = [&](const std::string& metric) {
    const auto page = httplib::Client("http://" + cluster.http_address(leader)).Get("/metrics");
    const size_t at = page ? page->body.find("\n" + metric + " ") : std::string::npos;
    return at == std::string::npos ? -1 : std::stoi(page->body.substr(at + metric.size() + 2));
  };
  const int open = count("baton_sessions");
  const int opened = count("baton_sessions_opened_total");
  ASSERT_GT(open, 0) << "the test's own";
  for (int i = 0; i < kCommands; ++i) {
    const CommandResult put =
        RunCommand({BATON_PATH, "put", "k", "v", "--endpoints", cluster.endpoints()});
    ASSERT_EQ(put.exit_code, 0) << put.err;
  }
  EXPECT_EQ(count("baton_sessions_opened_total"), opened + kCommands);
  EXPECT_EQ(count("baton_sessions"), open);
  EXPECT_EQ(cluster.AwaitLeader(), leader);
}

}  // namespace
}  // namespace baton::testing
