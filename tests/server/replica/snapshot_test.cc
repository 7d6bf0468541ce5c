// A member that was away for longer than the log is kept comes back by a snapshot: the whole way,
// with shipped stages in simulated time, over bad networks, and through a crash at every moment of
// the installation.
#include <gtest/gtest.h>

#include <string>

#include "server/replica/snapshot_install.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

SimOptions SmallLog(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.adjust = [](ReplicaOptions* replica) {
    replica->replay_bytes_max = 64 << 10;
    replica->truncate_bytes_min = 16 << 10;
    replica->log_retention_bytes = 512 << 10;
  };
  return options;
}

// Some 3 MiB of log, in two MiB of state.
void WriteMuch(SimCluster* cluster) {
  const std::string value(20'000, 'x');
  for (int i = 0; i < 150; ++i) {
    const uint32_t leader = cluster->Leader() != 0 ? cluster->Leader() : cluster->ElectLeader();
    ASSERT_TRUE(cluster->Put(leader, "k" + std::to_string(i % 100), value).failure.ok()) << i;
  }
  cluster->RunFor(300'000);
}

// A node is away until the leader has truncated what it needs.
uint32_t FallBehind(SimCluster* cluster) {
  const uint32_t leader = cluster->ElectLeader();
  const uint32_t away = leader % 3 + 1;
  cluster->RunFor(200'000);
  cluster->Crash(away, false);
  WriteMuch(cluster);
  EXPECT_GT(cluster->node(cluster->Leader())->Status().first, Slot{20});
  return away;
}

void ExpectSame(SimCluster* cluster) {
  const uint32_t leader = cluster->ElectLeader();
  ASSERT_NE(leader, 0u);
  const Answer last = cluster->Put(leader, "last", "now");
  ASSERT_TRUE(last.failure.ok()) << last.failure.message;
  const DigestResult expected = cluster->Digest(leader, last.position.slot);
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    const DigestResult digest = cluster->Digest(n, last.position.slot);
    ASSERT_TRUE(digest.failure.ok()) << "node " << n << ": " << digest.failure.message;
    EXPECT_EQ(digest.digest, expected.digest) << "node " << n;
    EXPECT_EQ(digest.count, expected.count) << "node " << n;
  }
}

bool CaughtUp(SimCluster* cluster, uint32_t n) {
  const uint32_t leader = cluster->Leader();
  return leader != 0 && cluster->node(n) != nullptr &&
         cluster->node(n)->Status().applied >= cluster->node(leader)->Status().commit;
}

TEST(SnapshotTest, BringsBackWhoNeedsWhatIsTruncated) {
  SimCluster cluster(SmallLog(1));
  const uint32_t away = FallBehind(&cluster);
  const uint32_t leader = cluster.Leader();
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 20'000'000));
  EXPECT_GT(cluster.node(away)->Status().first, Slot{20}) << "its log begins after the snapshot";
  EXPECT_EQ(cluster.Leader(), leader) << "the leader went on leading";
  ExpectSame(&cluster);
  EXPECT_EQ(cluster.node(leader)->metrics().snapshots_sent.Get(), 1u);
  EXPECT_GT(cluster.node(leader)->metrics().snapshot_bytes_sent.Get(), 1u << 20);
}

TEST(SnapshotTest, WritesGoOnMeanwhileAtABoundedRate) {
  SimOptions options = SmallLog(2);
  options.adjust = [adjust = options.adjust](ReplicaOptions* replica) {
    adjust(replica);
    replica->snapshot_bytes_per_second = 1 << 20;
  };
  SimCluster cluster(options);
  const uint32_t away = FallBehind(&cluster);
  cluster.Start(away);
  const int64_t began_us = cluster.now_us();
  int writes = 0;
  while (!CaughtUp(&cluster, away) && cluster.now_us() < began_us + 60'000'000) {
    ASSERT_TRUE(cluster.Put(cluster.Leader(), "during", std::to_string(writes++)).failure.ok());
    cluster.RunFor(5'000);
  }
  EXPECT_GT(cluster.now_us() - began_us, 1'500'000) << "2 MiB at 1 MiB a second";
  EXPECT_GT(writes, 150);
  ExpectSame(&cluster);
}

TEST(SnapshotTest, LostPiecesArePulledAgain) {
  SimOptions options = SmallLog(3);
  options.drop = 0.1;
  options.duplicate = 0.1;
  options.delay_us_max = 20'000;
  SimCluster cluster(options);
  const uint32_t away = FallBehind(&cluster);
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 120'000'000));
  ExpectSame(&cluster);
}

TEST(SnapshotTest, GoesOnWhereItStoppedAfterACut) {
  SimOptions options = SmallLog(4);
  options.adjust = [adjust = options.adjust](ReplicaOptions* replica) {
    adjust(replica);
    replica->snapshot_bytes_per_second = 512 << 10;
  };
  SimCluster cluster(options);
  const uint32_t away = FallBehind(&cluster);
  const uint32_t leader = cluster.Leader();
  cluster.Start(away);
  const auto received = [&] { return cluster.node(away)->metrics().snapshot_bytes_received.Get(); };
  ASSERT_TRUE(cluster.RunUntil([&] { return received() > 1 << 20; }, 20'000'000));
  cluster.Isolate(away, true);
  cluster.RunFor(5'000'000);
  cluster.Isolate(away, false);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 60'000'000));
  // All of it, what was lost of one window, and a piece: not a MiB twice.
  EXPECT_LT(cluster.node(leader)->metrics().snapshot_bytes_sent.Get(), 7u << 19);
  ExpectSame(&cluster);
}

TEST(SnapshotTest, AReceiverThatCrashesBeginsAgain) {
  SimCluster cluster(SmallLog(5));
  const uint32_t away = FallBehind(&cluster);
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil(
      [&] { return cluster.node(away)->metrics().snapshot_bytes_received.Get() > 500'000; },
      20'000'000));
  cluster.Crash(away, true);
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 60'000'000));
  ExpectSame(&cluster);
}

TEST(SnapshotTest, ALeaderThatCrashesLeavesItToTheNext) {
  SimCluster cluster(SmallLog(6));
  const uint32_t away = FallBehind(&cluster);
  const uint32_t leader = cluster.Leader();
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil(
      [&] { return cluster.node(away)->metrics().snapshot_bytes_received.Get() > 500'000; },
      20'000'000));
  cluster.Crash(leader, true);
  // The third node has the log or the state that the away one needs.
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 60'000'000));
  cluster.Start(leader);
  ExpectSame(&cluster);
}

// Two with data and a witness. The witness keeps the log for the one that is away, though the
// leader has truncated it; when the leader dies they are a quorum, and all that was acknowledged is
// there.
TEST(WitnessTest, BringsBackAVoterThatItsLeaderCouldOnlySendASnapshot) {
  SimOptions options = SmallLog(8);
  options.witness = 3;
  SimCluster cluster(options);
  uint32_t leader = cluster.ElectLeader();
  ASSERT_NE(leader, 3u);
  const uint32_t away = 3 - leader;
  cluster.RunFor(200'000);
  cluster.Crash(away, false);
  const Slot held_by_both = cluster.node(leader)->Status().commit;
  WriteMuch(&cluster);
  EXPECT_GT(cluster.node(leader)->Status().first, Slot{20});
  EXPECT_LE(cluster.node(3)->Status().first, held_by_both.Next())
      << "only the witness could bring it back";
  EXPECT_EQ(cluster.Get(leader, "k7").position.slot, cluster.node(3)->Status().commit);
  cluster.Crash(leader, true);
  cluster.Start(away);
  ASSERT_EQ(cluster.ElectLeader(30'000'000), away);
  const Answer read = cluster.Get(away, "k7");
  ASSERT_TRUE(read.failure.ok());
  EXPECT_TRUE(std::get<GetResult>(read.result).records.at(0).has_value());
  cluster.Start(leader);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, leader); }, 60'000'000));
  WriteMuch(&cluster);
  EXPECT_GT(cluster.node(3)->Status().first, Slot{20}) << "both hold it: the witness lets go";
}

// The power is cut after the n-th change on its disk from when the whole snapshot is there, for
// every n until it is installed: afterwards it is the one or the other, and catches up.
TEST(SnapshotTest, SurvivesAPowerCutAtEveryStepOfTheInstallation) {
  bool installed_without_a_cut = false;
  for (int64_t cut = 0; !installed_without_a_cut; ++cut) {
    ASSERT_LT(cut, 200);
    SCOPED_TRACE("cut after " + std::to_string(cut));
    SimCluster cluster(SmallLog(7));
    const uint32_t away = FallBehind(&cluster);
    cluster.Start(away);
    const auto whole = [&] { return cluster.node(away)->metrics().snapshots_installed.Get() > 0; };
    ASSERT_TRUE(cluster.RunUntil(whole, 20'000'000));
    cluster.fs(away).CutPowerAfter(cut);

    cluster.RunFor(50'000);
    installed_without_a_cut = cluster.fatal(away).empty() && cluster.node(away) != nullptr &&
                              cluster.node(away)->Status().first > Slot{20};
    cluster.Crash(away, true);
    cluster.Start(away);
    ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 60'000'000));
    ExpectSame(&cluster);
  }
}

}  // namespace
}  // namespace baton::server
