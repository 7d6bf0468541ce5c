// Handovers between real processes under load: nobody who uses the SDK sees one.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/integration/cluster.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;

// Clients that write and read without a pause until they are destroyed, and count what they are
// refused.
class Load {
 public:
  static constexpr int kWriters = 64;
  static constexpr int kReaders = 4;

  explicit Load(Client* client) : client_(client) {
    for (int i = 0; i < kWriters; ++i) StartWrite(i);
    for (int i = 0; i < kReaders; ++i) StartRead(i);
  }
  ~Load() { End(); }

  void End() {
    ended_ = true;
    while (running_ > 0) std::this_thread::sleep_for(milliseconds(1));
  }
  uint64_t written() const { return written_; }
  uint64_t read() const { return read_; }
  uint64_t errors() const { return errors_; }

 private:
  CallOptions Options() const {
    CallOptions options;
    options.timeout = kPatience;
    return options;
  }
  void StartWrite(int i) {
    ++running_;
    client_->PutAsync("key" + std::to_string(i), "value", Options(), [this, i](auto result) {
      ++(result.ok() ? written_ : errors_);
      EXPECT_TRUE(result.ok()) << result.status();
      if (!ended_) StartWrite(i);
      --running_;
    });
  }
  void StartRead(int i) {
    ++running_;
    client_->GetAsync("key" + std::to_string(i), Options(), [this, i](auto result) {
      ++(result.ok() ? read_ : errors_);
      EXPECT_TRUE(result.ok()) << result.status();
      if (!ended_) StartRead(i);
      --running_;
    });
  }

  Client* const client_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> running_ = 0;
  std::atomic<uint64_t> written_ = 0, read_ = 0, errors_ = 0;
};

class HandoverTest : public ::testing::Test {
 protected:
  HandoverInfo MustHandOver(const std::string& id) {
    HandoverOrder order;
    order.id = id;
    order.probation = milliseconds(20);
    CallOptions options;
    options.timeout = kPatience;
    const absl::StatusOr<HandoverInfo> handover = cluster_.admin().StartHandover(order, options);
    EXPECT_TRUE(handover.ok()) << handover.status();
    if (!handover.ok()) return {};
    EXPECT_EQ(handover->state(), HandoverState::kDone) << handover->outcome;
    return *handover;
  }

  Cluster cluster_;
};

// The figures are bench/handover's; here they are bounds for a loaded machine, four times what is
// promised.
TEST_F(HandoverTest, NoClientSeesOne) {
  constexpr int kHandovers = 15;
  ASSERT_GE(cluster_.AwaitLeader(), 0);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  std::vector<int64_t> pauses_us;
  {
    Load load(&cluster_.client());
    for (int i = 0; i < kHandovers; ++i) {
      const HandoverInfo handover = MustHandOver("move-" + std::to_string(i));
      if (handover.write_pause_us > 0) pauses_us.push_back(handover.write_pause_us);
    }
    load.End();
    EXPECT_EQ(load.errors(), 0u);
    EXPECT_GT(load.written(), 100u);
    EXPECT_GT(load.read(), 100u);
  }
  ASSERT_GE(pauses_us.size(), static_cast<size_t>(kHandovers) * 2 / 3) << "pauses are recorded";
  std::sort(pauses_us.begin(), pauses_us.end());
  EXPECT_LE(pauses_us[pauses_us.size() / 2], 20'000);
  EXPECT_LE(pauses_us[pauses_us.size() - 2], 100'000);
}

TEST_F(HandoverTest, ALeaderThatIsAskedToStopHandsOverFirst) {
  ASSERT_TRUE(cluster_.AwaitHealthy());
  const int leader = cluster_.AwaitLeader();
  ASSERT_GE(leader, 0);
  {
    Load load(&cluster_.client());
    EXPECT_EQ(cluster_.Terminate(leader), 0);
    ASSERT_GE(cluster_.AwaitLeader(leader), 0);
    load.End();
    EXPECT_EQ(load.errors(), 0u);
  }
  EXPECT_NE(cluster_.Log(leader).find("leadership is handed over"), std::string::npos)
      << cluster_.Log(leader);
  const absl::StatusOr<HandoverPage> page = cluster_.admin().ListHandovers();
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->handovers.size(), 2u) << "the first election, and the drain";
  EXPECT_TRUE(page->handovers[0].election());
  EXPECT_EQ(page->handovers[1].reason, "drain");
  EXPECT_EQ(page->handovers[1].actor, "n" + std::to_string(leader + 1));
}

TEST_F(HandoverTest, TheSameIdIsOneHandoverAtEveryNode) {
  ASSERT_TRUE(cluster_.AwaitHealthy());
  const HandoverInfo first = MustHandOver("once");
  const int leader = cluster_.AwaitLeader();
  for (int i = 0; i < cluster_.size(); ++i) {
    const auto admin = Admin::Connect({.endpoints = {cluster_.address(i)}});
    ASSERT_TRUE(admin.ok());
    HandoverOrder order;
    order.id = "once";
    order.probation = milliseconds(20);
    CallOptions options;
    options.timeout = kPatience;
    const auto again = (**admin).StartHandover(order, options);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->successor_round, first.successor_round);
    EXPECT_EQ(again->steps.size(), first.steps.size());
    order.to.name = "n1";
    EXPECT_EQ(GetReason((**admin).StartHandover(order, options).status()),
              Reason::kHandoverRefused);
  }
  EXPECT_EQ(cluster_.AwaitLeader(), leader) << "nothing moved again";
}

}  // namespace
}  // namespace baton::testing
