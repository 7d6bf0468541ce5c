// Reads that another node than the leader may answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

#include "client/codec.h"
#include "client/dispatcher.h"
#include "tests/client/fake_network.h"

namespace baton::client {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMs = 1000;

class DispatcherReadsTest : public testing::Test {
 protected:
  using Slot = std::shared_ptr<std::optional<absl::StatusOr<GetResult>>>;

  DispatcherReadsTest() {
    auto network = std::make_unique<FakeNetwork>();
    network_ = network.get();
    dispatcher_ = std::make_unique<Dispatcher>(ClientOptions{.endpoints = {"a:1", "b:1", "c:1"}},
                                               &environment_, std::move(network), [] {});
  }
  ~DispatcherReadsTest() override { dispatcher_->Stop(); }

  Slot Get(const ReadOptions& read) {
    auto slot = std::make_shared<std::optional<absl::StatusOr<GetResult>>>();
    const CallOptions options{.read = read};
    CallHeader header;
    header.id = last_id_ = dispatcher_->NextId();
    header.place = {read.from, read.node};
    header.request = EncodeGet(header.id, "k", options);
    header.encoded_us = environment_.now_us;
    header.deadline_us = environment_.now_us + 5'000 * kMs;
    dispatcher_->Submit(std::make_unique<TypedCall<GetResult>>(
        std::move(header), [slot](absl::StatusOr<GetResult> result) {
          ASSERT_FALSE(slot->has_value()) << "completed twice";
          slot->emplace(std::move(result));
        }));
    return slot;
  }
  void Pass(int64_t us) {
    const int64_t end_us = environment_.now_us + us;
    int64_t next_us = dispatcher_->RunTimers();
    for (int i = 0; next_us <= end_us; ++i) {
      ASSERT_LT(i, 10'000) << "timers do not come to rest";
      environment_.now_us = std::max(environment_.now_us, next_us);
      next_us = dispatcher_->RunTimers();
    }
    environment_.now_us = end_us;
  }
  FakeStream* stream(size_t i) { return network_->streams.at(i).get(); }

  FakeEnvironment environment_;
  FakeNetwork* network_ = nullptr;
  std::unique_ptr<Dispatcher> dispatcher_;
  uint64_t last_id_ = 0;
};

const ReadOptions kAny{.from = ReadFrom::kAny};

TEST_F(DispatcherReadsTest, GoToANodeWithoutLookingForTheLeader) {
  const Slot got = Get(kAny);
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
  const Slot got = Get(kAny);
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
  const Slot got = Get({.level = ReadLevel::kBoundedStaleness,
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
  const Slot got = Get(
      {.level = ReadLevel::kAtLeast, .at_least = {.reign = 3, .slot = 12}, .from = ReadFrom::kAny});
  EXPECT_EQ(stream(0)->messages[0].items(0).get().at_least().slot(), 12u);
  stream(0)->Refuse(last_id_, v1::REASON_POSITION_LOST);
  ASSERT_TRUE(got->has_value());
  EXPECT_EQ(GetReason((*got)->status()), Reason::kPositionLost);
}

TEST_F(DispatcherReadsTest, ASilentNodeIsAskedAndLeftOnlyIfItDoesNotAnswer) {
  const Slot got = Get(kAny);
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
  const Slot first = Get(kAny);
  // It lives and answers every question but the read.
  for (int i = 0; i < 20; ++i) {
    Pass(250 * kMs);
    if (network_->probes.count("a:1") != 0) network_->AnswerProbe("a:1", "follower", 1);
  }
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(GetReason((*first)->status()), Reason::kDeadline);
  EXPECT_FALSE(stream(0)->closed);
  const Slot second = Get(kAny);
  ASSERT_EQ(network_->streams.size(), 2u);
  EXPECT_EQ(stream(1)->address, "b:1");
  stream(1)->AnswerGet(last_id_, "v");
  EXPECT_TRUE(second->has_value());
}

TEST_F(DispatcherReadsTest, ANodeThatSaysItWasTooLateIsPassedOverByTheNext) {
  const Slot first = Get(kAny);
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
  const Slot got = Get({.node = "d:1"});
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
