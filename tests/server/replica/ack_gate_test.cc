#include "server/replica/ack_gate.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

class AckGateTest : public ::testing::Test {
 protected:
  void Add(uint64_t slot, uint64_t tag, int64_t deadline_us = 1'000, bool has_effect = true) {
    GatedAnswer answer;
    answer.slot = Slot{slot};
    answer.to = ReturnAddress{sink_, tag};
    answer.deadline_us = deadline_us;
    answer.has_effect = has_effect;
    gate_.Add(std::move(answer));
  }
  void AddLocal(uint64_t slot, uint64_t tag, uint64_t bytes = 10, int64_t sequenced_us = 0) {
    GatedAnswer answer;
    answer.slot = Slot{slot};
    answer.until = GatedAnswer::Until::kDurable;
    answer.keyspace = kAsync;
    answer.charges.push_back(Charge{kAsync, bytes == 0 ? 0u : 1u, bytes});
    answer.to = ReturnAddress{sink_, tag};
    answer.deadline_us = 1'000'000'000;
    answer.sequenced_us = sequenced_us;
    answer.has_effect = bytes != 0;
    unreplicated_.Sequenced(answer.slot, answer.charges, sequenced_us);
    gate_.Add(std::move(answer));
  }
  void Release(uint64_t commit, uint64_t durable = 0, bool leased = true, int64_t now_us = 0) {
    gate_.Release(Progress{Slot{commit}, Slot{durable}, Slot{commit}, leased}, now_us, &answers_);
    answers_.Deliver();
  }
  // Async from the start, with room for 100 bytes, 3 operations and 50 ms.
  void BeginReign(engine::KeyspaceMode mode = engine::KeyspaceMode::kAsync) {
    engine::KeyspaceInfo info;
    info.id = kAsync;
    info.name = "fast";
    info.settings = {.mode = mode,
                     .max_unreplicated_bytes = 100,
                     .max_unreplicated_ops = 3,
                     .max_unreplicated_ms = 50};
    engine::Keyspaces keyspaces;
    keyspaces.Put(info);
    unreplicated_.BeginReign(keyspaces);
  }
  engine::KeyspacePtr WithMode(engine::KeyspaceMode mode) {
    engine::KeyspaceInfo info;
    info.id = kAsync;
    info.name = "fast";
    info.settings.mode = mode;
    return std::make_shared<const engine::KeyspaceInfo>(info);
  }
  bool Answered(uint64_t tag) const { return sink_->answers.count(tag) != 0; }
  engine::Durability DurabilityOf(uint64_t tag) { return sink_->answers.at(tag).durability; }
  UnreplicatedStats Stats(int64_t now_us = 0) { return unreplicated_.Stats(now_us).at(kAsync); }

  void AddRejected(GatedAnswer::Until until, uint64_t slot, uint64_t tag) {
    GatedAnswer answer;
    answer.slot = Slot{slot};
    answer.until = until;
    answer.keyspace = kAsync;
    answer.to = ReturnAddress{sink_, tag};
    answer.deadline_us = 1'000'000'000;
    answer.answer.position = Position{5, answer.slot, Revision{}};
    answer.answer.failure = RejectedFailure({engine::Rejection::Why::kCondition, 0, Revision{9}});
    gate_.Add(std::move(answer));
  }

  const Failure& FailureOf(uint64_t tag) { return sink_->answers.at(tag).failure; }

  static constexpr KeyspaceId kAsync{7};
  Metrics metrics_;
  Unreplicated unreplicated_;
  AckGate gate_{&unreplicated_, &metrics_};
  AnswerBatch answers_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(AckGateTest, ReleasesWhatIsCommittedInOneGroup) {
  Add(3, 1);
  Add(3, 2);
  Add(4, 3);
  Release(2);
  EXPECT_EQ(sink_->given, 0u);
  Release(3);
  EXPECT_EQ(sink_->given, 2u);
  EXPECT_EQ(sink_->flushes, 1u);
  EXPECT_EQ(gate_.size(), 1u);
  EXPECT_EQ(metrics_.writes_acked.Get(), 2u);
}

TEST_F(AckGateTest, ExpiresByDeadlineAndSaysWhetherTheOutcomeIsKnown) {
  Add(3, 1, 500);
  Add(4, 2, 400, /*has_effect=*/false);
  Add(5, 3, 900);
  EXPECT_EQ(gate_.NextDeadlineUs(), 400);
  gate_.Expire(399, &answers_);
  EXPECT_TRUE(answers_.empty());
  gate_.Expire(500, &answers_);
  answers_.Deliver();
  EXPECT_EQ(FailureOf(1).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(FailureOf(1).code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(FailureOf(2).reason, Reason::kDeadline);
  EXPECT_EQ(gate_.NextDeadlineUs(), 900);
  Release(5);
  EXPECT_TRUE(FailureOf(3).ok());
  EXPECT_EQ(gate_.NextDeadlineUs(), kNever);
}

TEST_F(AckGateTest, ARejectionSaysWhatItWasJudgedByAndHowDurableThatIs) {
  BeginReign();
  AddRejected(GatedAnswer::Until::kDurable, 3, 1);
  AddRejected(GatedAnswer::Until::kCommitted, 4, 2);
  Release(/*commit=*/0, /*durable=*/4);
  ASSERT_TRUE(FailureOf(1).judged.has_value());
  EXPECT_EQ(FailureOf(1).judged->durability, engine::Durability::kLocal);
  EXPECT_EQ(FailureOf(1).judged->position.slot, Slot{3});
  EXPECT_EQ(FailureOf(1).judged->position.reign_round, 5u);
  EXPECT_FALSE(Answered(2));
  Release(/*commit=*/4, /*durable=*/4);
  ASSERT_TRUE(FailureOf(2).judged.has_value());
  EXPECT_EQ(FailureOf(2).judged->durability, engine::Durability::kQuorum);
}

TEST_F(AckGateTest, TheEndOfAReignAnswersEverything) {
  Add(3, 1);
  Add(3, 2, 1'000, /*has_effect=*/false);
  gate_.EndReign(NotLeaderFailure(LeaderHint{"n2", "a:1"}), "deposed", &answers_);
  answers_.Deliver();
  EXPECT_EQ(FailureOf(1).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(FailureOf(1).leader->name, "n2");
  EXPECT_EQ(FailureOf(2).reason, Reason::kNotLeader);
  EXPECT_EQ(gate_.size(), 0u);
}

TEST_F(AckGateTest, LocalLeavesOnceTheLeadersDiskHasItAndSaysSo) {
  BeginReign();
  AddLocal(3, 1);
  Add(4, 2);
  Release(2, 2);
  EXPECT_FALSE(Answered(1));
  Release(2, 4);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kLocal);
  EXPECT_FALSE(Answered(2)) << "QUORUM waits for the quorum";
  EXPECT_EQ(Stats().ops, 1u);
  EXPECT_EQ(Stats().bytes, 10u);
  Release(4, 4);
  EXPECT_EQ(DurabilityOf(2), engine::Durability::kQuorum);
  EXPECT_EQ(Stats().ops, 0u);
  EXPECT_EQ(Stats().ops_high, 1u);
}

TEST_F(AckGateTest, LocalNeedsALeaseThatRunsAfterTheSync) {
  BeginReign();
  AddLocal(3, 1);
  Release(2, 3, /*leased=*/false);
  EXPECT_FALSE(Answered(1));
  Release(3, 3, /*leased=*/false);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kQuorum);
}

TEST_F(AckGateTest, OverTheBudgetItWaitsForTheQuorum) {
  BeginReign();
  AddLocal(3, 1, 60);
  AddLocal(4, 2, 60);  // 120 bytes
  AddLocal(5, 3, 1);
  Release(2, 5);
  EXPECT_TRUE(Answered(1));
  EXPECT_FALSE(Answered(2));
  EXPECT_FALSE(Answered(3)) << "in line behind it";
  Release(3, 5);
  EXPECT_EQ(DurabilityOf(2), engine::Durability::kLocal);
  EXPECT_EQ(Stats().waited, 2u) << "the one behind it too, each once";
  EXPECT_EQ(Stats().bytes, 61u);
}

TEST_F(AckGateTest, OperationsAndAgeAreLimitedToo) {
  BeginReign();
  for (uint64_t tag = 1; tag <= 4; ++tag) AddLocal(2 + tag, tag, 1);
  Release(2, 6);
  EXPECT_TRUE(Answered(3));
  EXPECT_FALSE(Answered(4));
  Release(6, 6);
  AddLocal(7, 5, 1, /*sequenced_us=*/100'000);
  Release(6, 7, true, 150'001);
  EXPECT_FALSE(Answered(5)) << "older than 50 ms before it could be acknowledged";
  AddLocal(8, 6, 1, 150'000);
  Release(7, 8, true, 150'001);
  AddLocal(9, 7, 1, 200'500);
  Release(7, 9, true, 200'600);
  EXPECT_TRUE(Answered(6));
  EXPECT_FALSE(Answered(7)) << "the oldest that was acknowledged is more than 50 ms old";
  EXPECT_EQ(Stats(200'600).age_us, 50'600);
}

TEST_F(AckGateTest, AnAnswerWithoutAnEffectTakesNothingOfTheBudget) {
  BeginReign();
  for (uint64_t tag = 1; tag <= 3; ++tag) AddLocal(3, tag, 1);
  AddLocal(3, 4, 0);
  Release(2, 3);
  EXPECT_EQ(DurabilityOf(4), engine::Durability::kLocal);
  EXPECT_EQ(Stats().ops, 3u);
}

// Another leader may undo the change until it is chosen.
TEST_F(AckGateTest, NoLocalAckBeforeTheChangeToAsyncIsApplied) {
  BeginReign(engine::KeyspaceMode::kSync);
  unreplicated_.Changed(WithMode(engine::KeyspaceMode::kAsync), Slot{3});
  EXPECT_TRUE(unreplicated_.IsAsync(kAsync));
  AddLocal(4, 1);
  Release(2, 4);
  EXPECT_FALSE(Answered(1));
  Release(3, 4);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kLocal);
}

TEST_F(AckGateTest, NoLocalAckOnceTheChangeToSyncIsSequenced) {
  BeginReign();
  AddLocal(3, 1);
  unreplicated_.Changed(WithMode(engine::KeyspaceMode::kSync), Slot{4});
  Release(2, 4);
  EXPECT_FALSE(Answered(1));
  Release(3, 4);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kQuorum);
}

TEST_F(AckGateTest, AKeyspaceThatFailsOverItsBudgetRefusesByWhatIsSequenced) {
  engine::KeyspaceInfo info = *WithMode(engine::KeyspaceMode::kAsync);
  info.settings.on_budget = engine::OnBudget::kFail;
  info.settings.max_unreplicated_ops = 2;
  info.settings.max_unreplicated_ms = 50;
  engine::Keyspaces keyspaces;
  keyspaces.Put(info);
  unreplicated_.BeginReign(keyspaces);
  EXPECT_FALSE(unreplicated_.Refuses(Charge{kAsync, 1, 1}, 0));
  AddLocal(3, 1);
  AddLocal(4, 2);
  EXPECT_TRUE(unreplicated_.Refuses(Charge{kAsync, 1, 1}, 0)) << "though none is acknowledged yet";
  Release(3, 4);
  EXPECT_FALSE(unreplicated_.Refuses(Charge{kAsync, 1, 1}, 0));
  EXPECT_TRUE(unreplicated_.Refuses(Charge{kAsync, 1, 1}, 51'000))
      << "the oldest waits for too long";
  EXPECT_TRUE(unreplicated_.Refuses(Charge{kAsync, 1, 17 << 20}, 0));
  EXPECT_EQ(Stats().failed, 3u);
}

TEST_F(AckGateTest, EachOperationOfABatchCounts) {
  BeginReign();
  GatedAnswer batch;
  batch.slot = Slot{3};
  batch.until = GatedAnswer::Until::kDurable;
  batch.keyspace = kAsync;
  batch.charges.push_back(Charge{kAsync, 4, 10});
  batch.to = ReturnAddress{sink_, 1};
  batch.deadline_us = 1'000'000;
  batch.has_effect = true;
  unreplicated_.Sequenced(batch.slot, batch.charges, 0);
  gate_.Add(std::move(batch));
  Release(2, 3);
  EXPECT_FALSE(Answered(1)) << "four, where three are allowed";
  Release(3, 3);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kQuorum);
}

// Another leader may undo it until it is chosen: what it allows is then not allowed by anybody.
TEST_F(AckGateTest, ALargerBudgetCountsOnceItIsApplied) {
  BeginReign();
  for (uint64_t tag = 1; tag <= 5; ++tag) AddLocal(2 + tag, tag, 1);
  engine::KeyspaceInfo info = *WithMode(engine::KeyspaceMode::kAsync);
  info.settings.max_unreplicated_ops = 100;
  unreplicated_.Changed(std::make_shared<const engine::KeyspaceInfo>(info), Slot{8});
  Release(2, 9);
  EXPECT_TRUE(Answered(3));
  EXPECT_FALSE(Answered(4)) << "the old budget is that of three";
  gate_.Release(Progress{Slot{2}, Slot{9}, Slot{8}, true}, 0, &answers_);
  answers_.Deliver();
  EXPECT_EQ(DurabilityOf(5), engine::Durability::kLocal);
}

TEST_F(AckGateTest, WhatFailsOverItsBudgetGetsTheLargerOneToo) {
  BeginReign();
  engine::KeyspaceInfo info = *WithMode(engine::KeyspaceMode::kAsync);
  info.settings.on_budget = engine::OnBudget::kFail;
  info.settings.max_unreplicated_ops = 100;
  unreplicated_.Changed(std::make_shared<const engine::KeyspaceInfo>(info), Slot{8});
  EXPECT_TRUE(unreplicated_.Refuses(Charge{kAsync, 50, 50}, 0))
      << "the old budget is that of three";
  gate_.Release(Progress{Slot{8}, Slot{8}, Slot{8}, true}, 0, &answers_);
  EXPECT_FALSE(unreplicated_.Refuses(Charge{kAsync, 50, 50}, 0));
}

// The budget holds nothing back that its mode does.
TEST_F(AckGateTest, AChangeOfTheModeCountsAsNoWait) {
  BeginReign();
  unreplicated_.Changed(WithMode(engine::KeyspaceMode::kSync), Slot{3});
  AddLocal(4, 1);
  Release(2, 4);
  EXPECT_FALSE(Answered(1));
  EXPECT_EQ(Stats().waited, 0u);
}

TEST_F(AckGateTest, ASmallerBudgetCountsAtOnce) {
  BeginReign();
  for (uint64_t tag = 1; tag <= 3; ++tag) AddLocal(2 + tag, tag, 1);
  engine::KeyspaceInfo info = *WithMode(engine::KeyspaceMode::kAsync);
  info.settings.max_unreplicated_ops = 1;
  unreplicated_.Changed(std::make_shared<const engine::KeyspaceInfo>(info), Slot{8});
  info.settings.max_unreplicated_ops = 100;  // and no later change takes it back unapplied
  unreplicated_.Changed(std::make_shared<const engine::KeyspaceInfo>(info), Slot{9});
  Release(2, 8);
  EXPECT_TRUE(Answered(1));
  EXPECT_FALSE(Answered(2));
}

// What it was decided by has to be as async as what it wrote.
TEST_F(AckGateTest, AKeyspaceThatIsOnlyLookedAtCountsToo) {
  BeginReign(engine::KeyspaceMode::kSync);
  unreplicated_.Changed(WithMode(engine::KeyspaceMode::kAsync), Slot{5});
  AddLocal(6, 1, /*bytes=*/0);
  Release(3, 6);
  EXPECT_FALSE(Answered(1));
  Release(5, 6);
  EXPECT_EQ(DurabilityOf(1), engine::Durability::kLocal);
}

// A change of keyspaces may be used by whoever hears of it.
TEST_F(AckGateTest, AChangeOfKeyspacesIsAnsweredOnceItIsApplied) {
  GatedAnswer answer;
  answer.slot = Slot{3};
  answer.until = GatedAnswer::Until::kApplied;
  answer.to = ReturnAddress{sink_, 1};
  answer.deadline_us = 1'000;
  gate_.Add(std::move(answer));
  EXPECT_EQ(gate_.WaitsForApplied(), Slot{3});
  gate_.Release(Progress{Slot{3}, Slot{3}, Slot{2}, true}, 0, &answers_);
  EXPECT_TRUE(answers_.empty());
  Release(3);
  EXPECT_TRUE(Answered(1));
  EXPECT_EQ(gate_.WaitsForApplied(), kSlotNone);
}

TEST(RecentHighTest, ForgetsWhatIsOlderThanAMinute) {
  RecentHigh high;
  high.Note(7, 1'000'000);
  high.Note(3, 2'000'000);
  EXPECT_EQ(high.Get(2'000'000), 7u);
  EXPECT_EQ(high.Get(60'999'999), 7u);
  EXPECT_EQ(high.Get(61'000'000), 3u);
  EXPECT_EQ(high.Get(500'000'000), 0u);
}

}  // namespace
}  // namespace baton::server
