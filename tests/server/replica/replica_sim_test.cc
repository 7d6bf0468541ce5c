// The whole driver on one thread in simulated time, one story a test. Random stories under faults
// are tests/sim's.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/entry_codec.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

engine::WriteRequest PutOf(const std::string& key, const std::string& value) {
  return engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{key, value}}};
}

std::optional<std::string> ValueOf(const Answer& answer) {
  const auto& records = std::get<GetResult>(answer.result).records;
  if (!records.at(0)) return std::nullopt;
  return records[0]->value;
}

// All nodes reach the same slot and hold the same state there.
void ExpectConverged(SimCluster* cluster) {
  ASSERT_NE(cluster->ElectAndRecord(), 0u);
  const Answer last = cluster->Put(cluster->Leader(), "converge", "now");
  ASSERT_TRUE(last.failure.ok()) << last.failure.message;
  std::optional<DigestResult> first;
  for (uint32_t n = 1; n <= cluster->size(); ++n) {
    const DigestResult digest = cluster->Digest(n, last.position.slot);
    ASSERT_TRUE(digest.failure.ok()) << digest.failure.message;
    EXPECT_EQ(digest.applied, last.position.slot);
    if (!first) first = digest;
    EXPECT_EQ(digest.digest, first->digest) << "node " << n;
    EXPECT_EQ(digest.count, first->count) << "node " << n;
  }
}

TEST(ReplicaSim, ElectsWritesReadsAndConverges) {
  SimCluster cluster({.seed = 1});
  const uint32_t leader = cluster.ElectAndRecord();
  ASSERT_NE(leader, 0u);
  const Answer put = cluster.Put(leader, "k", "v1");
  ASSERT_TRUE(put.failure.ok()) << put.failure.message;
  EXPECT_EQ(put.durability, engine::Durability::kQuorum);
  EXPECT_GT(put.position.slot, Slot{1});
  EXPECT_NE(put.position.revision, Revision{});
  EXPECT_EQ(ValueOf(cluster.Get(leader, "k")), "v1");
  EXPECT_EQ(ValueOf(cluster.Get(leader, "absent")), std::nullopt);
  ExpectConverged(&cluster);
  for (uint32_t n = 1; n <= 3; ++n) {
    EXPECT_EQ(cluster.node(n)->Status().state, n == leader ? "leader" : "follower");
    EXPECT_EQ(cluster.node(n)->Status().leader->name, "n" + std::to_string(leader));
  }
}

TEST(ReplicaSim, OneEntryCarriesAllThatWaits) {
  SimCluster cluster({.seed = 2});
  const uint32_t leader = cluster.ElectAndRecord();
  std::vector<Request> requests;
  for (int i = 0; i < 500; ++i) requests.push_back(PutOf("k" + std::to_string(i), "v"));
  const uint64_t before = cluster.node(leader)->metrics().entries_proposed.Get();
  const uint64_t flushes = cluster.sink()->flushes;
  const uint64_t tag = cluster.Submit(leader, std::move(requests), 1'000'000);
  ASSERT_TRUE(
      cluster.RunUntil([&] { return cluster.sink()->answers.count(tag + 499) != 0; }, 1'000'000));
  EXPECT_EQ(cluster.node(leader)->metrics().entries_proposed.Get(), before + 1);
  EXPECT_EQ(cluster.sink()->flushes, flushes + 1);
}

TEST(ReplicaSim, AFollowerRedirects) {
  SimCluster cluster({.seed = 3});
  const uint32_t leader = cluster.ElectLeader();
  cluster.RunFor(200'000);
  const uint32_t follower = leader % 3 + 1;
  for (const Answer& answer : {cluster.Put(follower, "k", "v"), cluster.Get(follower, "k")}) {
    EXPECT_EQ(answer.failure.reason, Reason::kNotLeader);
    ASSERT_TRUE(answer.failure.leader.has_value());
    EXPECT_EQ(answer.failure.leader->name, "n" + std::to_string(leader));
  }
}

TEST(ReplicaSim, RequestsWithoutEffectsAndScans) {
  SimCluster cluster({.seed = 4});
  const uint32_t leader = cluster.ElectLeader();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(cluster.Put(leader, "k" + std::to_string(100 + i), "v").failure.ok());
  }
  const Answer none = cluster.Do(
      leader, engine::WriteRequest{kDefaultKeyspace, {engine::DeleteRangeOp{"x", "z", true}}});
  ASSERT_TRUE(none.failure.ok());
  EXPECT_EQ(std::get<engine::WriteResult>(none.result).deleted, 0u);
  const Answer some = cluster.Do(
      leader,
      engine::WriteRequest{kDefaultKeyspace, {engine::DeleteRangeOp{"k110", "k120", true}}});
  EXPECT_EQ(std::get<engine::WriteResult>(some.result).deleted, 10u);
  engine::ScanSpec spec;
  spec.limit = 25;
  const Answer page = cluster.Do(leader, spec);
  ASSERT_TRUE(page.failure.ok());
  EXPECT_EQ(std::get<engine::ScanPage>(page.result).records.size(), 25u);
  spec.limit = 5;
  spec.reverse = true;
  const Answer last = cluster.Do(leader, spec);
  EXPECT_EQ(std::get<engine::ScanPage>(last.result).records.at(0).key, "k139");
}

TEST(ReplicaSim, AColdCacheParksEvaluationsAndReads) {
  SimCluster cluster({.seed = 5, .cold_cache = true});
  uint32_t leader = cluster.ElectLeader();
  for (int i = 0; i < 20; ++i) cluster.Put(leader, "k" + std::to_string(i), "v");
  ExpectConverged(&cluster);
  for (uint32_t n = 1; n <= 3; ++n) {
    ASSERT_TRUE(cluster.engine(n).Flush().ok());
    cluster.Crash(n, false);
  }
  for (uint32_t n = 1; n <= 3; ++n) cluster.Start(n);
  leader = cluster.ElectLeader();
  ASSERT_NE(leader, 0u);
  EXPECT_EQ(ValueOf(cluster.Get(leader, "k3")), "v");
  EXPECT_GT(cluster.node(leader)->metrics().reads_queued.Get(), 0u);
  const Answer answer =
      cluster.Do(leader, engine::WriteRequest{kDefaultKeyspace, {engine::DeleteOp{"k4", true}}});
  ASSERT_TRUE(answer.failure.ok());
  EXPECT_EQ(std::get<engine::WriteResult>(answer.result).existed, true);
  EXPECT_GT(cluster.node(leader)->metrics().evaluations_parked.Get(), 0u);
}

TEST(ReplicaSim, AnIsolatedLeaderStopsServing) {
  SimCluster cluster({.seed = 6});
  const uint32_t old = cluster.ElectAndRecord();
  ASSERT_TRUE(cluster.Put(old, "k", "v1").failure.ok());
  cluster.Isolate(old, true);
  const uint64_t lost = cluster.Submit(old, {PutOf("k", "lost")}, 300'000);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Leader() != 0 && cluster.Leader() != old; },
                               10'000'000));
  const Answer& uncertain = cluster.sink()->answers.at(lost);
  EXPECT_EQ(uncertain.failure.reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(cluster.Get(old, "k").failure.code, absl::StatusCode::kUnavailable);
  const uint32_t now = cluster.Leader();
  EXPECT_EQ(ValueOf(cluster.Get(now, "k")), "v1");
  ASSERT_TRUE(cluster.Put(now, "k", "v2").failure.ok());
  cluster.Isolate(old, false);
  ExpectConverged(&cluster);
}

TEST(ReplicaSim, DeadlinesAreAnsweredByWhetherTheWriteWasProposed) {
  SimCluster cluster({.seed = 7});
  const uint32_t leader = cluster.ElectLeader();
  const uint32_t other = leader % 3 + 1;
  const uint32_t third = other % 3 + 1;
  cluster.Crash(other, false);
  cluster.Crash(third, false);
  const uint64_t proposed = cluster.Submit(leader, {PutOf("k", "v")}, 100'000);
  ASSERT_TRUE(
      cluster.RunUntil([&] { return cluster.sink()->answers.count(proposed) != 0; }, 1'000'000));
  const Failure& failure = cluster.sink()->answers.at(proposed).failure;
  EXPECT_EQ(failure.reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(failure.code, absl::StatusCode::kDeadlineExceeded);
}

TEST(ReplicaSim, StoppingTheLeaderHandsOverWithinAnElection) {
  SimCluster cluster({.seed = 8});
  const uint32_t old = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Put(old, "k", "v").failure.ok());
  cluster.RunFor(100'000);
  const int64_t began_us = cluster.now_us();
  cluster.Stop(old);
  ASSERT_NE(cluster.ElectLeader(), 0u);
  EXPECT_LT(cluster.now_us() - began_us, 400'000);  // less than a lease: it abdicated
  EXPECT_EQ(ValueOf(cluster.Get(cluster.Leader(), "k")), "v");
}

TEST(ReplicaSim, WhatIsAskedOfAStoppedNodeIsAnswered) {
  SimCluster cluster({.seed = 13});
  const uint32_t leader = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Put(leader, "k", "v").failure.ok());
  ReplicaNode& node = *cluster.node(leader);
  std::vector<Failure> digests;
  const auto digest = [&](Slot slot) {
    node.Digest(kDefaultKeyspace, slot, 0,
                [&digests](DigestResult result) { digests.push_back(result.failure); });
  };
  digest(Slot{1'000'000});  // waits
  const uint64_t before = cluster.Submit(leader, {PutOf("k", "w")}, 1'000'000);
  node.Stop();
  digest(Slot{1'000'000});
  digest(Slot{});
  const uint64_t after =
      cluster.Submit(leader, {PutOf("k", "x"), GetCall{kDefaultKeyspace, {"k"}}}, 1'000'000);
  ASSERT_EQ(digests.size(), 3u);
  for (const Failure& failure : digests) EXPECT_EQ(failure.reason, Reason::kShuttingDown);
  for (const uint64_t tag : {before, after, after + 1}) {
    ASSERT_EQ(cluster.sink()->answers.count(tag), 1u);
    EXPECT_EQ(cluster.sink()->answers.at(tag).failure.reason, Reason::kShuttingDown);
  }
}

TEST(ReplicaSim, RequestsWithoutEffectsDoNotWaitForATimer) {
  SimCluster cluster({.seed = 14});
  const uint32_t leader = cluster.ElectLeader();
  cluster.RunFor(200'000);
  std::vector<Request> requests;
  for (int i = 0; i < 16'000; ++i) {
    requests.push_back(engine::WriteRequest{
        kDefaultKeyspace, {engine::DeleteRangeOp{"x" + std::to_string(i), "y", true}}});
  }
  const uint64_t given = cluster.sink()->given;
  cluster.Submit(leader, std::move(requests), 1'000'000);
  EXPECT_TRUE(cluster.RunUntil([&] { return cluster.sink()->given == given + 16'000; },
                               consensus::kLanTiming.heartbeat_us / 2));
}

// Fills the disk of `n`, and writes at the leader until something is refused.
Answer WriteUntilRefused(SimCluster* cluster) {
  const std::string value(4'000, 'x');
  for (int i = 0; i < 2'000; ++i) {
    const Answer answer = cluster->Put(cluster->Leader(), "k" + std::to_string(i % 50), value);
    if (!answer.failure.ok()) return answer;
  }
  return Answer();
}

TEST(ReplicaSim, AFullDiskOfTheLeaderRefusesWritesAndNothingElse) {
  SimCluster cluster({.seed = 15});
  uint32_t leader = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Put(leader, "k", "v").failure.ok());
  cluster.RunFor(200'000);
  cluster.fs(leader).SetCapacity(0);
  const Answer refused = WriteUntilRefused(&cluster);
  EXPECT_EQ(refused.failure.code, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.failure.reason, Reason::kDiskFull);
  EXPECT_TRUE(cluster.Get(leader, "k").failure.ok());
  EXPECT_FALSE(cluster.node(leader)->Status().healthy);

  // It still votes, and leads again: only an election could have taken it from there.
  for (uint32_t n = 1; n <= 3; ++n) {
    if (n != leader) cluster.Isolate(n, true);
  }
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Leader() == 0; }, 10'000'000));
  const uint32_t other = leader % 3 + 1;
  cluster.Isolate(other, false);
  ASSERT_NE(cluster.ElectLeader(), 0u);
  cluster.Isolate(other % 3 + 1, false);
  EXPECT_EQ(cluster.fatal(leader), "");

  cluster.fs(leader).SetCapacity(1 << 30);
  cluster.Put(cluster.Leader(), "k", "may be refused still");
  cluster.RunFor(2'500'000);
  const Answer resumed = cluster.Put(cluster.Leader(), "k", "w");
  EXPECT_TRUE(resumed.failure.ok()) << resumed.failure.message;
  ExpectConverged(&cluster);
}

TEST(ReplicaSim, WritesResumeWhenTheLeadersDiskHasSpaceAgain) {
  SimCluster cluster({.seed = 16});
  const uint32_t leader = cluster.ElectLeader();
  cluster.RunFor(200'000);
  cluster.fs(leader).SetCapacity(0);
  EXPECT_EQ(WriteUntilRefused(&cluster).failure.reason, Reason::kDiskFull);
  cluster.fs(leader).SetCapacity(1 << 30);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Put(cluster.Leader(), "k", "v").failure.ok(); },
                               5'000'000));
  EXPECT_EQ(cluster.Leader(), leader);
  ExpectConverged(&cluster);
}

TEST(ReplicaSim, AFollowerWithAFullDiskStaysAndComesBack) {
  SimCluster cluster({.seed = 17});
  const uint32_t leader = cluster.ElectLeader();
  cluster.RunFor(200'000);
  const uint32_t full = leader % 3 + 1;
  cluster.fs(full).SetCapacity(0);
  const Answer refused = WriteUntilRefused(&cluster);  // 8 MB, past any room it has
  EXPECT_TRUE(refused.failure.ok()) << refused.failure.message;
  EXPECT_EQ(cluster.fatal(full), "");
  cluster.fs(full).SetCapacity(1 << 30);
  cluster.RunFor(3'000'000);
  ExpectConverged(&cluster);
}

// The entry that opens a reign may be written when the disk is full; what was dropped before it and
// comes in the same message may not.
TEST(ReplicaSim, AFollowerWithAFullDiskOutlivesANewReign) {
  SimCluster cluster({.seed = 21});
  const uint32_t leader = cluster.ElectLeader();
  cluster.RunFor(200'000);
  const uint32_t full = leader % 3 + 1;
  cluster.fs(full).SetCapacity(0);
  const std::string value(4'000, 'x');
  for (int i = 0; i < 250; ++i) {  // 1 MB: more than it has room for, and one message can carry
    ASSERT_TRUE(cluster.Put(leader, "k", value).failure.ok());
  }
  cluster.Crash(leader, false);
  cluster.RunFor(3'000'000);
  EXPECT_EQ(cluster.fatal(full), "");
  cluster.fs(full).SetCapacity(1 << 30);
  cluster.RunFor(3'000'000);
  EXPECT_NE(cluster.ElectLeader(), 0u);
  cluster.Start(leader);
  ExpectConverged(&cluster);
}

TEST(ReplicaSim, WatchersHearOfANewLeader) {
  SimCluster cluster({.seed = 9});
  const uint32_t old = cluster.ElectLeader();
  cluster.RunFor(200'000);
  const uint32_t follower = old % 3 + 1;
  std::vector<std::string> heard;
  const uint64_t id = cluster.node(follower)->WatchLeader(
      [&heard](const LeaderHint& hint) { heard.push_back(hint.name); });
  cluster.Crash(old, false);
  ASSERT_TRUE(cluster.RunUntil([&] { return !heard.empty(); }, 10'000'000));
  EXPECT_EQ(heard.back(), "n" + std::to_string(cluster.ElectLeader()));
  cluster.node(follower)->UnwatchLeader(id);
}

TEST(ReplicaSim, TheLogIsTruncatedOnlyBelowTheSlowestMember) {
  SimCluster cluster({.seed = 10, .adjust = [](ReplicaOptions* options) {
                        options->truncate_bytes_min = 64 << 10;
                        options->replay_bytes_max = 128 << 10;
                      }});
  const uint32_t leader = cluster.ElectAndRecord();
  cluster.RunFor(200'000);
  const uint32_t away = leader % 3 + 1;
  cluster.Crash(away, false);
  const Slot floor = cluster.node(leader)->Status().commit;
  const std::string value(4000, 'x');
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(cluster.Put(leader, "k" + std::to_string(i % 50), value).failure.ok());
  }
  EXPECT_LE(cluster.node(leader)->Status().first, floor.Next());
  cluster.Start(away);
  ExpectConverged(&cluster);
  for (int i = 0; i < 100; ++i) cluster.Put(cluster.Leader(), "k" + std::to_string(i % 50), value);
  cluster.RunFor(500'000);
  for (uint32_t n = 1; n <= 3; ++n) {
    EXPECT_GT(cluster.node(n)->Status().first, floor.Next()) << "node " << n;
  }
  for (uint32_t n = 1; n <= 3; ++n) cluster.Crash(n, true);
  for (uint32_t n = 1; n <= 3; ++n) cluster.Start(n);
  ExpectConverged(&cluster);
}

TEST(ReplicaSim, AFailedSyncIsFatal) {
  SimCluster cluster({.seed = 11});
  const uint32_t leader = cluster.ElectLeader();
  cluster.fs(leader).FailSyncs(1);
  cluster.Submit(leader, {PutOf("k", "v")}, 200'000);
  cluster.RunFor(100'000);
  ASSERT_FALSE(cluster.fatal(leader).empty());
  EXPECT_NE(cluster.fatal(leader).find("sync"), std::string::npos);
}

TEST(ReplicaSim, AFailedWriteIsFatal) {
  SimCluster cluster({.seed = 18});
  const uint32_t leader = cluster.ElectLeader();
  cluster.fs(leader).FailWrites(1);
  cluster.Submit(leader, {PutOf("k", "v")}, 200'000);
  cluster.RunFor(100'000);
  ASSERT_FALSE(cluster.fatal(leader).empty());
  EXPECT_NE(cluster.fatal(leader).find("append"), std::string::npos);
  // The others are a quorum without its disk, and had the entry.
  ASSERT_NE(cluster.ElectLeader(), 0u);
  EXPECT_EQ(ValueOf(cluster.Get(cluster.Leader(), "k")), "v");
}

wal::Wal::Opened OpenLog(SimCluster* cluster, uint32_t n) {
  wal::Options options;
  options.segment_bytes = 256 << 10;
  auto opened = wal::Wal::Open(&cluster->fs(n), cluster->wal_directory(n),
                               {Id128{7, 7}, NodeId{n}, Id128{1, n}}, options);
  BATON_CHECK(opened.ok()) << std::string(opened.status().message());
  return *std::move(opened);
}

TEST(ReplicaSim, AnEntryOfANewerVersionIsRefusedByName) {
  SimCluster cluster({.seed = 19});
  ASSERT_NE(cluster.ElectLeader(), 0u);
  cluster.RunFor(500'000);
  cluster.Stop(1);
  Slot slot;
  {
    const wal::Wal::Opened log = OpenLog(&cluster, 1);
    const wal::RecoveredGroup& group = log.recovery.groups.at(0);
    slot = group.last.Next();
    auto last = log.wal->Read(kFirstGroup, group.last, group.last, 1);
    ASSERT_TRUE(last.ok());
    std::string bytes = *last->front().bytes;
    bytes[0] = kEntryVersion + 1;
    std::string number;
    PutFixed64(&number, slot.value);
    bytes.replace(8, 8, number);
    bytes.resize(bytes.size() - 8);
    PutFixed64(&bytes, Checksum(bytes));
    const EntryId id{last->front().id.born, slot};
    ASSERT_TRUE(log.wal
                    ->Append({wal::EntryRecord{kFirstGroup, id,
                                               std::make_shared<const std::string>(bytes)}})
                    .ok());
    ASSERT_TRUE(log.wal->Sync().ok());
  }
  const absl::Status started = cluster.TryStart(1);
  EXPECT_EQ(started.code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(started.message());
  EXPECT_NE(message.find("slot " + std::to_string(slot.value)), std::string::npos) << message;
  EXPECT_NE(message.find("version 2"), std::string::npos) << message;
}

TEST(ReplicaSim, ALogThatHasLostItsPromiseMakesTheNodeFaulty) {
  SimCluster cluster({.seed = 20});
  const uint32_t leader = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Put(leader, "k", "v").failure.ok());
  const uint32_t victim = leader % 3 + 1;
  cluster.Stop(victim);
  std::vector<wal::Record> entries;
  {
    const wal::Wal::Opened log = OpenLog(&cluster, victim);
    auto read = log.wal->Read(kFirstGroup, Slot{1}, log.recovery.groups.at(0).last, 1 << 20);
    ASSERT_TRUE(read.ok());
    for (wal::EntryRecord& entry : *read) entries.emplace_back(std::move(entry));
  }
  const auto names = cluster.fs(victim).List(cluster.wal_directory(victim));
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    ASSERT_TRUE(cluster.fs(victim).Remove(cluster.wal_directory(victim) + "/" + name).ok());
  }
  {
    const wal::Wal::Opened log = OpenLog(&cluster, victim);
    ASSERT_TRUE(log.wal->Append(entries).ok());
    ASSERT_TRUE(log.wal->Sync().ok());
  }
  cluster.Start(victim);
  EXPECT_EQ(cluster.node(victim)->Status().state, "faulty");
}

TEST(ReplicaSim, ALogThatIsGoneMakesTheNodeFaulty) {
  SimCluster cluster({.seed = 12});
  const uint32_t leader = cluster.ElectLeader();
  ASSERT_TRUE(cluster.Put(leader, "k", "v").failure.ok());
  cluster.RunFor(500'000);
  const uint32_t victim = leader % 3 + 1;
  ASSERT_TRUE(cluster.engine(victim).Flush().ok());
  cluster.Crash(victim, false);
  const auto names = cluster.fs(victim).List(cluster.wal_directory(victim));
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    ASSERT_TRUE(cluster.fs(victim).Remove(cluster.wal_directory(victim) + "/" + name).ok());
  }
  cluster.Start(victim);
  EXPECT_EQ(cluster.node(victim)->Status().state, "faulty");
  EXPECT_FALSE(cluster.node(victim)->Status().reason.empty());
  EXPECT_EQ(cluster.Get(victim, "k").failure.reason, Reason::kLogFaulty);
  EXPECT_TRUE(cluster.Put(cluster.ElectLeader(), "k", "v2").failure.ok());
}

}  // namespace
}  // namespace baton::server
