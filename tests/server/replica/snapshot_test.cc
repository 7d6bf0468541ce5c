// A member that was away for longer than the log is kept comes back by a snapshot: the whole way,
// with shipped stages in simulated time, over bad networks, and through a crash at every moment of
// the installation.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>

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

// A node whose log is the snapshot's last entry alone must be able to lead: that entry states what
// a new reign continues, the revisions above all.
TEST(SnapshotTest, WhoCameBackByASnapshotCanLeadAtOnce) {
  SimCluster cluster(SmallLog(10));
  const uint32_t away = FallBehind(&cluster);
  const uint32_t leader = cluster.Leader();
  cluster.Start(away);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 20'000'000));
  const NodeStatus back = cluster.node(away)->Status();
  EXPECT_EQ(back.first, back.durable) << "one entry";
  const Revision before = cluster.Get(leader, "k7").position.revision;
  cluster.RunFor(1'000'000);
  ASSERT_LT(away, 6 - leader - away) << "it stands first";
  cluster.Crash(leader, true);
  ASSERT_EQ(cluster.ElectLeader(), away);
  const Answer put = cluster.Put(away, "k7", "new");
  ASSERT_TRUE(put.failure.ok()) << put.failure.message;
  EXPECT_GT(put.position.revision, before);
  cluster.Start(leader);
  ExpectSame(&cluster);
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
  uint64_t writes = 0;
  const std::string value(4'000, 'y');
  while (!CaughtUp(&cluster, away) && cluster.now_us() < began_us + 60'000'000) {
    const std::string key = "during" + std::to_string(writes++ % 10);
    ASSERT_TRUE(cluster.Put(cluster.Leader(), key, value).failure.ok());
    cluster.RunFor(5'000);
  }
  EXPECT_GT(cluster.now_us() - began_us, 1'500'000) << "2 MiB at 1 MiB a second";
  EXPECT_GT(writes, 150u);
  EXPECT_GT(writes * value.size(), 512u << 10) << "more than the log is kept for others";
  EXPECT_EQ(cluster.node(cluster.Leader())->metrics().snapshots_sent.Get(), 1u)
      << "the log above it was kept";
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

uint64_t SnapshotsFailed(SimCluster* cluster) {
  return cluster->node(cluster->Leader())->metrics().snapshots_failed.Get();
}

// How many bytes of log the leader keeps, in entries of about 20 kB.
uint64_t LogKept(SimCluster* cluster) {
  const NodeStatus status = cluster->node(cluster->Leader())->Status();
  return (status.commit.value - status.first.value) * 20'000;
}

TEST(SnapshotTest, AMemberWithoutRoomDoesNotPinTheLog) {
  SimCluster cluster(SmallLog(10));
  const uint32_t away = FallBehind(&cluster);
  cluster.fs(away).SetCapacity(0);
  cluster.Start(away);
  for (uint64_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(cluster.RunUntil([&] { return SnapshotsFailed(&cluster) == round; }, 10'000'000));
    cluster.RunFor(100'000);
    EXPECT_EQ(SnapshotsFailed(&cluster), round) << "it is not offered at once again";
    WriteMuch(&cluster);
    EXPECT_LT(LogKept(&cluster), 700'000u) << "the retention, and steps of truncation";
  }
  cluster.fs(away).SetCapacity(1 << 30);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 30'000'000));
  ExpectSame(&cluster);
}

TEST(SnapshotTest, AMemberThatTakesTooLongDoesNotPinTheLog) {
  SimOptions options = SmallLog(11);
  options.adjust = [adjust = options.adjust](ReplicaOptions* replica) {
    adjust(replica);
    replica->snapshot_bytes_per_second = 256 << 10;
  };
  SimCluster cluster(options);
  const uint32_t away = FallBehind(&cluster);
  cluster.Start(away);
  const auto received = [&] { return cluster.node(away)->metrics().snapshot_bytes_received.Get(); };
  ASSERT_TRUE(cluster.RunUntil([&] { return received() > 300'000; }, 20'000'000));
  EXPECT_EQ(SnapshotsFailed(&cluster), 0u);
  WriteMuch(&cluster);  // more than an image has
  EXPECT_EQ(SnapshotsFailed(&cluster), 1u);
  EXPECT_LT(LogKept(&cluster), 1'500'000u);
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 60'000'000));
  ExpectSame(&cluster);
}

TEST(SnapshotTest, AnInstallationThatCannotBeNotedIsTriedAgainLater) {
  SimCluster cluster(SmallLog(12));
  const uint32_t away = FallBehind(&cluster);
  cluster.Start(away);
  const auto whole = [&] { return cluster.node(away)->metrics().snapshots_installed.Get() > 0; };
  ASSERT_TRUE(cluster.RunUntil(whole, 20'000'000));
  cluster.fs(away).FailWrites(1);
  cluster.RunFor(1'000'000);
  EXPECT_EQ(cluster.fatal(away), "");
  EXPECT_EQ(SnapshotsFailed(&cluster), 1u);
  EXPECT_FALSE(CaughtUp(&cluster, away));
  ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(&cluster, away); }, 10'000'000));
  ExpectSame(&cluster);
}

// From a member that is broken, or worse: the next start must not depend on it.
TEST(SnapshotTest, WhatMakesNoSenseIsDropped) {
  SimCluster cluster(SmallLog(13));
  const uint32_t leader = cluster.ElectLeader();
  const uint32_t other = leader % 3 + 1;
  cluster.RunFor(200'000);
  const NodeStatus status = cluster.node(other)->Status();
  consensus::SnapshotOffer offer;
  offer.ballot = status.ballot;
  offer.snapshot = 1;
  offer.prev = {status.ballot, Slot{900}};
  offer.last = {status.ballot, Slot{901}};
  offer.entry = std::make_shared<const std::string>("entry");
  offer.configuration.membership = {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}};
  offer.bytes = 100;
  consensus::Message message{NodeId{leader}, NodeId{other}, kFirstGroup, offer};
  const auto dropped = [&](const consensus::Message& sent) {
    const Counter& count = cluster.node(other)->metrics().messages_dropped;
    const uint64_t before = count.Get();
    cluster.node(other)->Receive(sent);
    cluster.RunFor(100'000);  // it looks with the next heartbeat
    return count.Get() - before;
  };
  consensus::Message bad = message;
  bad.to = NodeId{leader};
  EXPECT_EQ(dropped(bad), 1u);
  bad = message;
  bad.group = GroupId{7};
  EXPECT_EQ(dropped(bad), 1u);
  std::get<consensus::SnapshotOffer>((bad = message).body).prev.slot = Slot{800};
  EXPECT_EQ(dropped(bad), 1u);
  bad = message;
  bad.body = consensus::SnapshotChunk{1, 0, 0, std::make_shared<const std::string>()};
  EXPECT_EQ(dropped(bad), 1u);
  bad.body = consensus::SnapshotPull{.position = ~uint64_t{0}};
  EXPECT_EQ(dropped(bad), 1u);
  EXPECT_EQ(dropped(message), 0u);
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
