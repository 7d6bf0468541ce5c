// batond --fault-injection between real processes: disks that stall, fill up and fail, links that
// delay and that carry one way only, and nodes that end at a step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"
#include "tests/loopback.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

ClusterOptions WithFaults() {
  ClusterOptions options;
  options.flags = {"--fault-injection"};
  return options;
}

class FaultInjectionTest : public ::testing::Test {
 protected:
  std::vector<std::string> Fault(int node, const std::string& command) {
    return cluster_.Fault(node, command);
  }
  void ClearAll() {
    for (int i = 0; i < cluster_.size(); ++i) {
      if (cluster_.Running(i)) Fault(i, "clear");
    }
  }
  std::string Name(int node) const { return "n" + std::to_string(node + 1); }
  // Why reigns of this node have ended, as it has logged.
  std::vector<std::string> ReasonsOfEnds(int node) const {
    const std::string said = " has ended here: ";
    const std::string log = cluster_.Log(node);
    std::vector<std::string> reasons;
    for (size_t at = log.find(said); at != std::string::npos; at = log.find(said, at)) {
      at += said.size();
      reasons.push_back(log.substr(at, log.find('\n', at) - at));
    }
    return reasons;
  }

  absl::StatusCode Put(const std::string& key, const std::string& value, milliseconds timeout) {
    CallOptions options;
    options.timeout = timeout;
    return cluster_.client().Put(key, value, options).status().code();
  }
  // Acknowledged within `kPatience`: repeated while refused or unknown.
  bool PutEventually(const std::string& key, const std::string& value) {
    return Eventually([&] { return Put(key, value, seconds(2)) == absl::StatusCode::kOk; });
  }
  std::string Read(const std::string& key) {
    CallOptions options;
    options.timeout = kPatience;
    const absl::StatusOr<GetResult> read = cluster_.client().Get(key, options);
    if (!read.ok()) return read.status().ToString();
    return read->record ? read->record->value : "(none)";
  }

  Cluster cluster_{WithFaults()};
};

TEST_F(FaultInjectionTest, AStallOfTheLeadersDiskLosesNothing) {
  ASSERT_TRUE(PutEventually("before", "1"));
  const int leader = cluster_.AwaitLeader();
  Fault(leader, "stall 2000");
  int acknowledged = 0;
  for (; acknowledged < 5; ++acknowledged) {
    ASSERT_TRUE(PutEventually("stalled/" + std::to_string(acknowledged), "x"));
  }
  ASSERT_TRUE(Eventually([&] { return Fault(leader, "list").empty(); }));
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("before"), "1");
  for (int i = 0; i < acknowledged; ++i) EXPECT_EQ(Read("stalled/" + std::to_string(i)), "x");
}

TEST_F(FaultInjectionTest, WritesGoOnUnderAnotherLeaderWhileTheLeadersDiskIsStuck) {
  ASSERT_TRUE(PutEventually("key", "0"));
  const int stuck = cluster_.AwaitLeader();
  Fault(stuck, "stall");
  for (int i = 1; i <= 20; ++i) ASSERT_TRUE(PutEventually("key", std::to_string(i)));
  EXPECT_GE(cluster_.AwaitLeader(stuck), 0);
  Fault(stuck, "clear");
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "20");
}

TEST_F(FaultInjectionTest, ASlowDiskIsKnownToAllAndEndsNoReign) {
  ASSERT_TRUE(PutEventually("key", "0"));
  const int leader = cluster_.AwaitLeader();
  const int slow = (leader + 1) % cluster_.size();
  // The disk of a node, as another one has heard.
  const auto disk = [&](int at) -> std::string {
    const auto status = cluster_.Status(at);
    if (!status) return "";
    for (const MemberHealth& health : status->health) {
      if (health.name == Name(slow)) return health.disk;
    }
    return "";
  };
  ASSERT_TRUE(Eventually([&] { return PutEventually("key", "1") && disk(leader) == "normal"; }));
  Fault(slow, "slow 200");
  for (int at = 0; at < cluster_.size(); ++at) {
    EXPECT_TRUE(Eventually([&] { return PutEventually("key", "2") && disk(at) == "slow"; })) << at;
  }
  // A leader that is starved of its processor may be replaced. It gives nothing up by itself.
  for (const std::string& why : ReasonsOfEnds(leader)) {
    EXPECT_THAT(why, ::testing::AnyOf(StartsWith("no quorum for "), StartsWith("promised "),
                                      StartsWith("its disk has completed no write for ")));
  }
}

TEST_F(FaultInjectionTest, AFollowerWithAStalledDiskHoldsNobodyUp) {
  ASSERT_TRUE(PutEventually("key", "0"));
  const int leader = cluster_.AwaitLeader();
  const int follower = (leader + 1) % cluster_.size();
  Fault(follower, "stall");
  for (int i = 1; i <= 20; ++i) {
    ASSERT_EQ(Put("key", std::to_string(i), kPatience), absl::StatusCode::kOk);
  }
  Fault(follower, "clear");
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "20");
}

TEST_F(FaultInjectionTest, ANodeStopsInGoodOrderWhileItsDiskStalls) {
  const int leader = cluster_.AwaitLeader();
  Fault((leader + 1) % 3, "stall");
  ASSERT_TRUE(PutEventually("key", "1"));
  EXPECT_EQ(cluster_.Terminate((leader + 1) % 3), 0);
}

TEST_F(FaultInjectionTest, ALeaderThatCannotSendIsReplaced) {
  ASSERT_TRUE(PutEventually("key", "old"));
  const int old_leader = cluster_.AwaitLeader();
  EXPECT_EQ(Fault(old_leader, "drop all").size(), 2u);
  ASSERT_GE(cluster_.AwaitLeader(old_leader), 0);
  ASSERT_TRUE(PutEventually("key", "new"));
  ClearAll();
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "new");
}

TEST_F(FaultInjectionTest, ALeaderThatCannotHearIsReplaced) {
  ASSERT_TRUE(PutEventually("key", "old"));
  const int old_leader = cluster_.AwaitLeader();
  for (int i = 0; i < cluster_.size(); ++i) {
    if (i != old_leader) Fault(i, "drop " + Name(old_leader));
  }
  ASSERT_GE(cluster_.AwaitLeader(old_leader), 0);
  ASSERT_TRUE(PutEventually("key", "new"));
  ClearAll();
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "new");
}

TEST_F(FaultInjectionTest, ADelayedWriteTakesARoundTrip) {
  constexpr milliseconds kOneWay{30};
  ASSERT_TRUE(PutEventually("key", "0"));
  const int leader = cluster_.AwaitLeader();
  for (int i = 0; i < cluster_.size(); ++i) {
    Fault(i, "delay all " + std::to_string(kOneWay.count()));
  }
  for (int i = 1; i <= 5; ++i) {
    const Clock::time_point began = Clock::now();
    ASSERT_EQ(Put("key", std::to_string(i), kPatience), absl::StatusCode::kOk);
    EXPECT_GE(Clock::now() - began, 2 * kOneWay);
  }
  EXPECT_EQ(Fault(leader, "clear"), std::vector<std::string>{});
  ClearAll();
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "5");
}

TEST_F(FaultInjectionTest, WritesAreRefusedWhileTheLeadersDiskIsFull) {
  ASSERT_TRUE(PutEventually("key", "1"));
  const int leader = cluster_.AwaitLeader();
  Fault(leader, "full");
  ASSERT_TRUE(Eventually(
      [&] { return Put("key", "2", milliseconds(500)) == absl::StatusCode::kResourceExhausted; }));
  EXPECT_THAT(Read("key"), ::testing::AnyOf("1", "2"));
  Fault(leader, "clear");
  ASSERT_TRUE(PutEventually("key", "3"));
  EXPECT_EQ(Read("key"), "3");
}

TEST_F(FaultInjectionTest, ANodeWhoseSyncFailsStopsAtOnceAndComesBack) {
  ASSERT_TRUE(PutEventually("key", "1"));
  const int leader = cluster_.AwaitLeader();
  Fault(leader, "fail");
  ASSERT_TRUE(PutEventually("key", "2"));
  EXPECT_EQ(cluster_.AwaitExit(leader), 3);
  EXPECT_THAT(cluster_.Log(leader), HasSubstr("a failure was injected"));
  ASSERT_TRUE(PutEventually("key", "3"));
  cluster_.Start(leader);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "3");
}

TEST_F(FaultInjectionTest, EndsAndPausesAtAStep) {
  ASSERT_TRUE(PutEventually("key", "1"));
  const int leader = cluster_.AwaitLeader();
  const int follower = (leader + 1) % cluster_.size();
  Fault(follower, "kill-at accepted");  // its log holds what it has not told of
  EXPECT_EQ(cluster_.AwaitExit(follower), -1);
  cluster_.Start(follower);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  Fault(cluster_.AwaitLeader(), "pause-at accept 2");  // the other follower has been sent it
  const int paused = cluster_.AwaitLeader();
  ASSERT_TRUE(PutEventually("key", "2"));
  const int next = cluster_.AwaitLeader(paused);
  ASSERT_GE(next, 0);
  cluster_.Resume(paused);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  Fault(next, "kill-at accept");
  ASSERT_TRUE(PutEventually("key", "3"));
  EXPECT_EQ(cluster_.AwaitExit(next), -1);
  cluster_.Start(next);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "3");
}

TEST(FaultInjectionCommandTest, IsRefusedOffLoopback) {
  const std::string directory = ::testing::TempDir() + "never_made_" + std::to_string(getpid());
  const CommandResult result =
      RunCommand({BATOND_PATH, "--fault-injection", "--name", "n1", "--data-dir", directory,
                  "--client-address", "192.0.2.1:7400"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("--fault-injection is for nodes on loopback alone"));
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(FaultInjectionCommandTest, IsDrivenByTheCommandLine) {
  std::string directory = ::testing::TempDir() + "baton_faults_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const auto local = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BATON_PATH, "local"});
    arguments.insert(arguments.end(), {"--dir", directory});
    return RunCommand(arguments);
  };
  const CommandResult up = local({"up", "--nodes", "1", "--fault-injection", "--base-port",
                                  std::to_string(loopback::FreePort())});
  EXPECT_EQ(up.exit_code, 0) << up.err;
  EXPECT_EQ(local({"fault", "n1", "list"}).out, "no fault is in force\n");
  EXPECT_EQ(local({"fault", "n1", "slow", "5"}).out, "slow 5\n");
  EXPECT_EQ(local({"fault", "n1", "list", "-o", "json"}).out,
            "{\"node\":\"n1\",\"faults\":[\"slow 5\"]}\n");
  const CommandResult wrong = local({"fault", "n1", "burn"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("no fault is called \"burn\""));
  EXPECT_EQ(local({"fault", "n9", "list"}).exit_code, 3);
  EXPECT_EQ(local({"kill", "n1"}).exit_code, 0);
  EXPECT_EQ(local({"fault", "n1", "list"}).exit_code, 4);
  EXPECT_EQ(local({"start", "n1"}).exit_code, 0);  // as it was brought up: with faults
  EXPECT_TRUE(Eventually([&] { return local({"fault", "n1", "list"}).exit_code == 0; }));
  EXPECT_EQ(local({"down"}).exit_code, 0);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace baton::testing
