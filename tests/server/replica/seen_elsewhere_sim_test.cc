// What went wrong elsewhere, told as stories: each is a failure of another system that hands
// leadership over or reads under leases. The table in docs/testing.md says which. The whole driver
// on one thread in simulated time; what the core decides alone is a scenario of tests/scenarios,
// and handovers and changes of members that meet are in handover_change_sim_test.cc.
//
// Each ends by asking for progress: a write is acknowledged afterwards.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/view.h"
#include "server/replica/answers.h"
#include "tests/server/replica/handover_story.h"

namespace baton::server {
namespace {

using enum HandoverState;

constexpr int64_t kLeaseUs = 500'000;
constexpr int64_t kStallUs = 700'000;

using Story = HandoverStory;

std::string ValueOf(const Answer& got) {
  const auto& records = std::get<GetResult>(got.result).records;
  return records.size() == 1 && records[0] ? records[0]->value : "nothing";
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- (a) A transfer to a peer that needs a snapshot

// The log is short; `snapshot_bytes_per_second`: how long it takes to come back.
SimOptions ShortLog(uint64_t snapshot_bytes_per_second) {
  SimOptions options;
  options.adjust = [=](ReplicaOptions* replica) {
    replica->replay_bytes_max = 64 << 10;
    replica->truncate_bytes_min = 16 << 10;
    replica->log_retention_bytes = 512 << 10;
    replica->snapshot_bytes_per_second = snapshot_bytes_per_second;
  };
  return options;
}

// `n` was away until what it needs was truncated, and is just back: some 2 MiB of state to go.
void FallBehind(Story* story, uint32_t n) {
  story->cluster.RunFor(200'000);
  story->cluster.Crash(n, false);
  const std::string value(20'000, 'x');
  for (int i = 0; i < 150; ++i) story->Put("k" + std::to_string(i % 100), value);
  story->cluster.RunFor(300'000);
  ASSERT_GT(story->cluster.node(story->Leader())->Status().first, Slot{20});
  story->cluster.Start(n);
}

TEST(SeenElsewhere, ATargetThatNeedsASnapshotIsWaitedFor) {
  Story story(ShortLog(8 << 20));
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  FallBehind(&story, to);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row),
            (std::vector{kRequested, kPreflight, kReady, kSealed, kReign, kProbation, kDone}))
      << row.outcome;
  EXPECT_EQ(story.Leader(), to);
  EXPECT_LT(row.write_pause_us, 100'000);
  story.ExpectProgress();
}

// It may have granted a lease that it does not know of: it would not take over yet.
TEST(SeenElsewhere, ATargetThatHasJustRestartedIsWaitedFor) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  story.cluster.RunFor(200'000);
  story.cluster.Crash(to, true);
  story.cluster.Start(to);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row),
            (std::vector{kRequested, kPreflight, kReady, kSealed, kReign, kProbation, kDone}))
      << row.outcome;
  EXPECT_LT(row.write_pause_us, 100'000);
  EXPECT_EQ(story.Leader(), to);
  story.ExpectProgress();
}

TEST(SeenElsewhere, ATargetThatNeedsASnapshotForLongIsGivenUp) {
  Story story(ShortLog(256 << 10));
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  FallBehind(&story, to);
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, Story::Start("move", to), 20 * kSecond, &result);
  int64_t longest_us = 0;  // writes go on all the while
  while (!result) {
    const int64_t since_us = story.cluster.now_us();
    story.Put("meanwhile", "v");
    longest_us = std::max(longest_us, story.cluster.now_us() - since_us);
    story.cluster.RunFor(5'000);
  }
  ASSERT_TRUE(result->row.has_value()) << result->failure.message;
  EXPECT_EQ(StatesOf(*result->row), (std::vector{kRequested, kPreflight, kAborted}));
  EXPECT_EQ(result->row->outcome,
            "its deadline passed: n" + std::to_string(to) + " was not ready in time");
  EXPECT_LT(longest_us, 50'000);
  EXPECT_EQ(story.Leader(), from);
  story.ExpectProgress();
}

// ---- (b) A target that declines in silence

// It has the Seal, and stands still when it is told. When it wakes its TakeOver is long over.
TEST(SeenElsewhere, ATargetThatSaysNothingCostsHalfALease) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(from, to, &result));
  const auto handed_over = [&] {
    return story.cluster.core(from)->standing() != consensus::Standing::kLeader;
  };
  ASSERT_TRUE(story.cluster.RunUntil(handed_over, kSecond));
  const int64_t handed_us = story.cluster.now_us();
  story.cluster.Pause(to, true);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return story.cluster.Leader() != 0; }, kSecond));
  EXPECT_EQ(story.cluster.Leader(), from);
  EXPECT_GE(story.cluster.now_us() - handed_us, kLeaseUs / 2 - 10'000);
  EXPECT_LE(story.cluster.now_us() - handed_us, kLeaseUs / 2 + 20'000);
  story.Put("k", "v");
  const std::string reign = ToString(story.cluster.core(from)->promised());
  story.cluster.Pause(to, false);
  story.cluster.RunFor(kSecond);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row), (std::vector{kRequested, kPreflight, kReady, kSealed, kAborted}));
  EXPECT_EQ(row.outcome, "its target did not take over in time: n" + std::to_string(from) +
                             " leads since " + reign);
  EXPECT_EQ(story.Leader(), from);
  story.ExpectValue("k", "v");
  story.ExpectProgress();
}

// The Seal does not reach it: the leader itself gives up.
TEST(SeenElsewhere, ATargetThatTakesNoSealCostsALease) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  std::optional<HandoverResult> result;
  ASSERT_TRUE(story.StartUntilSealed(from, to, &result));
  const int64_t sealed_us = story.cluster.now_us();
  story.cluster.Pause(to, true);
  const auto leads_again = [&] {
    return story.cluster.Leader() == from && !story.cluster.core(from)->sealed();
  };
  ASSERT_TRUE(story.cluster.RunUntil(leads_again, 5 * kSecond));
  EXPECT_GE(story.cluster.now_us() - sealed_us, kLeaseUs);
  EXPECT_LE(story.cluster.now_us() - sealed_us, kLeaseUs + 50'000);
  const std::string reign = ToString(story.cluster.core(from)->promised());
  story.cluster.Pause(to, false);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  EXPECT_EQ(StatesOf(row), (std::vector{kRequested, kPreflight, kReady, kSealed, kAborted}));
  const std::string name = "n" + std::to_string(to);
  EXPECT_EQ(row.outcome, name + " did not get the Seal in time: n" + std::to_string(from) +
                             " leads since " + reign);
  story.ExpectProgress();
}

// ---- (c) A write that slips in after the freeze

KeyspaceId MakeAsync(Story* story) {
  engine::KeyspaceSettings settings;
  settings.mode = engine::KeyspaceMode::kAsync;
  const Answer made = story->cluster.Do(
      story->Leader(),
      engine::KeyspaceRequest{engine::CreateKeyspace{"fast", settings}, "ann", "a test"});
  EXPECT_TRUE(made.failure.ok()) << made.failure.message;
  story->cluster.RunFor(200'000);
  return std::get<engine::KeyspaceResult>(made.result).info.id;
}

// A client knows no better and writes to the old leader all the while, in both modes: what is
// acknowledged lies before the Seal and is read afterwards, what comes later is sent to the new
// leader, and nothing else is told.
TEST(SeenElsewhere, NoWriteSlipsInBehindTheSeal) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t to = story.Other(from);
  struct Write {
    uint64_t tag;
    KeyspaceId keyspace;
    std::string key;
  };
  std::vector<Write> writes;
  const KeyspaceId fast = MakeAsync(&story);
  std::optional<HandoverResult> result;
  story.cluster.AskForHandover(from, Story::Start("move", to), 20 * kSecond, &result);
  const auto write = [&] {
    for (const KeyspaceId keyspace : {kDefaultKeyspace, fast}) {
      const std::string key = "k" + std::to_string(writes.size());
      const engine::WriteRequest put{keyspace, {engine::PutOp{key, "v"}}, {}};
      writes.push_back({story.cluster.Submit(from, {put}, 5 * kSecond), keyspace, key});
    }
    return story.cluster.Leader() == to;
  };
  ASSERT_TRUE(story.cluster.RunUntil(write, 2 * kSecond));
  story.cluster.RunFor(100'000);
  const HandoverRow row = story.MustAsk(Story::Start("move", to));
  ASSERT_EQ(row.state(), kDone) << row.outcome;
  const Slot seal = row.steps[3].slot;
  const consensus::LogWindow& log = story.cluster.core(to)->log();
  EXPECT_EQ(log.IdAt(seal).born, row.ballot);
  EXPECT_EQ(log.IdAt(seal.Next()).born, row.successor);
  std::map<engine::Durability, int> acknowledged;
  int redirected = 0;
  for (const Write& each : writes) {
    SCOPED_TRACE(each.key);
    ASSERT_TRUE(story.cluster.sink()->answers.contains(each.tag));
    const Answer& answer = story.cluster.sink()->answers.at(each.tag);
    if (!answer.failure.ok()) {
      ++redirected;
      EXPECT_EQ(answer.failure.reason, Reason::kNotLeader) << answer.failure.message;
      ASSERT_TRUE(answer.failure.leader.has_value());
      EXPECT_EQ(answer.failure.leader->name, "n" + std::to_string(to));
      continue;
    }
    ++acknowledged[answer.durability];
    EXPECT_EQ(answer.position.reign_round, row.ballot.round);
    EXPECT_LT(answer.position.slot, seal);
    const Answer got = story.cluster.Do(to, GetCall{each.keyspace, {each.key}});
    ASSERT_TRUE(got.failure.ok()) << got.failure.message;
    EXPECT_EQ(ValueOf(got), "v");
  }
  EXPECT_GT(acknowledged[engine::Durability::kQuorum], 5);
  EXPECT_GT(acknowledged[engine::Durability::kLocal], 5);
  EXPECT_GT(redirected, 5);
  story.ExpectProgress();
}

// ---- (d) A lease renewed by a leader whose disk hangs

TEST(SeenElsewhere, AHangingDiskRenewsNoLease) {
  Story story({});
  const uint32_t old = story.Leader();
  const KeyspaceId fast = MakeAsync(&story);
  story.Put("k", "old");
  story.cluster.StickDisk(old, true);
  const int64_t stuck_us = story.cluster.now_us();
  const uint64_t local = story.cluster.Submit(
      old, {engine::WriteRequest{fast, {engine::PutOp{"k", "v"}}, {}}}, kSecond);
  const auto another_leads = [&] {
    return story.cluster.Leader() != 0 && story.cluster.Leader() != old;
  };
  ASSERT_TRUE(story.cluster.RunUntil(another_leads, 5 * kSecond));
  EXPECT_GE(story.cluster.now_us() - stuck_us, kStallUs);
  EXPECT_LE(story.cluster.now_us() - stuck_us, kStallUs + 100'000);
  const uint32_t now = story.Leader();
  story.Put("k", "new");
  const Answer got = story.cluster.Get(old, "k");
  EXPECT_EQ(got.failure.reason, Reason::kNotLeader) << got.failure.message;
  const Answer& put = story.cluster.sink()->answers.at(local);
  EXPECT_EQ(put.durability, engine::Durability::kQuorum) << "its own disk had nothing to say";
  const HandoverRow row = story.MustAsk(Story::ShowElection(story.cluster.core(now)->promised()));
  EXPECT_EQ(row.outcome, "n" + std::to_string(now) + " was elected");
  ASSERT_FALSE(row.checks.empty());
  EXPECT_EQ(row.checks.back().name, "n" + std::to_string(old));
  EXPECT_TRUE(Contains(row.checks.back().measured, "disk stuck")) << row.checks.back().measured;
  story.cluster.StickDisk(old, false);
  story.cluster.RunFor(kSecond);
  EXPECT_EQ(story.Leader(), now);
  story.ExpectValue("k", "new");
  story.ExpectProgress();
}

// ---- (e) A paused leader that wakes and serves a stale read

// All have restarted, so that a read of `k` must wait for a reader.
void ColdStart(Story* story) {
  story->Put("k", "old");
  story->cluster.RunFor(300'000);
  for (uint32_t n = 1; n <= 3; ++n) {
    ASSERT_TRUE(story->cluster.engine(n).Flush().ok());
    story->cluster.Crash(n, false);
  }
  for (uint32_t n = 1; n <= 3; ++n) story->cluster.Start(n);
  story->cluster.ElectAndRecord();
}

// It stands still at every moment of a read that it has begun, and others come while it does. It
// wakes before it hears of anybody.
TEST(SeenElsewhere, APausedLeaderWakesToNoStaleRead) {
  uint64_t interrupted = 0;
  bool answered = false;
  for (int at = 0; !answered; ++at) {
    SCOPED_TRACE(at);
    ASSERT_LT(at, 1'000);
    Story story({.cold_cache = true});
    ColdStart(&story);
    const uint32_t old = story.Leader();
    const auto read = [&] {
      return story.cluster.Submit(old, {GetCall{kDefaultKeyspace, {"k"}}}, 30 * kSecond);
    };
    const auto& answers = story.cluster.sink()->answers;
    std::vector<uint64_t> reads{read()};
    int events = 0;
    story.cluster.RunUntil([&] { return answers.contains(reads[0]) || ++events > at; }, kSecond);
    answered = answers.contains(reads[0]);
    if (!answered) ++interrupted;
    story.cluster.Pause(old, true);
    story.cluster.Isolate(old, true);
    reads.push_back(read());
    const auto another_leads = [&] { return story.cluster.Leader() != 0; };
    ASSERT_TRUE(story.cluster.RunUntil(another_leads, 5 * kSecond));
    ASSERT_NE(story.cluster.Leader(), old);
    story.Put("k", "new");
    story.cluster.Pause(old, false);
    reads.push_back(read());
    story.cluster.RunFor(100'000);
    story.cluster.Isolate(old, false);
    story.cluster.RunFor(kSecond);
    reads.push_back(read());
    story.cluster.RunFor(100'000);
    for (size_t i = answered ? 1 : 0; i < reads.size(); ++i) {
      SCOPED_TRACE(i);
      ASSERT_TRUE(answers.contains(reads[i]));
      const Failure& failure = answers.at(reads[i]).failure;
      EXPECT_EQ(failure.reason, i == 3 ? Reason::kNotLeader : Reason::kNoLeader) << failure.message;
    }
    EXPECT_NE(story.Leader(), old);
    story.ExpectValue("k", "new");
    story.ExpectProgress();
    if (HasFailure()) return;
  }
  EXPECT_GE(interrupted, 1u) << "else this shows little";
}

// Nor does it acknowledge alone what it wrote before it stood still, or just after: its lease is
// over.
TEST(SeenElsewhere, APausedLeaderWakesToNoLocalAcknowledgement) {
  std::set<Reason> told;
  bool answered = false;
  for (int at = 0; !answered; ++at) {
    SCOPED_TRACE(at);
    ASSERT_LT(at, 1'000);
    Story story({});
    const uint32_t old = story.Leader();
    const KeyspaceId fast = MakeAsync(&story);
    const engine::WriteRequest put{fast, {engine::PutOp{"k", "v"}}, {}};
    const uint64_t tag = story.cluster.Submit(old, {put}, 30 * kSecond);
    const auto& answers = story.cluster.sink()->answers;
    int events = 0;
    story.cluster.RunUntil([&] { return answers.contains(tag) || ++events > at; }, kSecond);
    answered = answers.contains(tag);
    story.cluster.Pause(old, true);
    story.cluster.Isolate(old, true);
    const auto another_leads = [&] { return story.cluster.Leader() != 0; };
    ASSERT_TRUE(story.cluster.RunUntil(another_leads, 5 * kSecond));
    story.cluster.Pause(old, false);
    story.cluster.RunFor(kSecond);
    story.cluster.Isolate(old, false);
    story.cluster.RunFor(kSecond);
    ASSERT_TRUE(answers.contains(tag));
    const Answer& answer = answers.at(tag);
    if (!answered) told.insert(answer.failure.reason);
    EXPECT_NE(story.Leader(), old);
    story.ExpectProgress();
    if (HasFailure()) return;
  }
  EXPECT_EQ(told, (std::set{Reason::kNoLeader, Reason::kOutcomeUnknown}))
      << "it was not proposed yet, or it was";
}

// ---- (g) Two handovers at once

// In one turn of one leader: the first to come takes place, the other is refused by its name.
TEST(SeenElsewhere, OfTwoAskedAtOnceOneTakesPlace) {
  Story story({});
  const uint32_t from = story.Leader();
  const uint32_t one = story.Other(from);
  const uint32_t two = 6 - from - one;
  std::optional<HandoverResult> first;
  std::optional<HandoverResult> second;
  story.cluster.AskForHandover(from, Story::Start("first", one), 20 * kSecond, &first);
  story.cluster.AskForHandover(from, Story::Start("second", two), 20 * kSecond, &second);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return second.has_value(); }, 5 * kSecond));
  EXPECT_EQ(second->failure.reason, Reason::kHandoverRefused);
  EXPECT_EQ(second->failure.code, absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Contains(second->failure.message, "handover first is under way"))
      << second->failure.message;
  const HandoverRow done = story.MustAsk(Story::Start("first", one));
  EXPECT_EQ(done.state(), kDone) << done.outcome;
  EXPECT_EQ(story.Leader(), one);
  const HandoverRow next = story.MustAsk(Story::Start("second", two));
  EXPECT_EQ(next.state(), kDone) << next.outcome;
  EXPECT_EQ(next.ballot, done.successor) << "it ended the reign that the first began";
  EXPECT_EQ(story.Leader(), two);
  story.ExpectProgress();
}

// By two nodes that both believe to lead. What the one begins that is cut off was never begun.
TEST(SeenElsewhere, OfTwoLeadersHandoversTheChosenOneTakesPlace) {
  Story story({});
  const uint32_t old = story.Leader();
  story.cluster.RunFor(200'000);
  story.cluster.Isolate(old, true);
  std::optional<HandoverResult> first;
  story.cluster.AskForHandover(old, Story::Start("first", story.Other(old)), 20 * kSecond, &first);
  const auto another_leads = [&] {
    return story.cluster.Leader() != 0 && story.cluster.Leader() != old;
  };
  ASSERT_TRUE(story.cluster.RunUntil(another_leads, 5 * kSecond));
  const uint32_t now = story.Leader();
  const uint32_t last = 6 - old - now;
  const HandoverRow second = story.MustAsk(Story::Start("second", last));
  EXPECT_EQ(second.state(), kDone) << second.outcome;
  EXPECT_EQ(story.Leader(), last);
  story.cluster.Isolate(old, false);
  ASSERT_TRUE(first.has_value()) << "the one who asked is told that it leads no more";
  EXPECT_EQ(first->failure.reason, Reason::kNoLeader) << first->failure.message;
  story.cluster.RunFor(kSecond);
  EXPECT_EQ(story.Ask(Story::Show("first")).failure.code, absl::StatusCode::kNotFound);
  const HandoverRow again = story.MustAsk(Story::Start("first", story.Other(old)));
  EXPECT_EQ(again.state(), kDone) << again.outcome;
  EXPECT_EQ(again.ballot, second.successor);
  EXPECT_EQ(story.Leader(), story.Other(old));
  story.ExpectProgress();
}

}  // namespace
}  // namespace baton::server
