#include "engine/state/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/view.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = Evaluation::Outcome;

class EvaluatorTest : public ::testing::Test {
 protected:
  explicit EvaluatorTest(bool cold_cache = false) : engine_({.cold_cache = cold_cache}) {
    evaluator_.BeginEntry(Revision{1});
  }

  static WriteRequest Of(std::vector<WriteOp> ops) {
    return WriteRequest{kDefaultKeyspace, std::move(ops)};
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
    BatchApplier applier(&engine_, &catalog_);
    while (applied_ < sealed_.size()) {
      const auto& [bytes, base] = sealed_[applied_++];
      ASSERT_TRUE(applier.Add(Slot{applied_}, *bytes, base).ok());
    }
    ASSERT_TRUE(applier.Commit().ok());
    overlay_.ForgetUpTo(Slot{applied_});
  }

  MemoryEngine engine_;
  Catalog catalog_;
  Overlay overlay_;
  Evaluator evaluator_{&engine_, &overlay_};
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

TEST_F(EvaluatorTest, CountingTooManyRowsIsRefusedAndLeavesNothing) {
  for (uint64_t i = 0; i <= kEvaluateRowsMax; ++i) {
    Done({PutOp{std::to_string(1'000'000 + i), ""}});
  }
  Seal();
  Apply();
  Done({PutOp{"a", "1"}});
  const std::string before(evaluator_.effects().bytes());
  const Evaluation refused = Evaluate({PutOp{"b", "1"}, DeleteRangeOp{"", "", true}});
  EXPECT_EQ(refused.outcome, Outcome::kRefused);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.refusal.status));
  EXPECT_THAT(std::string(refused.refusal.status.message()), HasSubstr("want_count"));
  EXPECT_EQ(refused.refusal.limit, "evaluate_rows_max=100000");
  EXPECT_EQ(evaluator_.effects().bytes(), before);
  // The refused request's own put is not seen by those after it, the one before is.
  EXPECT_EQ(Done({DeleteOp{"b", true}}).existed, false);
  EXPECT_EQ(Done({DeleteOp{"a", true}}).existed, true);
  EXPECT_EQ(Done({DeleteRangeOp{"", "", false}}).deleted, std::nullopt);  // needs no count
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

TEST_F(ColdEvaluatorTest, PlainWritesNeverMiss) {
  EXPECT_NE(Done({PutOp{"a", "2"}, DeleteOp{"b"}, DeleteRangeOp{"", ""}}).revision, Revision{});
}

TEST_F(ColdEvaluatorTest, ARequestThatMissesForEverIsRefused) {
  EXPECT_EQ(Evaluate({DeleteOp{"a", true}}, kEvaluateParksMax - 1).outcome, Outcome::kNeeds);
  const Evaluation refused = Evaluate({DeleteOp{"a", true}}, kEvaluateParksMax);
  EXPECT_EQ(refused.outcome, Outcome::kRefused);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.refusal.status));
  EXPECT_EQ(refused.refusal.limit, "evaluate_parks_max=4");
}

}  // namespace
}  // namespace baton::engine
