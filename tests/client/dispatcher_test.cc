#include "client/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/dispatcher_harness.h"

namespace baton::client {
namespace {

using ::testing::HasSubstr;

class DispatcherTest : public DispatcherHarness {
 protected:
  Slot<WriteResult> Put(const std::string& key, const CallOptions& options = {}) {
    return Start<WriteResult>({.write = true}, options,
                              [&](uint64_t id) { return EncodePut(id, key, "v", options); });
  }
  Slot<GetResult> Get(const std::string& key, const CallOptions& options = {}) {
    return Start<GetResult>({}, options, [&](uint64_t id) { return EncodeGet(id, key, options); });
  }

  // The answer to the newest call of a node that does not lead, and says who does.
  v1::ExchangeResult Redirected(const std::string& address) {
    v1::ExchangeResult refused;
    refused.set_id(last_id_);
    refused.set_code(static_cast<int>(absl::StatusCode::kUnavailable));
    refused.mutable_error()->set_reason(v1::REASON_NOT_LEADER);
    refused.mutable_error()->mutable_leader()->set_address(address);
    return refused;
  }
  // As Lead; and the leader has answered a call, so that the next search starts at once.
  FakeStream* LeadAndAnswer(const std::string& address, uint64_t round) {
    FakeStream* const stream = Lead(address, round);
    Get("first");
    stream->AnswerGet(last_id_, "v");
    stream->Taken();
    stream->messages.clear();
    for (const char* other : {"a:1", "b:1", "c:1"}) {
      if (network_->probes.count(other) != 0) network_->AnswerProbe(other, "follower", round);
    }
    return stream;
  }
};

TEST_F(DispatcherTest, AsksEveryEndpointAndSendsToTheOneThatLeads) {
  const auto put = Put("k");
  EXPECT_EQ(network_->probes.size(), 3u);
  network_->AnswerProbe("a:1", "follower", 4);
  EXPECT_TRUE(network_->streams.empty());
  network_->AnswerProbe("b:1", "leader", 4);
  ASSERT_EQ(network_->streams.size(), 1u);
  FakeStream* const stream = network_->streams[0].get();
  EXPECT_EQ(stream->address, "b:1");
  ASSERT_EQ(stream->messages.size(), 1u);
  stream->AnswerPut(last_id_, 7);
  ASSERT_TRUE(*put);
  EXPECT_EQ((**put)->revision, 7u);
}

TEST_F(DispatcherTest, RequestsGatherWhileAMessageIsUnderWay) {
  FakeStream* const stream = Lead("a:1", 1);
  Put("first");
  for (int i = 0; i < 100; ++i) Put("k");
  ASSERT_EQ(stream->messages.size(), 1u);
  EXPECT_EQ(stream->messages[0].items_size(), 1);
  stream->Taken();
  ASSERT_EQ(stream->messages.size(), 2u);
  EXPECT_EQ(stream->messages[1].items_size(), 100);
}

TEST_F(DispatcherTest, AMessageIsBoundedInCallsAndBytes) {
  FakeStream* const stream = Lead("a:1", 1);
  Put("first");
  for (size_t i = 0; i < Dispatcher::kMessageCallsMax + 1; ++i) Get("k");
  stream->Taken();
  EXPECT_EQ(stream->messages[1].items_size(), static_cast<int>(Dispatcher::kMessageCallsMax));
  stream->Taken();
  EXPECT_EQ(stream->messages[2].items_size(), 1);
  const std::string big(Dispatcher::kMessageBytesMax / 2, 'v');
  for (int i = 0; i < 3; ++i) {
    Start<WriteResult>({.write = true}, {},
                       [&](uint64_t id) { return EncodePut(id, "k", big, {}); });
  }
  stream->Taken();
  EXPECT_EQ(stream->messages[3].items_size(), 1);
}

TEST_F(DispatcherTest, CallsOfCallbacksTravelTogether) {
  FakeStream* const stream = Lead("a:1", 1);
  constexpr int kCalls = 50;
  std::vector<uint64_t> ids;
  for (int i = 0; i < kCalls; ++i) {
    CallHeader header;
    header.id = dispatcher_->NextId();
    header.request = EncodeGet(header.id, "k", {});
    header.encoded_us = environment_.now_us;
    header.deadline_us = environment_.now_us + 5'000 * kMs;
    ids.push_back(header.id);
    dispatcher_->Submit(std::make_unique<TypedCall<GetResult>>(
        std::move(header), [this](absl::StatusOr<GetResult> result) {
          if (result.ok()) Get("again");
        }));
  }
  stream->Taken();
  stream->Taken();
  ASSERT_EQ(stream->messages.size(), 2u);
  v1::ExchangeResponse response;
  for (const uint64_t id : ids) {
    response.add_results()->set_id(id);
    response.mutable_results(response.results_size() - 1)->mutable_get();
  }
  stream->listener->OnMessage(&response);
  ASSERT_EQ(stream->messages.size(), 3u);
  EXPECT_EQ(stream->messages[2].items_size(), kCalls);
}

TEST_F(DispatcherTest, FollowsARedirectAndSendsTheWriteAgain) {
  FakeStream* const old = LeadAndAnswer("a:1", 1);
  const int asked = network_->asked;
  const auto put = Put("k");
  old->Taken();
  old->Answer(Redirected("d:1"));
  FakeStream* const next = network_->streams.back().get();
  EXPECT_EQ(next->address, "d:1") << "an address that was learned just now";
  EXPECT_EQ(network_->asked, asked) << "nobody is asked whether that is so";
  ASSERT_EQ(next->messages.size(), 1u);
  EXPECT_TRUE(old->closed);  // it owes nothing
  next->AnswerPut(last_id_, 3);
  EXPECT_TRUE((*put)->ok());
}

TEST_F(DispatcherTest, TwoThatNameEachOtherAreNotAskedInTurns) {
  FakeStream* const old = LeadAndAnswer("a:1", 1);
  const auto put = Put("k");
  old->Taken();
  old->Answer(Redirected("b:1"));
  FakeStream* const next = network_->streams.back().get();
  ASSERT_EQ(next->address, "b:1");
  const size_t streams = network_->streams.size();
  const int asked = network_->asked;
  next->Answer(Redirected("a:1"));
  EXPECT_EQ(network_->streams.size(), streams);
  EXPECT_GT(network_->asked, asked) << "now all are asked who leads";
  FakeStream* const last = Lead("c:1", 3);
  last->AnswerPut(last_id_, 3);
  EXPECT_TRUE((*put)->ok());
}

TEST_F(DispatcherTest, AWriteThatWasSentOnABrokenStreamIsOfUnknownFate) {
  FakeStream* const stream = Lead("a:1", 1);
  const auto sent = Put("sent");
  const auto gathered = Put("gathered");
  const auto read = Get("read");
  ASSERT_EQ(stream->messages.size(), 1u);
  stream->Break();
  ASSERT_TRUE(*sent);
  EXPECT_EQ((*sent)->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(IsOutcomeUnknown((*sent)->status()));
  EXPECT_FALSE(*gathered);
  EXPECT_FALSE(*read);
  FakeStream* const next = Lead("b:1", 2);
  ASSERT_EQ(next->messages.size(), 1u);
  ASSERT_EQ(next->messages[0].items_size(), 2);  // never sent before, so surely without effect
  EXPECT_EQ(next->messages[0].items(0).put().key(), "gathered");
  EXPECT_EQ(next->messages[0].items(1).get().key(), "read");
}

TEST_F(DispatcherTest, AReadThatWasSentOnABrokenStreamIsRepeated) {
  FakeStream* const stream = Lead("a:1", 1);
  const auto read = Get("k");
  stream->Break();
  FakeStream* const next = Lead("b:1", 2);
  next->AnswerGet(last_id_, "value");
  ASSERT_TRUE(*read && (*read)->ok());
  EXPECT_EQ((**read)->record->value, "value");
}

TEST_F(DispatcherTest, LooksForTheLeaderAtOnceAndThenWithBackOff) {
  FakeStream* const stream = LeadAndAnswer("a:1", 1);
  const int asked_before = network_->asked;
  stream->Break();
  EXPECT_EQ(network_->asked - asked_before, 3) << "the first round waits for nothing";
  const auto put = Put("k");
  int rounds = 0;
  const int64_t begin_us = environment_.now_us;
  while (environment_.now_us - begin_us < 500 * kMs) {
    network_->FailProbe("a:1");
    network_->AnswerProbe("b:1", "follower", 1);
    network_->AnswerProbe("c:1", "candidate", 1);
    ++rounds;
    while (network_->probes.empty()) Pass(kMs);
  }
  EXPECT_GE(rounds, 12) << "a round at least every 40 ms";
  EXPECT_LE(rounds, 40);
  Lead("c:1", 2)->AnswerPut(last_id_, 2);
  EXPECT_TRUE(*put && (*put)->ok());
}

TEST_F(DispatcherTest, AnOverloadedLeaderIsGivenTheTimeItAsksFor) {
  FakeStream* const stream = Lead("a:1", 1);
  const auto put = Put("k");
  stream->Taken();
  stream->Refuse(last_id_, v1::REASON_OVERLOADED, 120);
  Pass(119 * kMs);
  EXPECT_EQ(stream->messages.size(), 1u);
  Pass(2 * kMs);
  ASSERT_EQ(stream->messages.size(), 2u);
  // The time that is left was written anew.
  EXPECT_EQ(stream->messages[1].items(0).put().context().timeout_ms(), 5000u - 120u);
  stream->AnswerPut(last_id_, 9);
  EXPECT_TRUE((*put)->ok());
  EXPECT_FALSE(stream->closed);
}

TEST_F(DispatcherTest, DeadlinesSayWhatIsKnown) {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(80);
  const auto queued = Put("queued", options);
  Pass(79 * kMs);
  EXPECT_FALSE(*queued);
  network_->AnswerProbe("b:1", "follower", 1);
  Pass(2 * kMs);
  ASSERT_TRUE(*queued);
  EXPECT_EQ((*queued)->status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(GetReason((*queued)->status()), Reason::kDeadline);
  EXPECT_THAT(std::string((*queued)->status().message()), HasSubstr("is follower"));

  Lead("a:1", 1);
  const auto sent = Put("sent", options);
  const auto gathered = Put("gathered", options);
  const auto read = Get("read", options);
  Pass(81 * kMs);
  EXPECT_TRUE(IsOutcomeUnknown((*sent)->status()));
  EXPECT_EQ(GetReason((*gathered)->status()), Reason::kDeadline);
  EXPECT_EQ((*read)->status().code(), absl::StatusCode::kDeadlineExceeded);
  // What expired while it gathered is not sent after all.
  network_->streams[0]->Taken();
  EXPECT_EQ(network_->streams[0]->messages.size(), 1u);
}

TEST_F(DispatcherTest, ASilentLeaderGetsNoNewCallsAndIsReplaced) {
  FakeStream* const hung = LeadAndAnswer("a:1", 1);
  const auto write = Put("write");
  const auto read = [&] {
    hung->Taken();
    return Get("read");
  }();
  const uint64_t read_id = last_id_;
  Pass(260 * kMs);
  EXPECT_EQ(network_->probes.size(), 3u) << "all are asked, the silent one too";
  const auto later = Put("later");
  EXPECT_EQ(hung->messages.size(), 2u);
  network_->AnswerProbe("b:1", "leader", 2);
  ASSERT_EQ(network_->streams.size(), 2u);
  FakeStream* const next = network_->streams[1].get();
  ASSERT_EQ(next->messages.size(), 1u);
  EXPECT_TRUE(hung->closed);
  ASSERT_TRUE(*write);
  EXPECT_TRUE(IsOutcomeUnknown((*write)->status()));
  ASSERT_EQ(next->messages[0].items_size(), 2);
  EXPECT_EQ(next->messages[0].items(0).put().key(), "later");
  EXPECT_EQ(next->messages[0].items(1).get().key(), "read");
  next->AnswerGet(read_id, "value");
  EXPECT_TRUE(*read && (*read)->ok());
  // The hung one wakes up and still believes that it leads.
  Pass(2'000 * kMs);
  if (network_->probes.count("a:1") != 0) network_->AnswerProbe("a:1", "leader", 1);
  EXPECT_EQ(network_->streams.size(), 2u);
}

TEST_F(DispatcherTest, ALeaderThatWasOnlySlowKeepsItsStream) {
  FakeStream* const slow = LeadAndAnswer("a:1", 1);
  const auto put = Put("k");
  Pass(260 * kMs);
  EXPECT_EQ(network_->probes.size(), 3u);
  network_->AnswerProbe("a:1", "leader", 1);
  EXPECT_EQ(network_->streams.size(), 1u);
  EXPECT_FALSE(slow->closed);
  slow->AnswerPut(last_id_, 5);
  EXPECT_TRUE((*put)->ok());
}

TEST_F(DispatcherTest, AnAnnouncedLeaderTakesOverAndTheOldOneStillAnswers) {
  FakeStream* const old = LeadAndAnswer("a:1", 1);
  const auto put = Put("before");
  const uint64_t before_id = last_id_;
  v1::ExchangeResponse announcement;
  announcement.mutable_leader()->set_name("node at b:1");
  announcement.mutable_leader()->set_address("b:1");
  old->listener->OnMessage(&announcement);
  FakeStream* const next = network_->streams.back().get();
  EXPECT_EQ(next->address, "b:1");
  const auto after = Put("after");
  ASSERT_EQ(next->messages.size(), 1u);
  EXPECT_FALSE(old->closed) << "it owes an answer";
  old->AnswerPut(before_id, 5);
  EXPECT_TRUE(*put && (*put)->ok());
  EXPECT_TRUE(old->closed);
  next->AnswerPut(last_id_, 6);
  EXPECT_TRUE((*after)->ok());
}

TEST_F(DispatcherTest, AnOldLeaderThatNeverAnswersIsNotWaitedForLong) {
  FakeStream* const old = LeadAndAnswer("a:1", 1);
  const auto put = Put("before");
  v1::ExchangeResponse announcement;
  announcement.mutable_leader()->set_name("node at b:1");
  old->listener->OnMessage(&announcement);
  network_->AnswerProbe("b:1", "leader", 2);
  Pass(240 * kMs);
  EXPECT_FALSE(*put);
  Pass(20 * kMs);
  ASSERT_TRUE(*put);
  EXPECT_TRUE(IsOutcomeUnknown((*put)->status()));
  EXPECT_TRUE(old->closed);
}

TEST_F(DispatcherTest, AnAnnouncementOfTheSameLeaderChangesNothing) {
  FakeStream* const stream = Lead("a:1", 1);
  const int asked = network_->asked;
  v1::ExchangeResponse announcement;
  announcement.mutable_leader()->set_name("node at a:1");
  announcement.mutable_leader()->set_address("another-name-of-a:1");
  stream->listener->OnMessage(&announcement);
  EXPECT_EQ(network_->asked, asked);
  EXPECT_FALSE(stream->closed);
}

TEST_F(DispatcherTest, RefusesMoreThanItsBounds) {
  Make({.endpoints = {"a:1"}, .in_flight_max = 2});
  const auto one = Put("1");
  const auto two = Put("2");
  const auto three = Put("3");
  ASSERT_TRUE(*three);
  EXPECT_EQ((*three)->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetReason((*three)->status()), Reason::kOverloaded);
  EXPECT_FALSE(*one || *two);
  const std::string huge(Dispatcher::kRequestBytesMax, 'v');
  const auto big = Start<WriteResult>({.write = true}, {},
                                      [&](uint64_t id) { return EncodePut(id, "k", huge, {}); });
  ASSERT_TRUE(*big);
  EXPECT_EQ(GetReason((*big)->status()), Reason::kLimitExceeded);
}

TEST_F(DispatcherTest, StopCancelsEverything) {
  const auto queued = Put("queued");
  Lead("a:1", 1);
  const auto gathered = Put("gathered");
  const auto read = Get("read");
  dispatcher_->Stop();
  EXPECT_EQ((*queued)->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ((*gathered)->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ((*read)->status().code(), absl::StatusCode::kCancelled);
  const auto late = Put("late");
  EXPECT_EQ((*late)->status().code(), absl::StatusCode::kCancelled);
}

TEST_F(DispatcherTest, AnIdleClientAsksForNoTimer) {
  Lead("a:1", 1);
  EXPECT_EQ(dispatcher_->RunTimers(), Dispatcher::kNever);
  const int wakes_before = wakes_;
  Put("k");
  EXPECT_GT(wakes_, wakes_before) << "the silence of the leader is watched from now on";
}

TEST_F(DispatcherTest, TheLeaderThatRefusesAtOnceIsAskedWithBackOff) {
  const auto put = Put("k");  // a leader whose reign is not chosen yet
  Lead("a:1", 1);
  int sent = 0;
  for (int i = 0; i < 500; ++i) {
    FakeStream* const stream = network_->streams.back().get();
    if (!stream->messages.empty()) {
      ++sent;
      stream->messages.clear();
      stream->Taken();
      stream->Refuse(last_id_, v1::REASON_NO_LEADER);
    }
    Pass(kMs);
    for (const auto* address : {"a:1", "b:1", "c:1"}) {
      if (network_->probes.count(address) == 0) continue;
      network_->AnswerProbe(address, address[0] == 'a' ? "leader" : "follower", 1);
    }
  }
  EXPECT_GT(sent, 10);
  EXPECT_LT(sent, 50);
  EXPECT_FALSE(*put);
}

}  // namespace
}  // namespace baton::client
