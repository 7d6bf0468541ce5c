// Reads that name a level, at whichever node they reach: linearizable through a read slot, of
// bounded staleness, at least a position.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

using Kind = ReadLevel::Kind;

constexpr ReadLevel kLinearizable{Kind::kLinearizable, 0, {}};

ReadLevel Within(int64_t staleness_us) { return {Kind::kBoundedStaleness, staleness_us, {}}; }
ReadLevel AtLeast(const Position& position) { return {Kind::kAtLeast, 0, position}; }

std::optional<std::string> ValueOf(const Answer& answer) {
  EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
  const auto* got = std::get_if<GetResult>(&answer.result);
  if (got == nullptr || !got->records.at(0)) return std::nullopt;
  return got->records[0]->value;
}

class ReadLevels : public ::testing::Test {
 protected:
  // A cluster with a leader that all follow, and k = v1 everywhere.
  void Begin(SimOptions options) {
    cluster_.emplace(std::move(options));
    leader_ = cluster_->ElectLeader();
    ASSERT_NE(leader_, 0u);
    ASSERT_TRUE(cluster_->Put(leader_, "k", "v1").failure.ok());
    cluster_->RunFor(300'000);
    follower_ = leader_ % 3 + 1;
    other_ = follower_ % 3 + 1;
  }
  // Another node leads; the old one may not know.
  void ElectAnother() {
    ASSERT_TRUE(cluster_->RunUntil(
        [&] { return cluster_->Leader() != 0 && cluster_->Leader() != leader_; }, 10'000'000));
  }

  std::optional<SimCluster> cluster_;
  uint32_t leader_ = 0, follower_ = 0, other_ = 0;
};

TEST_F(ReadLevels, AFollowerAnswersALinearizableReadThroughASlotOfTheLeader) {
  Begin({.seed = 41});
  for (int i = 0; i < 50; ++i) {
    const std::string value = "v" + std::to_string(i);
    const Answer put = cluster_->Put(leader_, "k", value);
    const Answer got = cluster_->GetHere(follower_, "k", kLinearizable);
    EXPECT_EQ(ValueOf(got), value);
    EXPECT_GE(got.position.slot, put.position.slot);
    EXPECT_EQ(got.position.reign_round, put.position.reign_round);
    EXPECT_EQ(got.position.revision, put.position.revision);
  }
  EXPECT_GE(cluster_->node(follower_)->metrics().slots_asked.Get(), 50u);
  EXPECT_EQ(cluster_->node(leader_)->metrics().read_rounds.Get(), 0u);  // its lease is enough
}

TEST_F(ReadLevels, ReadsThatWaitTogetherShareAnAsk) {
  Begin({.seed = 42});
  const std::vector<Request> reads(200, Request(GetCall{kDefaultKeyspace, {"k"}}));
  const uint64_t tag = cluster_->Submit(follower_, reads, 1'000'000, kLinearizable);
  ASSERT_TRUE(cluster_->RunUntil(
      [&] { return cluster_->sink()->answers.count(tag + reads.size() - 1) != 0; }, 1'000'000));
  EXPECT_EQ(cluster_->node(follower_)->metrics().slots_asked.Get(), 1u);
}

TEST_F(ReadLevels, TheLeaderAnswersEveryLevelItself) {
  Begin({.seed = 43});
  const Answer put = cluster_->Put(leader_, "k", "v2");
  for (const ReadLevel& level : {kLinearizable, Within(1'000), AtLeast(put.position)}) {
    EXPECT_EQ(ValueOf(cluster_->GetHere(leader_, "k", level)), "v2");
  }
}

TEST_F(ReadLevels, ScansNameLevelsToo) {
  Begin({.seed = 44});
  const Answer put = cluster_->Put(leader_, "k2", "v2");
  for (const ReadLevel& level : {kLinearizable, AtLeast(put.position)}) {
    for (const uint64_t limit : {uint64_t{2}, uint64_t{1000}}) {
      engine::ScanSpec spec;
      spec.limit = limit;
      const Answer page = cluster_->Do(follower_, spec, 1'000'000, level);
      ASSERT_TRUE(page.failure.ok()) << page.failure.message;
      EXPECT_EQ(std::get<engine::ScanPage>(page.result).records.size(), 2u);
      EXPECT_EQ(page.position.revision, put.position.revision);
    }
  }
}

TEST_F(ReadLevels, ACutOffFollowerRefusesLinearizableReads) {
  Begin({.seed = 45});
  cluster_->Isolate(follower_, true);
  ASSERT_TRUE(cluster_->Put(leader_, "k", "v2").failure.ok());
  // It may still follow when it is asked, and waits for an answer then; after that it knows nobody.
  for (int i = 0; i < 3; ++i) {
    const Answer got = cluster_->GetHere(follower_, "k", kLinearizable);
    EXPECT_EQ(got.failure.code, absl::StatusCode::kUnavailable);
    EXPECT_EQ(got.failure.reason, Reason::kNoLeader);
    cluster_->RunFor(1'000'000);
  }
  cluster_->Isolate(follower_, false);
  cluster_->RunFor(1'000'000);
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", kLinearizable)), "v2");
}

TEST_F(ReadLevels, BoundedStalenessIsServedByACutOffFollowerUntilItIsTooOld) {
  Begin({.seed = 46});
  const int64_t cut_us = cluster_->now_us();
  cluster_->Isolate(follower_, true);
  ASSERT_TRUE(cluster_->Put(leader_, "k", "v2").failure.ok());
  const uint64_t asked = cluster_->node(follower_)->metrics().slots_asked.Get();
  cluster_->RunFor(1'000'000);
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", Within(2'000'000))), "v1");
  EXPECT_EQ(cluster_->node(follower_)->metrics().slots_asked.Get(), asked);

  const Answer old = cluster_->GetHere(follower_, "k", Within(1'000'000));
  EXPECT_EQ(old.failure.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(old.failure.reason, Reason::kTooStale);
  const int64_t age_ms = (cluster_->now_us() - cut_us) / 1000;
  const size_t at = old.failure.message.find(" ms old");
  ASSERT_NE(at, std::string::npos) << old.failure.message;
  const size_t digits = old.failure.message.rfind(' ', at - 1);
  const int64_t stated_ms = std::stoll(old.failure.message.substr(digits));
  EXPECT_GE(stated_ms, age_ms);        // never younger than it is
  EXPECT_LE(stated_ms, age_ms + 250);  // and known to a few heartbeats
}

TEST_F(ReadLevels, AFollowerTooOldForTheBoundAsksTheLeader) {
  Begin({.seed = 47});
  ASSERT_TRUE(cluster_->Put(leader_, "k", "v2").failure.ok());
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", Within(1'000))), "v2");
  EXPECT_EQ(cluster_->node(follower_)->metrics().slots_asked.Get(), 1u);
}

// The value of a bounded read is never one that was overwritten longer ago than the bound.
TEST_F(ReadLevels, BoundedStalenessHoldsUnderLossAndAnElection) {
  constexpr int64_t kBoundUs = 400'000;
  Begin({.seed = 48, .drop = 0.1});
  std::map<int64_t, int> written;  // when acknowledged -> value
  int value = 0;
  int served = 0;
  for (int i = 0; i < 300; ++i) {
    if (i == 100) cluster_->Isolate(leader_, true);
    if (i == 200) cluster_->Isolate(leader_, false);
    const uint32_t leads = cluster_->Leader();
    if (leads != 0 && !(leads == leader_ && i >= 100 && i < 200)) {
      if (cluster_->Put(leads, "k", std::to_string(++value)).failure.ok()) {
        written[cluster_->now_us()] = value;
      }
    }
    const int64_t asked_us = cluster_->now_us();
    const uint32_t at = static_cast<uint32_t>(i % 3) + 1;
    const Answer got = cluster_->GetHere(at, "k", Within(kBoundUs), 100'000);
    cluster_->RunFor(20'000);
    if (!got.failure.ok()) continue;
    ++served;
    const auto newer = written.upper_bound(asked_us - kBoundUs);
    if (newer == written.begin()) continue;
    EXPECT_GE(std::stoi(*ValueOf(got)), std::prev(newer)->second) << "read " << i;
  }
  EXPECT_GT(served, 150);
}

TEST_F(ReadLevels, AtLeastWaitsForThePosition) {
  Begin({.seed = 49});
  cluster_->Isolate(follower_, true);
  const Answer put = cluster_->Put(leader_, "k", "v2");
  ASSERT_TRUE(put.failure.ok());
  const Answer late = cluster_->GetHere(follower_, "k", AtLeast(put.position), 200'000);
  EXPECT_EQ(late.failure.reason, Reason::kDeadline);
  const uint64_t tag = cluster_->Submit(follower_, {GetCall{kDefaultKeyspace, {"k"}}}, 5'000'000,
                                        AtLeast(put.position));
  cluster_->RunFor(100'000);
  EXPECT_EQ(cluster_->sink()->answers.count(tag), 0u);
  cluster_->Isolate(follower_, false);
  ASSERT_TRUE(
      cluster_->RunUntil([&] { return cluster_->sink()->answers.count(tag) != 0; }, 5'000'000));
  EXPECT_EQ(ValueOf(cluster_->sink()->answers.at(tag)), "v2");
}

// Another node may answer what one without a leader cannot come to.
TEST_F(ReadLevels, AtLeastIsGivenUpOnceNoLeaderIsKnownForALease) {
  Begin({.seed = 58});
  const Answer before = cluster_->Put(leader_, "k", "v2");
  cluster_->RunFor(300'000);
  cluster_->Isolate(follower_, true);
  const Answer put = cluster_->Put(leader_, "k", "v3");
  const uint64_t tag = cluster_->Submit(follower_, {GetCall{kDefaultKeyspace, {"k"}}}, 60'000'000,
                                        AtLeast(put.position));
  const auto answered = [&] { return cluster_->sink()->answers.count(tag) != 0; };
  cluster_->RunFor(consensus::kLanTiming.lease_us);  // it may follow its leader for so long
  EXPECT_FALSE(answered());
  ASSERT_TRUE(cluster_->RunUntil(answered, 2 * consensus::kLanTiming.lease_us));
  EXPECT_EQ(cluster_->sink()->answers.at(tag).failure.reason, Reason::kNoLeader);
  // A later one need not wait for that, nor one for what is here already.
  const int64_t asked_us = cluster_->now_us();
  const Answer late = cluster_->GetHere(follower_, "k", AtLeast(put.position), 60'000'000);
  EXPECT_EQ(late.failure.reason, Reason::kNoLeader);
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", AtLeast(before.position))), "v2");
  EXPECT_LT(cluster_->now_us(), asked_us + 10'000);
  // And again when there is a leader.
  cluster_->Isolate(follower_, false);
  cluster_->RunFor(1'000'000);
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", AtLeast(put.position))), "v3");
}

TEST_F(ReadLevels, WhatOneNodeAnsweredAnotherHoldsFromThere) {
  Begin({.seed = 50});
  for (int i = 0; i < 30; ++i) {
    cluster_->Submit(leader_, {engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"k", "w"}}}},
                     1'000'000);
    const Answer first = cluster_->Get(leader_, "k");
    ASSERT_TRUE(first.failure.ok());
    const Answer second = cluster_->GetHere(follower_, "k", AtLeast(first.position));
    ASSERT_TRUE(second.failure.ok()) << second.failure.message;
    EXPECT_GE(second.position.revision, first.position.revision);
    const Answer third = cluster_->GetHere(other_, "k", AtLeast(second.position));
    ASSERT_TRUE(third.failure.ok()) << third.failure.message;
    EXPECT_GE(third.position.revision, second.position.revision);
  }
}

// A position that its leader never got chosen: another reign stands there now.
TEST_F(ReadLevels, APositionOfAReignThatLostItsSlotIsLost) {
  Begin({.seed = 51});
  const Answer put = cluster_->Put(leader_, "k", "v2");
  const Position lost{put.position.reign_round, Slot{put.position.slot.value + 1}, Revision{}};
  const Position far{put.position.reign_round, Slot{put.position.slot.value + 1'000}, Revision{}};
  const Position never{put.position.reign_round + 7, put.position.slot, Revision{}};
  const uint64_t waits =
      cluster_->Submit(follower_, {GetCall{kDefaultKeyspace, {"k"}}}, 60'000'000, AtLeast(far));
  cluster_->Crash(leader_, false);
  ElectAnother();
  ASSERT_TRUE(cluster_->Put(cluster_->Leader(), "k", "v3").failure.ok());
  cluster_->RunFor(500'000);
  for (const uint32_t n : {follower_, other_}) {
    for (const Position& position : {lost, far, never}) {
      const Answer got = cluster_->GetHere(n, "k", AtLeast(position));
      EXPECT_EQ(got.failure.code, absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(got.failure.reason, Reason::kPositionLost) << position.slot.value;
    }
    EXPECT_EQ(ValueOf(cluster_->GetHere(n, "k", AtLeast(put.position))), "v3");
  }
  // It waited for a slot that the old reign can write no more, and was told as soon as that was
  // known.
  ASSERT_EQ(cluster_->sink()->answers.count(waits), 1u);
  EXPECT_EQ(cluster_->sink()->answers.at(waits).failure.reason, Reason::kPositionLost);
}

// While its lease runs, a leader knows that no log holds what lies beyond its own.
TEST_F(ReadLevels, ALeaderRefusesPositionsThatCannotBe) {
  Begin({.seed = 59});
  const Position known = cluster_->Put(leader_, "k", "v2").position;
  const Position far{known.reign_round, Slot{known.slot.value + 1'000}, Revision{}};
  const Position later{known.reign_round + 7, Slot{known.slot.value + 1'000}, Revision{}};
  const Position never{known.reign_round + 7, known.slot, Revision{}};
  for (const Position& position : {far, later, never}) {
    const int64_t asked_us = cluster_->now_us();
    const Answer got = cluster_->GetHere(leader_, "k", AtLeast(position), 60'000'000);
    EXPECT_EQ(got.failure.reason, Reason::kPositionLost) << position.slot.value;
    EXPECT_LT(cluster_->now_us(), asked_us + 10'000);
  }
  EXPECT_EQ(ValueOf(cluster_->GetHere(leader_, "k", AtLeast(known))), "v2");
}

TEST_F(ReadLevels, WhatWaitsIsLookedAtAgainWhenItsNodeLeads) {
  Begin({.seed = 60});
  const Position far{1'000, Slot{1'000'000}, Revision{}};
  std::map<uint32_t, uint64_t> waits;
  for (const uint32_t n : {follower_, other_}) {
    waits[n] = cluster_->Submit(n, {GetCall{kDefaultKeyspace, {"k"}}}, 600'000'000, AtLeast(far));
  }
  cluster_->Stop(leader_);
  ElectAnother();
  cluster_->RunFor(500'000);
  const uint32_t leads = cluster_->Leader();
  ASSERT_EQ(cluster_->sink()->answers.count(waits.at(leads)), 1u);
  EXPECT_EQ(cluster_->sink()->answers.at(waits.at(leads)).failure.reason, Reason::kPositionLost);
}

// Reads that wait take nothing away from writes.
TEST_F(ReadLevels, ReadsThatWaitHaveALimitOfTheirOwn) {
  constexpr uint64_t kReads = 20;
  Begin({.seed = 61, .adjust = [](ReplicaOptions* options) {
           options->lease_reads = false;  // a leader, too, waits for what it cannot rule out
           options->queue_calls_max = 8;
           options->waiting_reads_max = kReads;
         }});
  const Position far{1'000, Slot{1'000'000}, Revision{}};
  const std::vector<Request> get = {GetCall{kDefaultKeyspace, {"k"}}};
  for (const uint32_t n : {leader_, follower_}) {
    for (uint64_t i = 0; i < kReads; ++i) {
      cluster_->Submit(n, get, 2'000'000, AtLeast(far));
      cluster_->RunFor(1'000);
    }
    const Answer one_more = cluster_->GetHere(n, "k", AtLeast(far), 1'000'000);
    EXPECT_EQ(one_more.failure.reason, Reason::kOverloaded);
    EXPECT_EQ(one_more.failure.limit, "waiting_reads_max");
  }
  EXPECT_TRUE(cluster_->Put(leader_, "k", "v2").failure.ok());
  // Those that are answered make room.
  cluster_->RunFor(2'000'000);
  for (uint64_t i = 0; i < 2 * kReads; ++i) {
    EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", kLinearizable)), "v2");
  }
}

// Below the base of the log the rows of past reigns tell.
TEST_F(ReadLevels, PositionsOfReignsBelowTheBaseAreToldApart) {
  Begin({.seed = 52, .adjust = [](ReplicaOptions* options) {
           options->truncate_bytes_min = 64 << 10;
           options->replay_bytes_max = 128 << 10;
         }});
  const Answer first = cluster_->Put(leader_, "k", "v2");
  cluster_->Crash(leader_, false);
  ElectAnother();
  cluster_->Start(leader_);
  const uint32_t now = cluster_->Leader();
  const Answer second = cluster_->Put(now, "k", "v3");
  ASSERT_TRUE(second.failure.ok());
  const std::string value(4000, 'x');
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(cluster_->Put(now, "x" + std::to_string(i % 20), value).failure.ok());
  }
  cluster_->RunFor(500'000);
  const Position swapped{first.position.reign_round, second.position.slot, Revision{}};
  for (uint32_t n = 1; n <= 3; ++n) {
    ASSERT_GT(cluster_->node(n)->Status().first, second.position.slot);
    EXPECT_EQ(ValueOf(cluster_->GetHere(n, "k", AtLeast(first.position))), "v3");
    EXPECT_EQ(ValueOf(cluster_->GetHere(n, "k", AtLeast(second.position))), "v3");
    EXPECT_EQ(cluster_->GetHere(n, "k", AtLeast(swapped)).failure.reason, Reason::kPositionLost);
  }
}

// A leader that was cut off and does not know of its successor gives no slot.
TEST_F(ReadLevels, AStaleLeaderTellsNoSlot) {
  Begin({.seed = 53});
  cluster_->Isolate(leader_, true);
  ElectAnother();
  ASSERT_TRUE(cluster_->Put(cluster_->Leader(), "k", "v2").failure.ok());
  for (const ReadLevel& level : {kLinearizable, Within(100'000)}) {
    const Answer got = cluster_->GetHere(leader_, "k", level, 1'000'000);
    EXPECT_EQ(got.failure.code, absl::StatusCode::kUnavailable) << got.failure.message;
  }
  cluster_->Isolate(leader_, false);
  cluster_->RunFor(1'000'000);
  EXPECT_EQ(ValueOf(cluster_->GetHere(leader_, "k", kLinearizable)), "v2");
}

// Without leases every slot, and every read at the leader, takes a quorum round.
TEST_F(ReadLevels, WithoutLeasesAQuorumIsAsked) {
  Begin({.seed = 56, .adjust = [](ReplicaOptions* options) { options->lease_reads = false; }});
  ASSERT_TRUE(cluster_->Put(leader_, "k", "v2").failure.ok());
  EXPECT_EQ(ValueOf(cluster_->Get(leader_, "k")), "v2");
  EXPECT_EQ(cluster_->node(leader_)->metrics().read_rounds.Get(), 1u);
  EXPECT_EQ(cluster_->node(leader_)->metrics().reads_at_once.Get(), 0u);
  EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", kLinearizable)), "v2");
  // Cut off, the leader can confirm nothing.
  cluster_->Isolate(other_, true);
  cluster_->Isolate(follower_, true);
  EXPECT_FALSE(cluster_->Get(leader_, "k").failure.ok());
}

TEST_F(ReadLevels, AColdCacheSendsThemToAReader) {
  Begin({.seed = 54, .cold_cache = true});
  const Position position = cluster_->Put(leader_, "k", "v2").position;
  cluster_->RunFor(300'000);
  ASSERT_TRUE(cluster_->engine(follower_).Flush().ok());
  cluster_->Crash(follower_, false);
  cluster_->Start(follower_);
  cluster_->RunFor(1'000'000);
  for (const ReadLevel& level : {kLinearizable, Within(1'000'000), AtLeast(position)}) {
    EXPECT_EQ(ValueOf(cluster_->GetHere(follower_, "k", level)), "v2");
  }
}

TEST_F(ReadLevels, AWitnessHasNothingToReadFrom) {
  Begin({.seed = 57, .witness = 3});
  ASSERT_NE(leader_, 3u);
  for (const ReadLevel& level : {kLinearizable, Within(1'000'000), AtLeast({1, Slot{1}, {}})}) {
    const Answer got = cluster_->GetHere(3, "k", level);
    EXPECT_EQ(got.failure.reason, Reason::kNotLeader);
  }
}

TEST_F(ReadLevels, AStopAnswersWhatWaits) {
  Begin({.seed = 55});
  const Position far{1'000, Slot{1'000'000}, Revision{}};
  const std::vector<Request> get = {GetCall{kDefaultKeyspace, {"k"}}};
  cluster_->Isolate(follower_, true);
  std::vector<uint64_t> tags;
  const auto submit = [&] {
    for (const ReadLevel& level : {AtLeast(far), kLinearizable, Within(1)}) {
      tags.push_back(cluster_->Submit(follower_, get, 60'000'000, level));
    }
  };
  submit();
  cluster_->RunFor(1'000);
  submit();  // the loop finds these together with the stop
  cluster_->node(follower_)->Stop();
  for (const uint64_t tag : tags) {
    ASSERT_EQ(cluster_->sink()->answers.count(tag), 1u) << tag;
    EXPECT_EQ(cluster_->sink()->answers.at(tag).failure.reason, Reason::kShuttingDown) << tag;
  }
}

}  // namespace
}  // namespace baton::server
