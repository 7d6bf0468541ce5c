// The leader dies, hangs or is asked to stop: writes go on under another one.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/cluster.h"
#include "tests/integration/load.h"

namespace baton::testing {
namespace {

class FailoverTest : public ::testing::Test {
 protected:
  // Acknowledged within `kPatience`, whatever happens meanwhile: repeated while refused or unknown.
  bool PutEventually(const std::string& key, const std::string& value) {
    return Eventually([&] {
      CallOptions options;
      options.timeout = std::chrono::seconds(2);
      return cluster_.client().Put(key, value, options).ok();
    });
  }
  std::string Read(const std::string& key) {
    CallOptions options;
    options.timeout = kPatience;
    const absl::StatusOr<GetResult> read = cluster_.client().Get(key, options);
    if (!read.ok()) return read.status().ToString();
    return read->record ? read->record->value : "(none)";
  }

  Cluster cluster_;
};

TEST_F(FailoverTest, KilledLeaderIsReplacedAndComesBackAsAFollower) {
  const int old_leader = cluster_.AwaitLeader();
  ASSERT_TRUE(PutEventually("before", "1"));
  cluster_.Kill(old_leader);
  ASSERT_TRUE(PutEventually("after", "2"));
  const int new_leader = cluster_.AwaitLeader(old_leader);
  ASSERT_GE(new_leader, 0);
  EXPECT_EQ(Read("before"), "1");
  const auto status = cluster_.Status(new_leader);
  const std::string reign =
      "reign " + std::to_string(status->ballot_round) + "." + std::to_string(status->ballot_node);
  const std::string log = cluster_.Log(3 - old_leader - new_leader);
  for (const char* said : {": promised to n", ": n"}) {
    EXPECT_NE(log.find(reign + said), std::string::npos) << reign << said << " is not in\n" << log;
  }
  EXPECT_NE(cluster_.Log(new_leader).find(reign + " is open"), std::string::npos);
  cluster_.Start(old_leader);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("after"), "2");
  EXPECT_EQ(cluster_.Status(old_leader)->commit_slot, cluster_.Status(new_leader)->commit_slot);
}

TEST_F(FailoverTest, StoppedLeaderIsReplacedAndServesNothingStaleWhenItWakes) {
  const int old_leader = cluster_.AwaitLeader();
  ASSERT_TRUE(PutEventually("key", "old"));
  cluster_.Pause(old_leader);
  ASSERT_TRUE(PutEventually("key", "new"));
  const int new_leader = cluster_.AwaitLeader(old_leader);
  ASSERT_GE(new_leader, 0);
  cluster_.Resume(old_leader);
  // Asked alone, the node that led must pass the read on or refuse it, never answer "old".
  ClientOptions only_old;
  only_old.endpoints = {cluster_.address(old_leader)};
  const auto client = Client::Connect(only_old);
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 50; ++i) {
    const absl::StatusOr<GetResult> read = (*client)->Get("key");
    if (!read.ok()) continue;
    ASSERT_TRUE(read->record.has_value());
    ASSERT_EQ(read->record->value, "new");
  }
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "new");
}

TEST_F(FailoverTest, WithoutAQuorumNothingIsAcknowledgedAndThenEverythingGoesOn) {
  ASSERT_TRUE(PutEventually("key", "1"));
  const int leader = cluster_.AwaitLeader();
  for (int i = 0; i < cluster_.size(); ++i) {
    if (i != leader) cluster_.Kill(i);
  }
  CallOptions options;
  options.timeout = std::chrono::seconds(3);
  const absl::StatusOr<WriteResult> put = cluster_.client().Put("key", "2", options);
  EXPECT_FALSE(put.ok());
  // Whether a read without a quorum succeeds depends on the lease; once that is over it must not.
  EXPECT_FALSE(cluster_.client().Get("key", options).ok());
  for (int i = 0; i < cluster_.size(); ++i) cluster_.Start(i);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  const std::string value = Read("key");
  EXPECT_TRUE(value == "1" || value == "2") << value;
  EXPECT_TRUE(PutEventually("key", "3"));
  EXPECT_EQ(Read("key"), "3");
}

TEST_F(FailoverTest, TerminatedNodesEndCleanlyAndKeepEverything) {
  ASSERT_TRUE(PutEventually("key", "kept"));
  for (int i = 0; i < cluster_.size(); ++i) EXPECT_EQ(cluster_.Terminate(i), 0) << cluster_.Log(i);
  for (int i = 0; i < cluster_.size(); ++i) cluster_.Start(i);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Read("key"), "kept");
}

// How leaders are lost, and how a test does it.
const struct Way {
  const char* name;
  void (*lose)(Cluster* cluster, int leader);
} kWays[] = {
    {"Killed", [](Cluster* cluster, int leader) { cluster->Kill(leader); }},
    {"Paused", [](Cluster* cluster, int leader) { cluster->Pause(leader); }},
    {"DiskHangs", [](Cluster* cluster, int leader) { cluster->Fault(leader, "stall"); }},
    {"CannotSend", [](Cluster* cluster, int leader) { cluster->Fault(leader, "drop all"); }},
    {"CannotHear",
     [](Cluster* cluster, int leader) {
       const std::string drop = "drop n" + std::to_string(leader + 1);
       for (int i = 0; i < cluster->size(); ++i) {
         if (i != leader) cluster->Fault(i, drop);
       }
     }},
};

class FailoverUnderLoad : public ::testing::TestWithParam<Way> {};

// The figures are bench/failover's; 1.5 s is promised. Here twice that, for a loaded machine.
TEST_P(FailoverUnderLoad, StopsWritesForMomentsAndIsNotSeen) {
  ClusterOptions options;
  options.flags = {"--fault-injection"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.AwaitHealthy());
  const int leader = cluster.AwaitLeader();
  ASSERT_GE(leader, 0);
  Load load(&cluster.client());
  ASSERT_TRUE(Eventually([&] { return load.written() > 1'000; }));
  load.ResetGap();
  GetParam().lose(&cluster, leader);
  ASSERT_GE(cluster.AwaitLeader(leader), 0);
  const uint64_t written = load.written();
  EXPECT_TRUE(Eventually([&] { return load.written() > written + 1'000; }));
  load.End();
  EXPECT_EQ(load.errors(), 0u);
  EXPECT_LE(load.longest_gap(), std::chrono::seconds(3));
}

INSTANTIATE_TEST_SUITE_P(Ways, FailoverUnderLoad, ::testing::ValuesIn(kWays),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace baton::testing
