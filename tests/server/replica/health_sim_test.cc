// What nodes say of themselves, and what comes of it: who is known to be fit, who leads next.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

using consensus::DiskClass;
using consensus::LagClass;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStallUs = consensus::kLanTiming.stall_us;

class Health : public ::testing::Test {
 protected:
  void Begin(SimOptions options) {
    cluster_.emplace(std::move(options));
    leader_ = cluster_->ElectLeader();
    ASSERT_NE(leader_, 0u);
    follower_ = leader_ % 3 + 1;
    other_ = follower_ % 3 + 1;
    WriteFor(5 * kSecond);  // every node learns its disk
  }
  // Writes at the leader, whoever it is, a few times a second; how many were acknowledged.
  int WriteFor(int64_t for_us) {
    int acked = 0;
    for (const int64_t end_us = cluster_->now_us() + for_us; cluster_->now_us() < end_us;) {
      const uint32_t leads = cluster_->Leader();
      if (leads != 0) acked += cluster_->Put(leads, "k", "v").failure.ok();
      cluster_->RunFor(100'000);
    }
    return acked;
  }
  // Of `n`, as node `at` has it.
  consensus::NodeHealth Of(uint32_t n, uint32_t at) {
    for (const MemberHealthInfo& info : cluster_->node(at)->Status().health) {
      if (info.name == "n" + std::to_string(n)) return info.health;
    }
    ADD_FAILURE() << "nothing is known of n" << n << " at n" << at;
    return {};
  }
  uint64_t Reigns() {
    uint64_t reigns = 0;
    for (uint32_t n = 1; n <= 3; ++n) {
      if (cluster_->node(n)) reigns += cluster_->node(n)->metrics().reigns_opened.Get();
    }
    return reigns;
  }

  std::optional<SimCluster> cluster_;
  uint32_t leader_ = 0, follower_ = 0, other_ = 0;
};

TEST_F(Health, EveryNodeKnowsHowAllStand) {
  Begin({.seed = 61, .adjust = [](ReplicaOptions* options) {
           options->wishes.region = static_cast<uint8_t>(options->self.node.value);
           options->wishes.barred = options->self.node == NodeId{3};
         }});
  for (uint32_t at = 1; at <= 3; ++at) {
    for (uint32_t n = 1; n <= 3; ++n) {
      const consensus::NodeHealth health = Of(n, at);
      EXPECT_EQ(health.region, n);
      EXPECT_EQ(health.barred, n == 3);
      EXPECT_EQ(health.disk, DiskClass::kNormal);
      EXPECT_EQ(health.lag, LagClass::kClose);
      EXPECT_FALSE(health.recovering);
    }
  }
}

TEST_F(Health, ABarredNodeLeadsOnlyIfNobodyElseCan) {
  Begin({.seed = 62, .adjust = [](ReplicaOptions* options) {
           options->wishes.barred = options->self.node != NodeId{3};
         }});
  if (leader_ != 3) {
    cluster_->Stop(leader_);
    ASSERT_EQ(cluster_->ElectLeader(), 3u);
    cluster_->Start(leader_);
    WriteFor(3 * kSecond);
  }
  cluster_->Stop(3);
  EXPECT_NE(cluster_->ElectLeader(), 0u);
}

// Rank is lost long before anything is fenced: the slow node serves on, and does not lead next.
TEST_F(Health, ASlowDiskLosesRankAndNothingElse) {
  Begin({.seed = 63});
  const uint32_t next = std::min(follower_, other_);  // by node id, were both alike
  const uint32_t after = std::max(follower_, other_);
  cluster_->SlowDisk(next, 150'000);
  EXPECT_GT(WriteFor(15 * kSecond), 50);
  EXPECT_EQ(cluster_->Leader(), leader_);
  EXPECT_EQ(Reigns(), 1u);
  EXPECT_EQ(Of(next, leader_).disk, DiskClass::kSlow);
  EXPECT_EQ(Of(next, after).disk, DiskClass::kSlow);
  EXPECT_EQ(Of(after, next).disk, DiskClass::kNormal);
  EXPECT_EQ(cluster_->node(next)->metrics().disk_class.Get(), 1u);

  cluster_->Crash(leader_, false);
  EXPECT_EQ(cluster_->ElectLeader(), after);
  cluster_->SlowDisk(next, 0);
  WriteFor(20 * kSecond);
  EXPECT_EQ(Of(next, after).disk, DiskClass::kNormal);
}

TEST_F(Health, AStallShorterThanTheLimitMovesNothing) {
  Begin({.seed = 64});
  for (int i = 0; i < 5; ++i) {
    cluster_->StickDisk(leader_, true);
    const uint64_t tag = cluster_->Submit(
        leader_, {engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"k", "v"}}}}, 5 * kSecond);
    cluster_->RunFor(kStallUs - 100'000);
    cluster_->StickDisk(leader_, false);
    ASSERT_TRUE(
        cluster_->RunUntil([&] { return cluster_->sink()->answers.count(tag) != 0; }, kSecond));
    EXPECT_TRUE(cluster_->sink()->answers.at(tag).failure.ok());
    cluster_->RunFor(300'000);
  }
  EXPECT_EQ(cluster_->Leader(), leader_);
  EXPECT_EQ(Reigns(), 1u);
}

TEST_F(Health, ALongerStallMovesTheLeader) {
  Begin({.seed = 65});
  cluster_->StickDisk(leader_, true);
  const int64_t began_us = cluster_->now_us();
  ASSERT_TRUE(cluster_->RunUntil(
      [&] { return cluster_->Leader() != 0 && cluster_->Leader() != leader_; }, 10 * kSecond));
  EXPECT_GE(cluster_->now_us() - began_us, kStallUs);
  EXPECT_LE(cluster_->now_us() - began_us, kStallUs + 500'000);
  EXPECT_GT(WriteFor(3 * kSecond), 10);
  // It has promised the new leader's ballot, cannot write that down, and so cannot answer.
  EXPECT_EQ(Of(leader_, cluster_->Leader()).lag, LagClass::kSilent);
  EXPECT_EQ(cluster_->node(leader_)->metrics().disk_class.Get(), 2u);
  cluster_->StickDisk(leader_, false);
  EXPECT_GT(WriteFor(kSecond), 3);
  EXPECT_NE(cluster_->Leader(), leader_);
  EXPECT_EQ(Reigns(), 2u);
}

TEST_F(Health, AHigherStallLimitLetsALongerStallPass) {
  Begin({.seed = 66,
         .adjust = [](ReplicaOptions* options) { options->timing.stall_us = 3 * kSecond; }});
  cluster_->StickDisk(leader_, true);
  cluster_->RunFor(2 * kSecond);
  cluster_->StickDisk(leader_, false);
  cluster_->RunFor(2 * kSecond);
  EXPECT_EQ(cluster_->Leader(), leader_);
  EXPECT_EQ(Reigns(), 1u);
}

// Where nothing is written a probe tells.
TEST_F(Health, AnIdleFollowersStuckDiskIsKnown) {
  Begin({.seed = 67});
  cluster_->RunFor(5 * kSecond);
  cluster_->StickDisk(follower_, true);
  cluster_->RunFor(3 * kSecond);
  EXPECT_EQ(Of(follower_, leader_).disk, DiskClass::kStuck);
  EXPECT_EQ(cluster_->Leader(), leader_);
  cluster_->StickDisk(follower_, false);
  cluster_->RunFor(kSecond);
  EXPECT_EQ(Of(follower_, leader_).disk, DiskClass::kSlow);
  cluster_->RunFor(60 * kSecond);
  EXPECT_EQ(Of(follower_, leader_).disk, DiskClass::kNormal);
}

TEST_F(Health, ASilentNodeIsKnownAsSuch) {
  Begin({.seed = 68});
  cluster_->Crash(follower_, false);
  cluster_->RunFor(2 * kSecond);
  EXPECT_EQ(Of(follower_, leader_).lag, LagClass::kSilent);
  EXPECT_EQ(Of(follower_, other_).lag, LagClass::kSilent);
}

TEST_F(Health, AFullDiskAndALongReplayAreRecovering) {
  Begin({.seed = 69});
  // The disk fills up while there is something to write.
  cluster_->fs(follower_).SetCapacity(0);
  const std::string value(4'000, 'x');
  for (int i = 0; i < 300; ++i) cluster_->Put(leader_, "k" + std::to_string(i % 50), value);
  cluster_->RunFor(3 * kSecond);
  EXPECT_TRUE(Of(follower_, leader_).recovering);
  cluster_->fs(follower_).SetCapacity(1 << 30);
  cluster_->RunFor(5 * kSecond);
  EXPECT_FALSE(Of(follower_, leader_).recovering);
}

}  // namespace
}  // namespace baton::server
