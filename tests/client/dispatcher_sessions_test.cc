// Writes that are numbered in sessions, so that they may be sent again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/dispatcher_harness.h"

namespace baton::client {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSession = 77;

class DispatcherSessionsTest : public DispatcherHarness {
 protected:
  Slot<WriteResult> Put(const std::string& key, const CallOptions& options = {}) {
    CallHeader header{.write = true, .exactly_once = true};
    header.stamp = dispatcher_->TakeStamp();
    return Start<WriteResult>(header, options, [&](uint64_t id) {
      return EncodePut(id, key, "v", options, header.stamp);
    });
  }
  static const v1::ExchangeItem& Newest(FakeStream* stream) {
    const v1::ExchangeRequest& message = stream->messages.back();
    return message.items(message.items_size() - 1);
  }
  void AnswerOpen(FakeStream* stream, uint64_t session) {
    ASSERT_TRUE(Newest(stream).has_open_session());
    v1::ExchangeResult result;
    result.set_id(Newest(stream).id());
    result.mutable_open_session()->set_session(session);
    stream->Taken();
    stream->Answer(result);
  }
  void AnswerOutcome(FakeStream* stream, v1::Outcome outcome) {
    ASSERT_TRUE(Newest(stream).has_get_outcome());
    EXPECT_EQ(Newest(stream).get_outcome().session(), kSession);
    EXPECT_EQ(Newest(stream).get_outcome().sequence(), 1u);
    v1::ExchangeResult result;
    result.set_id(Newest(stream).id());
    result.mutable_get_outcome()->set_outcome(outcome);
    stream->Taken();
    stream->Answer(result);
  }

  // A put that was sent, whose stream broke, and that the next leader refuses for a reason that
  // says nothing of the first attempt. Returns the stream on which its outcome is asked for.
  FakeStream* RefuseTheSecondAttempt(const Slot<WriteResult>& put) {
    FakeStream* const first = Lead("a:1", 1);
    AnswerOpen(first, kSession);
    EXPECT_EQ(Newest(first).put().context().sequence(), 1u);
    first->Break();
    EXPECT_FALSE(*put) << "it may be sent again";
    FakeStream* const next = Lead("b:1", 2);
    EXPECT_EQ(Newest(next).put().context().session(), kSession);
    EXPECT_EQ(Newest(next).put().context().sequence(), 1u);
    next->Taken();
    next->Refuse(Newest(next).id(), v1::REASON_BUDGET_USED);
    EXPECT_FALSE(*put) << "the first attempt is open still";
    return next;
  }
};

TEST_F(DispatcherSessionsTest, AWriteWaitsForASessionAndIsNumbered) {
  const auto put = Put("k");
  FakeStream* const stream = Lead("a:1", 1);
  AnswerOpen(stream, kSession);
  EXPECT_EQ(Newest(stream).put().context().session(), kSession);
  stream->AnswerPut(Newest(stream).id(), 3);
  ASSERT_TRUE(*put && (*put)->ok());
  stream->Taken();
  const auto next = Put("k");
  EXPECT_EQ(Newest(stream).put().context().sequence(), 2u);
  EXPECT_EQ(Newest(stream).put().context().acked_below(), 2u);
}

TEST_F(DispatcherSessionsTest, ARefusalIsTheAnswerOnceNoAttemptCanTakeEffect) {
  const auto put = Put("k");
  AnswerOutcome(RefuseTheSecondAttempt(put), v1::OUTCOME_NOT_APPLIED);
  ASSERT_TRUE(*put);
  EXPECT_FALSE(IsOutcomeUnknown((*put)->status()));
  EXPECT_EQ(GetReason((*put)->status()), Reason::kBudgetUsed);
}

TEST_F(DispatcherSessionsTest, AWriteThatWasAppliedMeanwhileIsAskedForItsResult) {
  const auto put = Put("k");
  FakeStream* const stream = RefuseTheSecondAttempt(put);
  AnswerOutcome(stream, v1::OUTCOME_APPLIED);
  EXPECT_FALSE(*put);
  ASSERT_TRUE(Newest(stream).has_put());
  stream->AnswerPut(Newest(stream).id(), 9);
  ASSERT_TRUE(*put && (*put)->ok());
  EXPECT_EQ((**put)->revision, 9u);
}

// It took effect, and nobody can say with what result: asking on and on would tell no more.
TEST_F(DispatcherSessionsTest, AnAppliedWriteWhoseResultIsRefusedIsNotAskedForAgain) {
  const auto put = Put("k");
  FakeStream* const stream = RefuseTheSecondAttempt(put);
  AnswerOutcome(stream, v1::OUTCOME_APPLIED);
  ASSERT_TRUE(Newest(stream).has_put());
  stream->Taken();
  stream->Refuse(Newest(stream).id(), v1::REASON_KEYSPACE_UNKNOWN);
  ASSERT_TRUE(*put);
  EXPECT_TRUE(IsOutcomeUnknown((*put)->status()));
  EXPECT_THAT(std::string((*put)->status().message()), HasSubstr("it took effect"));
}

TEST_F(DispatcherSessionsTest, AWriteThatWasSentOnceGoesIntoAnotherSession) {
  const auto put = Put("k");
  FakeStream* const stream = Lead("a:1", 1);
  AnswerOpen(stream, kSession);
  stream->Taken();
  stream->Refuse(Newest(stream).id(), v1::REASON_SESSION_UNKNOWN);
  EXPECT_FALSE(*put);
  AnswerOpen(stream, kSession + 1);
  EXPECT_EQ(Newest(stream).put().context().session(), kSession + 1);
  EXPECT_EQ(Newest(stream).put().context().sequence(), 1u);
  stream->AnswerPut(Newest(stream).id(), 3);
  ASSERT_TRUE(*put && (*put)->ok());
}

// The first attempt may have taken effect in the session that has ended: another number would let
// it take effect twice.
TEST_F(DispatcherSessionsTest, AWriteThatMayHaveTakenEffectIsNotGivenAnotherNumber) {
  const auto put = Put("k");
  FakeStream* const first = Lead("a:1", 1);
  AnswerOpen(first, kSession);
  first->Break();
  FakeStream* const next = Lead("b:1", 2);
  next->Taken();
  next->Refuse(Newest(next).id(), v1::REASON_SESSION_UNKNOWN);
  ASSERT_TRUE(*put);
  EXPECT_TRUE(IsOutcomeUnknown((*put)->status()));
}

// Such a refusal is of the request itself, kept for its number: there is nothing to settle.
TEST_F(DispatcherSessionsTest, ARefusalThatIsKeptIsTheAnswerAtOnce) {
  const auto put = Put("k");
  FakeStream* const first = Lead("a:1", 1);
  AnswerOpen(first, kSession);
  first->Break();
  FakeStream* const next = Lead("b:1", 2);
  next->Taken();
  next->Refuse(Newest(next).id(), v1::REASON_FENCED);
  ASSERT_TRUE(*put);
  EXPECT_EQ(GetReason((*put)->status()), Reason::kFenced);
}

TEST_F(DispatcherSessionsTest, AnOutcomeThatNobodyKnowsIsSaidToBeUnknown) {
  const auto put = Put("k");
  AnswerOutcome(RefuseTheSecondAttempt(put), v1::OUTCOME_EXPIRED);
  ASSERT_TRUE(*put);
  EXPECT_TRUE(IsOutcomeUnknown((*put)->status()));
  EXPECT_EQ(GetErrorInfo((*put)->status())->session, kSession);
}

TEST_F(DispatcherSessionsTest, AnOutcomeThatIsNotToldInTimeIsUnknown) {
  const auto put = Put("k");
  RefuseTheSecondAttempt(put);
  Pass(5'001 * kMs);
  ASSERT_TRUE(*put);
  EXPECT_TRUE(IsOutcomeUnknown((*put)->status()));
  EXPECT_THAT(std::string((*put)->status().message()), HasSubstr("session 77, number 1"));
}

TEST_F(DispatcherSessionsTest, WhatIsBeingSettledIsCancelledAtTheEnd) {
  const auto put = Put("k");
  RefuseTheSecondAttempt(put);
  dispatcher_->Stop();
  ASSERT_TRUE(*put);
  EXPECT_EQ((*put)->status().code(), absl::StatusCode::kCancelled);
}

// ---- At the end of the client

class DispatcherEndTest : public DispatcherSessionsTest {
 protected:
  void End() {
    dispatcher_->EndSessions([this] { ++ended_; });
  }
  // One put in a session that was opened for it. Returns the leader's stream.
  FakeStream* PutOne() {
    const auto put = Put("k");
    FakeStream* const stream = Lead("a:1", 1);
    AnswerOpen(stream, kSession);
    stream->Taken();
    stream->AnswerPut(Newest(stream).id(), 3);
    EXPECT_TRUE(*put && (*put)->ok());
    return stream;
  }

  int ended_ = 0;
};

TEST_F(DispatcherEndTest, EndsItsSessionAndTakesNoMoreCalls) {
  FakeStream* const stream = PutOne();
  End();
  ASSERT_TRUE(Newest(stream).has_end_session());
  EXPECT_EQ(Newest(stream).end_session().session(), kSession);
  EXPECT_LE(Newest(stream).end_session().context().timeout_ms(), 250u);
  EXPECT_EQ(ended_, 0);
  const auto late = Put("late");
  ASSERT_TRUE(*late);
  EXPECT_EQ((*late)->status().code(), absl::StatusCode::kCancelled);
  v1::ExchangeResult result;
  result.set_id(Newest(stream).id());
  result.mutable_end_session();
  stream->Answer(result);
  EXPECT_EQ(ended_, 1);
}

TEST_F(DispatcherEndTest, DoesNotWaitLongForALeaderThatIsSilent) {
  FakeStream* const stream = PutOne();
  End();
  ASSERT_TRUE(Newest(stream).has_end_session());
  Pass(Dispatcher::kEndTimeoutUs - 1);
  EXPECT_EQ(ended_, 0);
  Pass(1);
  EXPECT_EQ(ended_, 1);
}

TEST_F(DispatcherEndTest, WaitsForNobodyWithoutALeaderOrWithoutASession) {
  PutOne()->Break();
  End();
  EXPECT_EQ(ended_, 1);
  Make({.endpoints = {"a:1"}});
  Lead("a:1", 2);
  End();
  EXPECT_EQ(ended_, 2);
}

TEST_F(DispatcherEndTest, AStopInTheMidstIsTheEndOfTheWait) {
  PutOne();
  End();
  dispatcher_->Stop();
  EXPECT_EQ(ended_, 1);
}

// What became of them may be asked for.
TEST_F(DispatcherEndTest, CancelsWhatIsNotAnsweredAndLeavesItsSession) {
  FakeStream* const stream = PutOne();
  const auto put = Put("open");
  End();
  ASSERT_TRUE(*put);
  EXPECT_EQ((*put)->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(Newest(stream).has_put());
}

// The copy that was lost with the first leader would be listed as a loss: the session knows better.
TEST_F(DispatcherEndTest, LeavesASessionOfWhichAWriteWasSentAgain) {
  const auto put = Put("k");
  FakeStream* const first = Lead("a:1", 1);
  AnswerOpen(first, kSession);
  first->Break();
  FakeStream* const next = Lead("b:1", 2);
  next->Taken();
  next->AnswerPut(Newest(next).id(), 3);
  ASSERT_TRUE(*put && (*put)->ok());
  End();
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(Newest(next).has_put());
}

}  // namespace
}  // namespace baton::client
