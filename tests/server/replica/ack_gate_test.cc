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
  const Failure& FailureOf(uint64_t tag) { return sink_->answers.at(tag).failure; }

  Metrics metrics_;
  AckGate gate_{&metrics_};
  AnswerBatch answers_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(AckGateTest, ReleasesWhatIsCommittedInOneGroup) {
  Add(3, 1);
  Add(3, 2);
  Add(4, 3);
  gate_.Release(Slot{2}, 0, &answers_);
  EXPECT_TRUE(answers_.empty());
  gate_.Release(Slot{3}, 0, &answers_);
  answers_.Deliver();
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
  gate_.Release(Slot{5}, 600, &answers_);
  answers_.Deliver();
  EXPECT_TRUE(FailureOf(3).ok());
  EXPECT_EQ(gate_.NextDeadlineUs(), kNever);
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

}  // namespace
}  // namespace baton::server
