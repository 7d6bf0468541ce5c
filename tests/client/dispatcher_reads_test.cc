// Reads that another node than the leader may answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/dispatcher_harness.h"

namespace baton::client {
namespace {

using ::testing::HasSubstr;

class DispatcherReadsTest : public DispatcherHarness {
 protected:
  Slot<GetResult> Get(const ReadOptions& read) {
    const CallOptions options{.read = read};
    return Start<GetResult>({.place = {read.from, read.node}}, options,
                            [&](uint64_t id) { return EncodeGet(id, "k", options); });
  }
  FakeStream* stream(size_t i) { return network_->streams.at(i).get(); }
};

const ReadOptions kAny{.from = ReadFrom::kAny};

TEST_F(DispatcherReadsTest, GoToANodeWithoutLookingForTheLeader) {
  const Slot<GetResult> got = Get(kAny);
  EXPECT_EQ(network_->asked, 0);
  ASSERT_EQ(network_->streams.size(), 1u);
  EXPECT_EQ(stream(0)->address, "a:1");
  ASSERT_EQ(stream(0)->messages.size(), 1u);
  EXPECT_EQ(stream(0)->messages[0].items(0).get().level(), v1::READ_LEVEL_LINEARIZABLE);
  stream(0)->AnswerGet(last_id_, "v");
  ASSERT_TRUE(*got);
  EXPECT_EQ((**got)->record->value, "v");
}

TEST_F(DispatcherReadsTest, ShareAStreamAndGather) {
  for (int i = 0; i < 10; ++i) Get(kAny);
  ASSERT_EQ(network_->streams.size(), 1u);
  stream(0)->Taken();
  ASSERT_EQ(stream(0)->messages.size(), 2u);
  EXPECT_EQ(stream(0)->messages[1].items_size(), 9);
}

TEST_F(DispatcherReadsTest, AreNeverOnTheLeadersLane) {
  dispatcher_->Warm();
  network_->AnswerProbe("a:1", "leader", 1);
  ASSERT_EQ(network_->streams.size(), 1u);
  const Slot<GetResult> got = Get(kAny);
  ASSERT_EQ(network_->streams.size(), 2u);
  // Another leader takes over: the lane of reads stays as it is.
  network_->AnswerProbe("b:1", "leader", 2);
  EXPECT_TRUE(stream(0)->closed);
  EXPECT_FALSE(stream(1)->closed);
  stream(1)->AnswerGet(last_id_, "v");
  EXPECT_TRUE(got->has_value());
  EXPECT_FALSE(stream(1)->closed);
}

TEST_F(DispatcherReadsTest, GoElsewhereWhenANodeIsTooStaleOrBreaks) {
  const Slot<GetResult> got = Get({.level = ReadLevel::kBoundedStaleness,
                                   .max_staleness = std::chrono::milliseconds(100),
                                   .from = ReadFrom::kAny});
  EXPECT_EQ(stream(0)->messages[0].items(0).get().max_staleness_ms(), 100u);
  stream(0)->Refuse(last_id_, v1::REASON_TOO_STALE);
  ASSERT_EQ(network_->streams.size(), 2u);
  EXPECT_EQ(stream(1)->address, "b:1");
  stream(1)->Break();
  ASSERT_EQ(network_->streams.size(), 3u);
  EXPECT_EQ(stream(2)->address, "c:1");
  // All have failed now: it waits until they may be asked again, and goes back to the last.
  stream(2)->Refuse(last_id_, v1::REASON_NO_LEADER);
  EXPECT_EQ(network_->streams.size(), 3u);
  EXPECT_FALSE(got->has_value());
  stream(2)->Taken();
  Pass(ReadPlaces::kAvoidUs - 1);
  EXPECT_EQ(stream(2)->messages.size(), 1u);
  Pass(1);
  ASSERT_EQ(stream(2)->messages.size(), 2u);
  stream(2)->AnswerGet(last_id_, "v");
  EXPECT_TRUE(got->has_value());
}

TEST_F(DispatcherReadsTest, ALostPositionIsFinal) {
  const Slot<GetResult> got = Get(
      {.level = ReadLevel::kAtLeast, .at_least = {.reign = 3, .slot = 12}, .from = ReadFrom::kAny});
  EXPECT_EQ(stream(0)->messages[0].items(0).get().at_least().slot(), 12u);
  stream(0)->Refuse(last_id_, v1::REASON_POSITION_LOST);
  ASSERT_TRUE(got->has_value());
  EXPECT_EQ(GetReason((*got)->status()), Reason::kPositionLost);
}

TEST_F(DispatcherReadsTest, ASilentNodeIsAskedAndLeftOnlyIfItDoesNotAnswer) {
  const Slot<GetResult> got = Get(kAny);
  stream(0)->Taken();
  Pass(250 * kMs);
  ASSERT_EQ(network_->probes.count("a:1"), 1u);
  network_->AnswerProbe("a:1", "follower", 1);
  EXPECT_FALSE(stream(0)->closed);
  Pass(250 * kMs);
  ASSERT_EQ(network_->probes.count("a:1"), 1u);
  network_->FailProbe("a:1");
  EXPECT_TRUE(stream(0)->closed);
  ASSERT_EQ(network_->streams.size(), 2u);
  EXPECT_EQ(stream(1)->address, "b:1");
  stream(1)->AnswerGet(last_id_, "v");
  EXPECT_TRUE(got->has_value());
}

TEST_F(DispatcherReadsTest, ANodeThatLeavesAReadUnansweredIsPassedOverByTheNext) {
  const Slot<GetResult> first = Get(kAny);
  // It lives and answers every question but the read.
  for (int i = 0; i < 20; ++i) {
    Pass(250 * kMs);
    if (network_->probes.count("a:1") != 0) network_->AnswerProbe("a:1", "follower", 1);
  }
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(GetReason((*first)->status()), Reason::kDeadline);
  EXPECT_FALSE(stream(0)->closed);
  const Slot<GetResult> second = Get(kAny);
  ASSERT_EQ(network_->streams.size(), 2u);
  EXPECT_EQ(stream(1)->address, "b:1");
  stream(1)->AnswerGet(last_id_, "v");
  EXPECT_TRUE(second->has_value());
}

TEST_F(DispatcherReadsTest, ANodeThatSaysItWasTooLateIsPassedOverByTheNext) {
  const Slot<GetResult> first = Get(kAny);
  stream(0)->Refuse(last_id_, v1::REASON_DEADLINE);
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(GetReason((*first)->status()), Reason::kDeadline);
  Get(kAny);
  ASSERT_EQ(network_->streams.size(), 2u);
  EXPECT_EQ(stream(1)->address, "b:1");
}

TEST_F(DispatcherReadsTest, ANamedNodeIsAskedAgainAtOnceAfterItWasTooLate) {
  Get({.node = "d:1"});
  stream(0)->Taken();
  stream(0)->Refuse(last_id_, v1::REASON_DEADLINE);
  Get({.node = "d:1"});
  ASSERT_EQ(network_->streams.size(), 1u);
  EXPECT_EQ(stream(0)->messages.size(), 2u);
}

TEST_F(DispatcherReadsTest, ANamedNodeIsTriedAgainUntilTheCallsTimeIsUp) {
  const Slot<GetResult> got = Get({.node = "d:1"});
  for (size_t i = 0; i < 20; ++i) {
    ASSERT_EQ(network_->streams.size(), i + 1);
    EXPECT_EQ(stream(i)->address, "d:1");
    stream(i)->Break();
    Pass(ReadPlaces::kAvoidUs);
  }
  Pass(5'000 * kMs);
  ASSERT_TRUE(got->has_value());
  EXPECT_EQ((*got)->status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string((*got)->status().message()), HasSubstr("broken by the test"));
}

}  // namespace
}  // namespace baton::client
