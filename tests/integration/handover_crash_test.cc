// Handovers between real processes of which some are killed with SIGKILL, in each state, under load
// in both modes. Afterwards one outcome is recorded, asking again gives it at every node, writes go
// on, and what was acknowledged is readable, or listed if the old leader alone had it. The same for
// every event of a handover is tests/server/replica/handover_crash_sim_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"
#include "tests/integration/key_writer.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two states that are short: the message that leads to each is held back.
constexpr char kTakeOver[] = "TAKEOVER";
constexpr char kReign[] = "REIGN";

enum class Struck { kOldLeader, kTarget, kThird, kBoth, kAll };

const struct {
  Struck struck;
  const char* name;
} kStruck[] = {{Struck::kOldLeader, "the old leader"},
               {Struck::kTarget, "the target"},
               {Struck::kThird, "the third node"},
               {Struck::kBoth, "the old leader and the target"},
               {Struck::kAll, "all"}};

ClusterOptions WithFaults() {
  ClusterOptions options;
  options.flags = {"--fault-injection"};
  return options;
}

CallOptions Patient() {
  CallOptions options;
  options.timeout = kPatience;
  return options;
}

class HandoverCrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    KeyspaceSettings settings;
    settings.mode = KeyspaceMode::kAsync;
    ASSERT_TRUE(cluster_.admin().CreateKeyspace("fast", settings, "a test", Patient()).ok());
  }

  // One handover, of which `struck` is killed in the state, and the processes started again.
  void Tell(const std::string& state, Struck struck, const std::string& id) {
    ASSERT_TRUE(cluster_.AwaitHealthy());
    from_ = cluster_.AwaitLeader();
    ASSERT_GE(from_, 0);
    to_ = (from_ + 1) % cluster_.size();
    // Messages take a while, so that each state lasts long enough to be struck.
    for (int i = 0; i < cluster_.size(); ++i) cluster_.Fault(i, "delay all 5");
    if (state == kTakeOver) {
      cluster_.Fault(from_, "pause-at take_over");
    } else if (state == kReign) {
      cluster_.Fault(to_, "pause-at accept");
    }

    HandoverOrder order = Order(id);
    order.wait = false;
    auto asked = std::async(std::launch::async, [this, order] {
      return cluster_.admin().StartHandover(order, Patient()).status();
    });
    ASSERT_TRUE(Eventually([&] { return Reached(state, id); })) << "never came to " << state;
    const std::vector<int> victims = Victims(struck);
    for (const int node : victims) cluster_.Kill(node);
    for (const int node : {from_, to_}) {
      if (cluster_.Running(node)) cluster_.Resume(node);
    }
    if (victims.size() == 1) {
      EXPECT_TRUE(cluster_.AwaitWritable()) << "two of three are there";
    }
    for (const int node : victims) cluster_.Start(node);
    EXPECT_TRUE(cluster_.AwaitWritable());
    EXPECT_TRUE(asked.get().ok());
    ASSERT_TRUE(cluster_.AwaitHealthy());
    ExpectOneOutcome(id);
  }

  HandoverOrder Order(const std::string& id) const {
    HandoverOrder order;
    order.id = id;
    order.to.name = "n" + std::to_string(to_ + 1);
    order.reason = "a test";
    order.deadline = seconds(5);
    order.probation = milliseconds(100);
    return order;
  }

  std::vector<int> Victims(Struck struck) const {
    switch (struck) {
      case Struck::kOldLeader:
        return {from_};
      case Struck::kTarget:
        return {to_};
      case Struck::kThird:
        return {3 - from_ - to_};
      case Struck::kBoth:
        return {from_, to_};
      case Struck::kAll:
        return {0, 1, 2};
    }
    return {};
  }

  bool Reached(const std::string& state, const std::string& id) const {
    if (state == kTakeOver) return Stopped(cluster_.pid(from_));
    if (state == kReign) return Stopped(cluster_.pid(to_));
    for (int i = 0; i < cluster_.size(); ++i) {
      const std::string said = "handover " + id + " to n" + std::to_string(to_ + 1) + ": " + state;
      if (cluster_.Log(i).find(said) != std::string::npos) return true;
    }
    return false;
  }

  static bool Stopped(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string ignored, command, state;
    return static_cast<bool>(stat >> ignored >> command >> state) && state == "T";
  }

  // If the request was lost with all who had it, asking again brings it about.
  void ExpectOneOutcome(const std::string& id) {
    const auto first = cluster_.admin().StartHandover(Order(id), Patient());
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_TRUE(IsFinal(first->state()));
    EXPECT_NE(first->outcome, "");
    for (int i = 0; i < cluster_.size(); ++i) {
      const auto admin = Admin::Connect({.endpoints = {cluster_.address(i)}});
      ASSERT_TRUE(admin.ok());
      const auto again = (**admin).StartHandover(Order(id), Patient());
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(again->state(), first->state());
      EXPECT_EQ(again->steps.size(), first->steps.size());
      EXPECT_EQ(again->outcome, first->outcome);
      EXPECT_EQ(again->successor_round, first->successor_round);
    }
    HandoverOrder other = Order(id);
    other.reason = "another";
    EXPECT_EQ(GetReason(cluster_.admin().StartHandover(other, Patient()).status()),
              Reason::kHandoverRefused);
  }

  std::set<std::string> KeysOf(std::vector<std::string> arguments) {
    std::set<std::string> keys;
    for (const auto& [key, line] : LinesByKey(std::move(arguments), cluster_.endpoints())) {
      keys.insert(key);
    }
    return keys;
  }
  std::string FirstMissing(const KeyWriter& writer, const std::set<std::string>& keys) {
    for (const auto& [key, ack] : writer.acknowledged()) {
      if (!keys.contains(key)) return key;
    }
    return "";
  }
  void ExpectEverythingAcknowledged(const KeyWriter& sync, const KeyWriter& async) {
    EXPECT_EQ(FirstMissing(sync, KeysOf({"export"})), "") << "is lost, and had a quorum";
    const std::set<std::string> present = KeysOf({"export", "--keyspace", "fast"});
    std::set<std::string> known;
    EXPECT_TRUE(Eventually([&] {
      known = KeysOf({"loss", "export", "--keyspace", "fast"});
      for (const std::string& key : known) EXPECT_FALSE(present.contains(key)) << key << " is both";
      known.insert(present.begin(), present.end());
      return FirstMissing(async, known).empty();
    })) << FirstMissing(async, known)
        << " is neither readable nor listed";
    std::set<uint64_t> revisions;
    for (const KeyWriter* writer : {&sync, &async}) {
      for (const auto& [key, ack] : writer->acknowledged()) {
        EXPECT_TRUE(revisions.insert(ack.revision).second) << "two leaders gave " << ack.revision;
      }
    }
  }

  Cluster cluster_{WithFaults()};
  int from_ = 0;
  int to_ = 0;
};

TEST_P(HandoverCrashTest, LeavesOneOutcomeAndLosesNothing) {
  const std::string state = GetParam();
  KeyWriter sync(&cluster_.client(), "default", "w", 32);
  KeyWriter async(&cluster_.client(), "fast", "w", 8);
  int told = 0;
  for (const auto& [struck, name] : kStruck) {
    SCOPED_TRACE(state + ", killed: " + name);
    Tell(state, struck, "story-" + std::to_string(++told));
    if (HasFatalFailure()) break;
  }
  sync.End();
  async.End();
  ExpectEverythingAcknowledged(sync, async);
}

INSTANTIATE_TEST_SUITE_P(States, HandoverCrashTest,
                         ::testing::Values("REQUESTED", "PREFLIGHT", "READY", "SEALED", kTakeOver,
                                           kReign, "PROBATION"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace baton::testing
