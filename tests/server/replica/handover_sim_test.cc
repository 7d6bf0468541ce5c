// Handovers, told as stories: the whole driver on one thread in simulated time. Random stories
// under faults are tests/sim's; the rules of the protocol are consensus'.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/replica/handover_story.h"

namespace baton::server {
namespace {

using enum HandoverState;

using Story = HandoverStory;

TEST(Handover, MovesLeadershipToTheNodeThatIsNamed) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  story.Put("k", "before");
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row),
            (std::vector{kRequested, kPreflight, kReady, kSealed, kReign, kProbation, kDone}));
  EXPECT_EQ(row.to, NodeId{to});
  EXPECT_EQ(row.actor, "operator");
  EXPECT_EQ(row.ballot.node, NodeId{from});
  EXPECT_EQ(row.successor.node, NodeId{to});
  EXPECT_EQ(row.number, row.steps.front().slot.value);
  EXPECT_GT(row.write_pause_us, 0);
  EXPECT_LT(row.write_pause_us, 100'000);
  EXPECT_FALSE(row.checks.empty());
  EXPECT_EQ(row.steps[4].slot, row.steps[3].slot.Next()) << "its Reign follows the Seal";
  EXPECT_EQ(story.cluster.Leader(), to);
  story.ExpectValue("k", "before");
  story.Put("k", "after");
}

TEST(Handover, GoesToTheBestRankedWhereNoneIsNamed) {
  Story story({});
  const uint32_t from = story.Leader();
  const HandoverRow row = story.MustAsk(Story::Start("move", 0));
  EXPECT_EQ(row.state(), kDone);
  EXPECT_EQ(row.order.to, NodeId{});
  EXPECT_EQ(row.to, NodeId{story.Other(from)}) << "the lowest id among the healthy";
}

// What would come of it, and nothing of it is done.
TEST(Handover, IsForetoldWithoutATrace) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  for (int i = 0; i < 60; ++i) {  // each disk has been measured
    story.Put("k", std::to_string(i));
    story.cluster.RunFor(50'000);
  }
  const Slot last = story.cluster.core(from)->log().last().slot;
  HandoverCall predict;
  predict.what = HandoverCall::What::kPredict;
  const HandoverResult best = story.Ask(predict);
  ASSERT_TRUE(best.forecast.has_value()) << best.failure.message;
  EXPECT_EQ(best.forecast->to, NodeId{to});
  EXPECT_EQ(best.forecast->refusal, "");
  EXPECT_EQ(best.forecast->checks.size(), 11u);
  EXPECT_GT(best.forecast->write_pause_us, 0);

  predict.order.to = NodeId{from};
  EXPECT_NE(story.Ask(predict).forecast->refusal.find("leads already"), std::string::npos);
  EXPECT_EQ(story.cluster.core(from)->log().last().slot, last) << "nothing was written";
  EXPECT_EQ(story.cluster.Leader(), from);

  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(row.state(), kDone);
  EXPECT_LT(row.write_pause_us, 4 * best.forecast->write_pause_us);
  EXPECT_LT(best.forecast->write_pause_us, 4 * row.write_pause_us);
}

TEST(Handover, IsForetoldToBeRejected) {
  SimOptions options;
  options.witness = 3;
  Story story(options);
  HandoverCall predict;
  predict.what = HandoverCall::What::kPredict;
  predict.order.to = NodeId{3};
  const HandoverResult unfit = story.Ask(predict);
  ASSERT_TRUE(unfit.forecast.has_value()) << unfit.failure.message;
  EXPECT_NE(unfit.forecast->refusal.find("voter: no voter"), std::string::npos);
  EXPECT_EQ(unfit.forecast->write_pause_us, 0);

  const uint32_t silent = story.Other(story.Leader());
  story.cluster.Isolate(silent, true);
  predict.order.to = NodeId{silent};
  const HandoverResult unheard = story.Ask(predict);
  ASSERT_TRUE(unheard.forecast.has_value()) << unheard.failure.message;
  EXPECT_TRUE(unheard.forecast->checks.empty());
  EXPECT_NE(unheard.forecast->refusal.find("not answered"), std::string::npos);
}

TEST(Handover, TheSameIdGivesTheSameHandover) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  const HandoverRow first = story.MustAsk(Story::Start("once", to));
  EXPECT_EQ(first.state(), kDone);
  EXPECT_EQ(story.MustAsk(Story::Start("once", to)), first);
  story.MustAsk(Story::Start("back", from));
  EXPECT_EQ(story.MustAsk(Story::Start("once", to)), first) << "though it is not the newest";
  EXPECT_EQ(story.cluster.Leader(), from) << "nothing is executed twice";
  const HandoverResult other = story.Ask(Story::Start("once", from));
  EXPECT_EQ(other.failure.reason, Reason::kHandoverRefused);
  EXPECT_EQ(other.failure.code, absl::StatusCode::kAlreadyExists);
}

TEST(Handover, TheRecordOutlivesEveryNode) {
  Story story({});
  const uint32_t to = story.Other(story.Leader());
  const HandoverRow first = story.MustAsk(Story::Start("once", to));
  for (uint32_t n = 1; n <= 3; ++n) story.cluster.Crash(n, true);
  for (uint32_t n = 1; n <= 3; ++n) story.cluster.Start(n);
  EXPECT_EQ(story.MustAsk(Story::Start("once", to)), first);
}

TEST(Handover, OneAtATime) {
  Story story({});
  const uint32_t leader = story.Leader();
  const uint32_t to = story.Other(leader);
  story.cluster.Isolate(to, true);  // so that it lasts
  std::optional<HandoverResult> first;
  HandoverCall no_wait = Story::Start("first", to);
  no_wait.wait = false;
  story.cluster.AskForHandover(leader, no_wait, 5 * kSecond, &first);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return first.has_value(); }, 2 * kSecond));
  ASSERT_TRUE(first->failure.ok()) << first->failure.message;
  EXPECT_FALSE(Final(first->row->state()));
  const HandoverResult second = story.cluster.Handover(leader, Story::Start("second", to));
  EXPECT_EQ(second.failure.reason, Reason::kHandoverRefused);
  EXPECT_NE(second.failure.message.find("first"), std::string::npos) << second.failure.message;
}

TEST(Handover, ATargetThatDoesNotAnswerIsGivenUpByTheDeadline) {
  Story story({});
  const uint32_t leader = story.Leader();
  story.cluster.Isolate(story.Other(leader), true);
  const HandoverRow row = story.MustAsk(Story::Start("move", story.Other(leader)));
  EXPECT_EQ(StatesOf(row), (std::vector{kRequested, kPreflight, kAborted}));
  EXPECT_EQ(story.cluster.Leader(), leader);
  story.Put("k", "v");
}

TEST(Handover, ATargetThatIsUnfitIsRejectedWithTheReasons) {
  SimOptions options;
  options.witness = 3;
  Story story(options);
  const HandoverRow row = story.MustAsk(Story::Start("move", 3));
  EXPECT_EQ(row.state(), kRejected);
  EXPECT_NE(row.outcome.find("voter"), std::string::npos) << row.outcome;
  const auto failed = [](const HandoverCheck& check) { return !check.passed; };
  EXPECT_TRUE(std::any_of(row.checks.begin(), row.checks.end(), failed));
  story.Put("k", "v");
}

TEST(Handover, AnOperatorAborts) {
  Story story({});
  const uint32_t leader = story.Leader();
  story.cluster.Isolate(story.Other(leader), true);
  HandoverCall no_wait = Story::Start("move", story.Other(leader));
  no_wait.wait = false;
  EXPECT_EQ(story.Ask(Story::Abort("move")).failure.code, absl::StatusCode::kNotFound);
  story.MustAsk(no_wait);
  const HandoverRow row = story.MustAsk(Story::Abort("move"));
  EXPECT_EQ(row.state(), kAborted);
  EXPECT_NE(row.outcome.find("another day"), std::string::npos) << row.outcome;
  EXPECT_EQ(story.MustAsk(Story::Abort("move")), row) << "as often as one likes";
  EXPECT_EQ(story.cluster.Leader(), leader);
}

// The Seal is in the log, and its target dies before it takes over.
TEST(Handover, ATargetThatDiesAfterTheSealIsNotWaitedForLong) {
  Story story({});
  const uint32_t leader = story.Leader();
  const uint32_t to = story.Other(leader);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(leader, to, &result));
  story.cluster.Crash(to, true);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row), (std::vector{kRequested, kPreflight, kReady, kSealed, kAborted}))
      << row.outcome;
  story.Put("k", "v");
}

// A leader gives one up, and another settles it; later it closes one that it has not begun.
TEST(Handover, AReasonIsToldOfItsOwnHandoverAlone) {
  Story story({});
  const uint32_t first = story.Leader();
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(first, story.Other(first), &result));
  story.cluster.Isolate(first, true);
  std::optional<HandoverResult> aborted;
  story.cluster.AskForHandover(first, Story::Abort("move"), 5 * kSecond, &aborted);
  const auto another_leads = [&] {
    return story.cluster.Leader() != 0 && story.cluster.Leader() != first;
  };
  ASSERT_TRUE(story.cluster.RunUntil(another_leads, 5 * kSecond));
  story.cluster.Isolate(first, false);
  story.cluster.RunFor(kSecond);
  const uint32_t second = story.Leader();
  ASSERT_NE(second, first);
  const uint32_t last = 6 - first - second;
  story.cluster.Isolate(last, true);  // so that the next one lasts
  HandoverCall no_wait = Story::Start("next", last);
  no_wait.wait = false;
  story.MustAsk(no_wait);
  story.cluster.Crash(second, true);
  story.cluster.Isolate(last, false);
  const HandoverRow row = story.MustAsk(Story::Start("next", last));
  EXPECT_EQ(row.state(), kAborted);
  ASSERT_EQ(row.successor.node, NodeId{first}) << "else this shows nothing";
  EXPECT_EQ(row.outcome.rfind("the leader that had begun it led no more", 0), 0u) << row.outcome;
}

TEST(Handover, TheNextLeaderClosesWhatItsPredecessorHadBegun) {
  Story story({});
  const uint32_t leader = story.Leader();
  const uint32_t to = story.Other(leader);
  story.cluster.Isolate(to, true);
  HandoverCall no_wait = Story::Start("move", to);
  no_wait.wait = false;
  story.MustAsk(no_wait);
  story.cluster.Crash(leader, true);
  story.cluster.Isolate(to, false);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(row.state(), kAborted);
  EXPECT_NE(row.ballot, row.successor);
}

// What clients send to the target meanwhile is kept there and answered, and no write is refused as
// uncertain.
TEST(Handover, WritesOfClientsWaitAtTheTarget) {
  Story story({});
  const uint32_t leader = story.Leader();
  const uint32_t to = story.Other(leader);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(leader, to, &result));
  engine::WriteRequest write;
  write.ops.push_back(engine::PutOp{"early", "bird"});
  const uint64_t tag = story.cluster.Submit(to, {write}, 5 * kSecond);
  auto& answers = story.cluster.sink()->answers;
  ASSERT_TRUE(story.cluster.RunUntil([&] { return answers.contains(tag); }, 5 * kSecond));
  EXPECT_TRUE(answers.at(tag).failure.ok()) << answers.at(tag).failure.message;
  EXPECT_EQ(story.cluster.Leader(), to);
}

// Nobody waits for the Reign to be chosen: a write that follows it is chosen with it.
TEST(Handover, WhatWaitsIsSequencedBehindAReignThatIsNotChosenYet) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(from, to, &result));
  const Slot seal = story.cluster.core(from)->log().last().slot;
  for (uint32_t n = 1; n <= 3; ++n) {
    if (n != to) story.cluster.SlowDisk(n, 20'000);
  }
  const engine::WriteRequest write{kDefaultKeyspace, {engine::PutOp{"k", "v"}}, {}};
  const uint64_t tag = story.cluster.Submit(to, {write}, 5 * kSecond);
  const auto behind = [&] { return story.cluster.core(to)->log().last().slot > seal.Next(); };
  ASSERT_TRUE(story.cluster.RunUntil(behind, kSecond));
  EXPECT_EQ(story.cluster.core(to)->commit(), seal);
  const auto& answers = story.cluster.sink()->answers;
  EXPECT_EQ(answers.count(tag), 0u);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return answers.count(tag) != 0; }, kSecond));
  EXPECT_TRUE(answers.at(tag).failure.ok()) << answers.at(tag).failure.message;
  EXPECT_EQ(answers.at(tag).position.slot, Slot{seal.value + 2});
  story.ExpectValue("k", "v");
}

// Nobody asks for an election; it is recorded all the same, by who has won it.
TEST(Handover, AnElectionIsRecordedWithItsTimes) {
  Story story({});
  const uint32_t old = story.Leader();
  story.Put("k", "v");
  story.cluster.RunFor(200'000);  // heartbeats tell how the nodes are
  const int64_t killed_us = story.cluster.now_us();
  story.cluster.Crash(old, true);
  ASSERT_NE(story.cluster.ElectLeader(), old);
  const uint32_t leader = story.Leader();
  const HandoverRow row =
      story.MustAsk(Story::ShowElection(story.cluster.core(leader)->promised()));
  EXPECT_EQ(StatesOf(row),
            (std::vector{kDetected, kCanvass, kPromised, kReign, kProbation, kDone}));
  EXPECT_TRUE(row.election());
  EXPECT_EQ(row.ballot.node, NodeId{old});
  EXPECT_EQ(row.to, NodeId{leader});
  EXPECT_EQ(row.successor.node, NodeId{leader});
  ASSERT_EQ(row.checks.size(), 3u) << "how each voter stood";
  EXPECT_EQ(row.checks.back().name, "n" + std::to_string(old)) << "who was gone comes last";
  const auto promised = [](const HandoverCheck& check) {
    return check.passed && (check.measured.find("; promised") != std::string::npos ||
                            check.measured.find("; stood") != std::string::npos);
  };
  EXPECT_TRUE(promised(row.checks[0])) << row.checks[0].measured;
  EXPECT_TRUE(promised(row.checks[1])) << row.checks[1].measured;
  EXPECT_FALSE(row.checks[2].passed) << row.checks[2].measured;
  EXPECT_LT(row.steps[0].wall_time_us, row.steps[1].wall_time_us)
      << "its lease had ended before it stood";
  for (size_t i = 1; i < row.steps.size(); ++i) {
    EXPECT_GE(row.steps[i].wall_time_us, row.steps[i - 1].wall_time_us) << i;
  }
  const int64_t since_us = story.cluster.now_us() - killed_us;
  EXPECT_GT(row.write_pause_us, 300'000) << "a lease had to run out";
  EXPECT_LE(row.write_pause_us, since_us + 200'000 + 50'000);
  EXPECT_EQ(row.first_write_us - row.last_write_us, row.write_pause_us);
}

// It has followed nobody in this life.
TEST(Handover, AnElectionIsRecordedWithAllWhoStood) {
  Story story({.nodes = 5});
  const uint32_t old = story.Leader();
  story.Put("k", "v");
  story.cluster.RunFor(200'000);
  const uint32_t first = story.Other(old);
  story.cluster.Crash(old, false);
  const auto stands = [&] {
    return story.cluster.core(first)->standing() == consensus::Standing::kCandidate;
  };
  ASSERT_TRUE(story.cluster.RunUntil(stands, 5 * kSecond));
  story.cluster.RunFor(320);  // its canvass arrives; it cannot have won yet
  story.cluster.Crash(first, false);
  const uint32_t leader = story.Leader();
  const HandoverRow row =
      story.MustAsk(Story::ShowElection(story.cluster.core(leader)->promised()));
  EXPECT_EQ(row.checks.size(), 5u);
  for (const HandoverCheck& check : row.checks) {
    const bool stood_too = check.measured.find("stood too") != std::string::npos;
    EXPECT_EQ(stood_too, check.name == "n" + std::to_string(first)) << check.measured;
  }
}

TEST(Handover, TheFirstElectionBeginsWhenItsNodeDoes) {
  Story story({});
  const int64_t now_us = story.cluster.now_us();
  const HandoverRow row =
      story.MustAsk(Story::ShowElection(story.cluster.core(story.Leader())->promised()));
  const int64_t took_us = row.steps[3].wall_time_us - row.steps[0].wall_time_us;
  EXPECT_GT(took_us, 0);
  EXPECT_LE(took_us, now_us);
}

TEST(Handover, AnElectionOfAClusterThatWasIdleKeptNobodyWaiting) {
  Story story({});
  const uint32_t old = story.Leader();
  story.Put("k", "v");
  story.cluster.RunFor(10 * kSecond);
  story.cluster.Crash(old, true);
  ASSERT_NE(story.cluster.ElectLeader(), old);
  EXPECT_EQ(story.MustAsk(Story::ShowElection(story.cluster.core(story.Leader())->promised()))
                .write_pause_us,
            0);
}

// What follows is an election, though its log ends in a Seal.
TEST(Handover, ALeaderThatIsLostOnceItHasSealedIsReplacedByAnElectionThatIsRecorded) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(from, to, &result));
  story.cluster.Crash(from, false);
  story.cluster.Crash(to, false);
  story.cluster.RunFor(500'000);
  story.cluster.Start(to);
  const uint32_t leader = story.Leader();
  ASSERT_NE(leader, from);
  const HandoverRow move = story.MustAsk(Story::Show("move"));
  EXPECT_EQ(move.state(), kAborted);
  EXPECT_NE(move.outcome.find("the leader was lost"), std::string::npos) << move.outcome;
  EXPECT_TRUE(story.MustAsk(Story::ShowElection(move.successor)).election());
}

// It led for a moment, and what it saw is gone with it.
TEST(Handover, AReignThatRecordsNothingIsRecordedByTheNext) {
  Story story({});
  const uint32_t first = story.Leader();
  story.cluster.Crash(first, false);
  Ballot lost;
  ASSERT_TRUE(story.cluster.RunUntil(
      [&] {
        for (uint32_t n = 1; n <= 3; ++n) {
          if (n == first || !story.cluster.core(n)->reign_open()) continue;
          lost = story.cluster.core(n)->promised();
          return true;
        }
        return false;
      },
      5 * kSecond));
  story.cluster.Crash(lost.node.value, false);
  story.cluster.Start(first);
  ASSERT_NE(story.Leader(), lost.node.value);
  const HandoverResult found = story.Ask(Story::ShowElection(lost));
  ASSERT_TRUE(found.row.has_value()) << found.failure.message;
  EXPECT_EQ(found.row->state(), kDone);
  EXPECT_EQ(found.row->successor, lost);
}

// The old leader sends clients to its successor, but only until it hears of a leader.
TEST(Handover, TheSuccessorIsNamedUntilALeaderIsKnown) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, Story::Start("move", to), 20 * kSecond, &result);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return result.has_value(); }, 2 * kSecond));
  ASSERT_EQ(result->failure.reason, Reason::kNotLeader);
  ASSERT_TRUE(result->failure.leader.has_value()) << "the successor";
  EXPECT_EQ(result->failure.leader->name, "n" + std::to_string(to));
  story.cluster.RunFor(500'000);
  story.cluster.Crash(to, false);
  story.cluster.Crash(6 - from - to, false);
  story.cluster.RunFor(2 * kSecond);
  const Answer refused = story.cluster.Put(from, "k", "v");
  EXPECT_EQ(refused.failure.reason, Reason::kNoLeader);
  EXPECT_FALSE(refused.failure.leader.has_value()) << "it may be gone for long";
}

TEST(Handover, TheNextOneEndsAProbation) {
  Story story({});
  const uint32_t from = story.Leader();
  HandoverCall long_probation = Story::Start("there", story.Other(from));
  long_probation.order.probation_us = 600 * kSecond;
  long_probation.wait = false;
  std::optional<HandoverResult> begun;
  story.cluster.AskForHandover(from, long_probation, 5 * kSecond, &begun);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return story.cluster.Leader() == story.Other(from); },
                                     5 * kSecond));
  long_probation.wait = true;
  std::optional<HandoverResult> ended;
  story.cluster.AskForHandover(story.Other(from), long_probation, 20 * kSecond, &ended);
  const HandoverRow back = story.MustAsk(Story::Start("back", from));
  ASSERT_TRUE(ended.has_value() && ended->row.has_value());
  EXPECT_EQ(ended->row->order.id, "there") << "who waited for it is told of it, not of the next";
  EXPECT_EQ(back.state(), kDone);
  const HandoverRow there = story.MustAsk(long_probation);
  EXPECT_EQ(there.state(), kDone);
  EXPECT_NE(there.outcome.find("back"), std::string::npos) << there.outcome;
}

TEST(Handover, NothingIsHandedBackWhileLeadershipIsFrozen) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  OrderRequest freeze;
  freeze.kind = OrderKind::kFreeze;
  ASSERT_TRUE(story.cluster.Do(from, freeze).failure.ok());
  HandoverCall call = Story::Start("there", to);
  call.order.probation_us = 5 * kSecond;
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, call, 20 * kSecond, &result);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return story.cluster.Leader() == to; }, 5 * kSecond));
  story.cluster.SlowDisk(to, 650'000);
  story.cluster.SlowDisk(3, 650'000);
  engine::WriteRequest write;
  write.ops.push_back(engine::PutOp{"k", "v"});
  story.cluster.Submit(to, {write}, 5 * kSecond);
  const HandoverRow there = story.MustAsk(call);
  EXPECT_EQ(there.state(), kDone);
  EXPECT_NE(there.outcome.find("frozen"), std::string::npos) << there.outcome;
}

TEST(Handover, ALeaderThatCannotSustainWritesHandsBackOnce) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  HandoverCall call = Story::Start("there", to);
  call.order.probation_us = 5 * kSecond;
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, call, 20 * kSecond, &result);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return story.cluster.Leader() == to; }, 5 * kSecond));
  story.cluster.SlowDisk(to, 650'000);
  engine::WriteRequest write;
  write.ops.push_back(engine::PutOp{"k", "v"});
  story.cluster.Submit(to, {write}, 5 * kSecond);
  story.cluster.SlowDisk(3, 650'000);
  const HandoverRow there = story.MustAsk(call);
  EXPECT_EQ(there.state(), kHandedBack) << there.outcome;
  story.cluster.SlowDisk(3, 500);  // a quorum is quick again, without the leader
  const HandoverRow back = story.MustAsk(Story::Show("back-" + std::to_string(there.number)));
  EXPECT_EQ(back.state(), kDone) << back.outcome << ": whatever its own writes take";
  EXPECT_EQ(back.to, NodeId{from});
}

TEST(Handover, WithoutAProbationNothingIsHandedBack) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  HandoverCall call = Story::Start("there", to);
  call.order.probation_us = 0;
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, call, 20 * kSecond, &result);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return story.cluster.Leader() == to; }, 5 * kSecond));
  for (uint32_t n = 1; n <= 3; ++n) story.cluster.SlowDisk(n, 650'000);
  EXPECT_EQ(story.MustAsk(call).state(), kDone);
}

// Who reaches the target of one that was given up is sent on at once.
TEST(Handover, TheTargetOfOneThatWasAbortedKeepsNothing) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(from, to, &result));
  ASSERT_TRUE(story.cluster.node(to)->Status().expecting);
  story.cluster.Isolate(to, true);
  ASSERT_TRUE(story.cluster.RunUntil(
      [&] { return !story.cluster.core(from)->sealed() && story.cluster.Leader() == from; },
      1'500'000))
      << "it comes back, a good while before the promise ends";
  story.cluster.Isolate(to, false);
  story.cluster.RunFor(100'000);
  EXPECT_EQ(story.cluster.Leader(), from);
  EXPECT_FALSE(story.cluster.node(to)->Status().expecting);
}

}  // namespace
}  // namespace baton::server
