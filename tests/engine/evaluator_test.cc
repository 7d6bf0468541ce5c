#include "engine/state/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/view.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

using ::testing::ElementsAre;
using Outcome = Evaluation::Outcome;

class EvaluatorTest : public ::testing::Test {
 protected:
  explicit EvaluatorTest(bool cold_cache = false) : engine_({.cold_cache = cold_cache}) {
    evaluator_.BeginEntry(Revision{1});
  }

  static WriteRequest Of(std::vector<WriteOp> ops) {
    return WriteRequest{kDefaultKeyspace, std::move(ops), {}};
  }
  Evaluation Evaluate(std::vector<WriteOp> ops, uint32_t parked = 0) {
    return evaluator_.Evaluate(Of(std::move(ops)), parked);
  }
  WriteResult Done(std::vector<WriteOp> ops) {
    const Evaluation evaluation = Evaluate(std::move(ops));
    EXPECT_EQ(evaluation.outcome, Outcome::kDone);
    return evaluation.result;
  }
  // Ends the entry in progress: into the overlay, as the loop does.
  void Seal() {
    ++slot_;
    auto bytes = std::make_shared<const std::string>(evaluator_.effects().bytes());
    const Revision base = evaluator_.effects().base();
    ASSERT_TRUE(overlay_.Add(Slot{slot_}, bytes, *bytes, base).ok());
    sealed_.push_back({bytes, base});
    evaluator_.BeginEntry(evaluator_.effects().next_revision());
  }
  // Applies all that is sealed.
  void Apply() {
    BatchApplier applier(&engine_, &catalog_, &sessions_);
    while (applied_ < sealed_.size()) {
      const auto& [bytes, base] = sealed_[applied_++];
      ASSERT_TRUE(applier.Add(Slot{applied_}, *bytes, base, 0).ok());
    }
    ASSERT_TRUE(applier.Commit().ok());
    overlay_.ForgetUpTo(Slot{applied_});
  }

  MemoryEngine engine_;
  Catalog catalog_;
  Sessions sessions_;
  Overlay overlay_;
  Keyspaces keyspaces_;
  KeyspaceSizes sizes_;
  Evaluator evaluator_{&engine_, &overlay_, &keyspaces_, &sizes_};
  uint64_t slot_ = 0;
  uint64_t applied_ = 0;
  std::vector<std::pair<std::shared_ptr<const std::string>, Revision>> sealed_;
};

TEST_F(EvaluatorTest, PlainWritesTakeOneRevisionEach) {
  EXPECT_EQ(Done({PutOp{"a", "1"}}).revision, Revision{1});
  EXPECT_EQ(Done({PutOp{"b", "1"}, DeleteOp{"c"}, PutOp{"d", "2"}}).revision, Revision{2});
  EXPECT_EQ(Done({DeleteRangeOp{"x", "y"}}).revision, Revision{3});
  EXPECT_EQ(Done({DeleteRangeOp{"x", "x"}}).revision, Revision{});
  const WriteResult plain = Done({DeleteOp{"a"}});
  EXPECT_EQ(plain.existed, std::nullopt);
  EXPECT_EQ(plain.deleted, std::nullopt);
  EXPECT_EQ(evaluator_.effects().requests(), 4u);
}

TEST_F(EvaluatorTest, ExistedSeesEngineOverlayAndTheEntryInProgress) {
  Done({PutOp{"engine", "1"}});
  Seal();
  Apply();
  Done({PutOp{"overlay", "1"}});
  Seal();
  Done({PutOp{"pending", "1"}});
  for (const char* key : {"engine", "overlay", "pending"}) {
    EXPECT_EQ(Done({DeleteOp{key, true}}).existed, true) << key;
    const WriteResult again = Done({DeleteOp{key, true}});
    EXPECT_EQ(again.existed, false) << key;
    EXPECT_EQ(again.revision, Revision{}) << "a delete of nothing changes nothing";
  }
  EXPECT_EQ(Done({DeleteOp{"never", true}}).existed, false);
}

TEST_F(EvaluatorTest, AnOpSeesThoseBeforeItInItsRequest) {
  const WriteResult result =
      Done({PutOp{"a", "1"}, PutOp{"b", "1"}, DeleteRangeOp{"a", "z", true}, PutOp{"c", "1"},
            DeleteRangeOp{"a", "z", true}, DeleteOp{"c", true}});
  EXPECT_EQ(result.deleted, 3u);
  EXPECT_EQ(result.existed, false);
}

TEST_F(EvaluatorTest, CountsWhatARangeDeletes) {
  for (const char* key : {"a", "b", "c", "d"}) Done({PutOp{key, "1"}});
  Seal();
  Apply();
  Done({PutOp{"b", "2"}});   // no new row
  Done({PutOp{"bb", "1"}});  // a new one
  Done({DeleteOp{"c"}});
  Seal();
  Done({PutOp{"cc", "1"}});
  EXPECT_EQ(Done({DeleteRangeOp{"b", "d", true}}).deleted, 3u);  // b bb cc
  const WriteResult again = Done({DeleteRangeOp{"b", "d", true}});
  EXPECT_EQ(again.deleted, 0u);
  EXPECT_EQ(again.revision, Revision{});
  EXPECT_EQ(Done({DeleteRangeOp{"", "", true}}).deleted, 2u);  // a d
}

TEST_F(EvaluatorTest, CountingTooManyRowsIsRejectedAndLeavesNothing) {
  for (uint64_t i = 0; i <= kEvaluateRowsMax; ++i) {
    Done({PutOp{std::to_string(1'000'000 + i), ""}});
  }
  Seal();
  Apply();
  Done({PutOp{"a", "1"}});
  const std::string before(evaluator_.effects().bytes());
  const WriteResult rejected = Done({PutOp{"b", "1"}, DeleteRangeOp{"", "", true}});
  EXPECT_EQ(rejected.rejection, (Rejection{Rejection::Why::kTooManyRows, 1, {}}));
  EXPECT_EQ(evaluator_.effects().bytes(), before);
  // The rejected request's own put is not seen by those after it, the one before is.
  EXPECT_EQ(Done({DeleteOp{"b", true}}).existed, false);
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, true);
  EXPECT_EQ(Done({DeleteRangeOp{"", "", false}}).deleted, std::nullopt);  // needs no count
}

TEST_F(EvaluatorTest, NothingTakesEffectUnlessAllConditionsHold) {
  const WriteResult put = Done({PutOp{"a", "1"}});
  WriteRequest request = Of({PutOp{"b", "2"}, DeleteOp{"a"}});
  request.conditions = {Condition{Condition::Kind::kExists, "a"},
                        Condition{Condition::Kind::kRevision, "a", Revision{7}}};
  const Evaluation rejected = evaluator_.Evaluate(request, 0);
  ASSERT_EQ(rejected.outcome, Outcome::kDone);
  EXPECT_EQ(rejected.result.revision, Revision{});
  EXPECT_EQ(rejected.result.rejection, (Rejection{Rejection::Why::kCondition, 1, put.revision}));
  EXPECT_EQ(Done({DeleteOp{"b", true}}).existed, false);

  request.conditions[1].revision = put.revision;
  request.conditions.push_back(Condition{Condition::Kind::kValue, "a", {}, "1"});
  request.conditions.push_back(Condition{Condition::Kind::kAbsent, "b"});
  const Evaluation done = evaluator_.Evaluate(request, 0);
  EXPECT_EQ(done.result.rejection, std::nullopt);
  EXPECT_EQ(done.result.revision, Revision{2});
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, false);
}

// Conditions are on the state before the request, not on what it does itself.
TEST_F(EvaluatorTest, ConditionsComeBeforeTheFirstOperation) {
  WriteRequest request = Of({PutOp{"a", "1"}, DeleteOp{"a"}, PutOp{"a", "2"}});
  request.conditions = {Condition{Condition::Kind::kAbsent, "a"}};
  EXPECT_EQ(evaluator_.Evaluate(request, 0).result.rejection, std::nullopt);
  EXPECT_EQ(evaluator_.Evaluate(request, 0).result.rejection,
            (Rejection{Rejection::Why::kCondition, 0, Revision{1}}));
}

TEST_F(EvaluatorTest, CountsUpAndDownAndSaysWhereItCannot) {
  EXPECT_THAT(Done({IncrementOp{"n", 5}, IncrementOp{"n", -7}}).numbers, ElementsAre(5, -2));
  Seal();
  Apply();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(Done({IncrementOp{"n", kMin + 2}}).numbers, ElementsAre(kMin));
  const WriteResult under = Done({PutOp{"x", "1"}, IncrementOp{"n", -1}});
  EXPECT_EQ(under.rejection, (Rejection{Rejection::Why::kOverflow, 1, Revision{2}}));
  EXPECT_THAT(under.numbers, ElementsAre());
  EXPECT_EQ(Done({DeleteOp{"x", true}}).existed, false);
  for (const char* value : {"", " 1", "1 ", "+1", "1.5", "0x1", "9223372036854775808", "one"}) {
    Done({PutOp{"t", value}});
    EXPECT_EQ(Done({IncrementOp{"t", 1}}).rejection.value().why, Rejection::Why::kNotANumber)
        << value;
  }
}

TEST_F(EvaluatorTest, AppendsUpToTheLongestValue) {
  EXPECT_THAT(Done({AppendOp{"s", "ab"}, AppendOp{"s", "c"}}).numbers, ElementsAre(2, 3));
  Done({AppendOp{"s", std::string(kValueBytesMax - 3, 'x')}});
  EXPECT_EQ(Done({AppendOp{"s", "y"}}).rejection,
            (Rejection{Rejection::Why::kValueTooLong, 0, {}, kValueBytesMax}));
  const std::vector<WriteOp> many(9, AppendOp{"s", ""});
  EXPECT_EQ(Done(many).rejection, (Rejection{Rejection::Why::kTooLarge, 8, {}}));
  std::vector<WriteOp> both(6, AppendOp{"s", ""});
  for (const char* key : {"a", "b", "c", "d"}) {
    both.push_back(PutOp{key, std::string(kValueBytesMax, 'v')});
  }
  EXPECT_EQ(Done(both).rejection, (Rejection{Rejection::Why::kTooLarge, 8, {}}))
      << "what is put counts with what is appended to: an entry is not split";
  WriteRequest request = Of({PutOp{"t", "1"}});
  request.conditions = {Condition{Condition::Kind::kValue, "s", {}, "abc"}};
  EXPECT_TRUE(evaluator_.Evaluate(request, 0).result.rejection.has_value());
}

TEST_F(EvaluatorTest, OperationsAndConditionsMayNameKeyspacesOfTheirOwn) {
  constexpr KeyspaceId kOther{7};
  EXPECT_EQ(Done({PutOp{"a", "1"}, PutOp{"a", "1", kOther}}).rejection,
            (Rejection{Rejection::Why::kNoKeyspace, 1}));
  KeyspaceInfo other;
  other.id = kOther;
  other.name = "other";
  keyspaces_.Put(other);
  Done({PutOp{"a", "1", kOther}});
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, false);
  WriteRequest request = Of({IncrementOp{"a", 1, kOther}, IncrementOp{"a", 1}});
  request.conditions = {Condition{Condition::Kind::kValue, "a", {}, "1", kOther}};
  EXPECT_THAT(evaluator_.Evaluate(request, 0).result.numbers, ElementsAre(2, 1));
}

TEST_F(EvaluatorTest, KeyspacesHaveLimitsOfTheirOwn) {
  KeyspaceInfo info = DefaultKeyspaceInfo(0);
  info.settings.value_bytes_max = 3;
  info.settings.size_bytes_max = 100;
  keyspaces_.Put(info);
  Done({PutOp{"a", "123"}});
  EXPECT_EQ(Done({PutOp{"a", "1234"}}).rejection,
            (Rejection{Rejection::Why::kValueTooLong, 0, {}, 3}));
  EXPECT_EQ(Done({AppendOp{"a", "4"}}).rejection->why, Rejection::Why::kValueTooLong);
  sizes_.Set({{kDefaultKeyspace, 100}});
  EXPECT_EQ(Done({PutOp{"a", "1"}}).rejection, (Rejection{Rejection::Why::kFull, 0, {}, 100}));
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, true) << "what makes room is let in";
}

TEST_F(EvaluatorTest, ChargesEachKeyspaceWithItsEffects) {
  KeyspaceInfo other;
  other.id = KeyspaceId{7};
  other.name = "other";
  keyspaces_.Put(other);
  const Evaluation evaluation =
      Evaluate({PutOp{"a", "1"}, PutOp{"b", std::string(1'000, 'x'), other.id}, PutOp{"c", "1"}});
  ASSERT_EQ(evaluation.charges.size(), 2u);
  EXPECT_EQ(evaluation.charges[0].keyspace, kDefaultKeyspace);
  EXPECT_LT(evaluation.charges[0].bytes, 100u);
  EXPECT_EQ(evaluation.charges[1].keyspace, other.id);
  EXPECT_GT(evaluation.charges[1].bytes, 1'000u);
  EXPECT_EQ(evaluation.charges[0].ops, 2u);
  EXPECT_EQ(evaluation.charges[1].ops, 1u);
  const Evaluation rejected = Evaluate({IncrementOp{"b", 1, other.id}});
  ASSERT_EQ(rejected.charges.size(), 1u) << "it was looked at";
  EXPECT_EQ(rejected.charges[0].ops + rejected.charges[0].bytes, 0u);
}

TEST_F(EvaluatorTest, WhatIsNotAllowedLeavesNoEffect) {
  WriteRequest request = Of({PutOp{"a", "1"}, PutOp{"b", "2"}});
  uint64_t asked = 0;
  const Evaluation refused = evaluator_.Evaluate(request, 0, [&](const Charges& charges) {
    asked = charges[0].ops;
    return false;
  });
  EXPECT_EQ(refused.outcome, Evaluation::Outcome::kRefused);
  EXPECT_EQ(asked, 2u);
  EXPECT_TRUE(evaluator_.effects().empty());
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, false);
}

class ColdEvaluatorTest : public EvaluatorTest {
 protected:
  ColdEvaluatorTest() : EvaluatorTest(/*cold_cache=*/true) {
    Done({PutOp{"a", "1"}, PutOp{"b", "1"}, PutOp{"c", "1"}});
    Seal();
    Apply();
    EXPECT_TRUE(engine_.Flush().ok());
    engine_.LoseUnflushed();  // and with it what the cache held
  }
};

TEST_F(ColdEvaluatorTest, AMissParksTheRequestOnceForAllItsKeys) {
  const std::vector<WriteOp> ops = {PutOp{"x", "1"}, DeleteOp{"a", true}, DeleteOp{"b", true},
                                    DeleteRangeOp{"c", "d", true}};
  const std::string before(evaluator_.effects().bytes());
  const Evaluation parked = Evaluate(ops);
  ASSERT_EQ(parked.outcome, Outcome::kNeeds);
  EXPECT_THAT(parked.needs.keys,
              ElementsAre(EngineKey(kDefaultKeyspace, "a"), EngineKey(kDefaultKeyspace, "b")));
  EXPECT_EQ(parked.needs.ranges.size(), 1u);
  EXPECT_EQ(evaluator_.effects().bytes(), before);

  ASSERT_TRUE(Load(engine_, parked.needs).ok());
  const Evaluation done = Evaluate(ops, 1);
  ASSERT_EQ(done.outcome, Outcome::kDone);
  EXPECT_EQ(done.result.existed, true);
  EXPECT_EQ(done.result.deleted, 1u);
}

// What follows from keys that are not in memory is not known: nothing is rejection yet.
TEST_F(ColdEvaluatorTest, AMissIsNoUnmetCondition) {
  WriteRequest request = Of({IncrementOp{"b", 1}});
  request.conditions = {Condition{Condition::Kind::kExists, "a"}};
  const Evaluation parked = evaluator_.Evaluate(request, 0);
  ASSERT_EQ(parked.outcome, Outcome::kNeeds);
  EXPECT_EQ(parked.result.rejection, std::nullopt);
  ASSERT_TRUE(Load(engine_, parked.needs).ok());
  EXPECT_THAT(evaluator_.Evaluate(request, 1).result.numbers, ElementsAre(2));
}

TEST_F(ColdEvaluatorTest, PlainWritesNeverMiss) {
  EXPECT_NE(Done({PutOp{"a", "2"}, DeleteOp{"b"}, DeleteRangeOp{"", ""}}).revision, Revision{});
}

TEST_F(ColdEvaluatorTest, ARequestThatMissesForEverIsRejected) {
  EXPECT_EQ(Evaluate({DeleteOp{"a", true}}, kEvaluateParksMax - 1).outcome, Outcome::kNeeds);
  const Evaluation rejected = Evaluate({DeleteOp{"a", true}}, kEvaluateParksMax);
  ASSERT_EQ(rejected.outcome, Outcome::kDone);
  EXPECT_EQ(rejected.result.rejection, (Rejection{Rejection::Why::kNotCached, 0, {}}));
}

}  // namespace
}  // namespace baton::engine
