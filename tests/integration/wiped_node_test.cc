// A member whose data directory was removed is another node: it does not vote as the old one.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/cluster.h"

namespace baton::testing {
namespace {

TEST(WipedNodeTest, DoesNotVoteAsTheOldNode) {
  Cluster cluster;
  ASSERT_TRUE(cluster.client().Put("key", "value").ok());
  const int wiped = (cluster.AwaitLeader() + 1) % 3;
  const int other = 3 - wiped - cluster.AwaitLeader();
  cluster.Kill(wiped);
  std::filesystem::remove_all(cluster.DataDirectory(wiped));
  cluster.Start(wiped);
  ASSERT_TRUE(Eventually([&] { return cluster.Status(wiped).has_value(); })) << cluster.Log(wiped);
  EXPECT_EQ(cluster.Status(wiped)->state, "unformed");

  // The two whole members are a quorum; forming again does not let the stranger in.
  EXPECT_TRUE(cluster.AwaitWritable());
  EXPECT_FALSE(cluster.Form().ok());
  EXPECT_EQ(cluster.Status(wiped)->state, "unformed");

  // One whole member and the stranger are none.
  cluster.Kill(other);
  CallOptions options;
  options.timeout = std::chrono::seconds(4);
  EXPECT_FALSE(cluster.client().Put("key", "from a minority", options).ok());
  EXPECT_FALSE(cluster.client().Get("key", options).ok());
  EXPECT_EQ(cluster.Status(wiped)->state, "unformed");
  EXPECT_EQ(cluster.Status(wiped)->ballot_round, 0u);

  cluster.Start(other);
  EXPECT_TRUE(cluster.AwaitWritable());
  options.timeout = kPatience;
  const absl::StatusOr<GetResult> read = cluster.client().Get("key", options);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(read->record.has_value());
  EXPECT_TRUE(read->record->value == "value" || read->record->value == "from a minority");
}

// As when the log lies on a disk of its own that is not mounted.
TEST(WipedNodeTest, AMemberWhoseLogIsGoneDoesNotStart) {
  Cluster cluster;
  ASSERT_TRUE(cluster.client().Put("key", "value").ok());
  cluster.Kill(1);
  const std::filesystem::path log = cluster.DataDirectory(1) + "/wal";
  const std::filesystem::path away = cluster.DataDirectory(1) + "/wal-away";
  std::filesystem::rename(log, away);
  cluster.Start(1);
  EXPECT_GT(cluster.AwaitExit(1), 0) << cluster.Log(1);
  EXPECT_NE(cluster.Log(1).find("is gone"), std::string::npos) << cluster.Log(1);

  std::filesystem::remove_all(log);
  std::filesystem::rename(away, log);
  cluster.Start(1);
  EXPECT_TRUE(Eventually([&] {
    const auto status = cluster.Status(1);
    return status.has_value() && status->state == "follower";
  })) << cluster.Log(1);
}

TEST(WipedNodeTest, ADirectoryOfAnotherNodeIsRefusedWithAnExplanation) {
  Cluster cluster;
  cluster.Kill(1);
  cluster.Kill(2);
  std::filesystem::remove_all(cluster.DataDirectory(2));
  std::filesystem::rename(cluster.DataDirectory(1), cluster.DataDirectory(2));
  cluster.Start(2);
  EXPECT_GT(cluster.AwaitExit(2), 0) << cluster.Log(2);
  EXPECT_NE(cluster.Log(2).find("n2"), std::string::npos) << cluster.Log(2);
}

TEST(WipedNodeTest, ASecondProcessOnOneDirectoryIsRefused) {
  ClusterOptions options;
  options.nodes = 1;
  options.form = false;
  Cluster cluster(options);
  ASSERT_TRUE(Eventually([&] { return cluster.Status(0).has_value(); }));
  Cluster second(options);
  second.Kill(0);
  std::filesystem::remove_all(second.DataDirectory(0));
  std::filesystem::create_directory_symlink(cluster.DataDirectory(0), second.DataDirectory(0));
  second.Start(0);
  EXPECT_GT(second.AwaitExit(0), 0) << second.Log(0);
  EXPECT_NE(second.Log(0).find("is in use by process"), std::string::npos) << second.Log(0);
  EXPECT_TRUE(cluster.Running(0));
}

}  // namespace
}  // namespace baton::testing
