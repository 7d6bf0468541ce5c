// Members that change, told as stories: the whole driver on one thread in simulated time. Random
// stories under faults are tests/sim's; the rules of the protocol are consensus'.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/codec/entry_codec.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

constexpr uint32_t kVoter = static_cast<uint32_t>(consensus::Role::kVoter);
constexpr uint32_t kLearner = static_cast<uint32_t>(consensus::Role::kLearner);

// A cluster of three voters with spare machines from 4 on, and an operator.
class Story {
 public:
  explicit Story(const SimOptions& options) : cluster(options) { cluster.ElectLeader(); }

  uint32_t Leader() { return cluster.Leader() != 0 ? cluster.Leader() : cluster.ElectLeader(); }
  NodeStatus Status() { return cluster.node(Leader())->Status(); }

  // What the members are, to be altered.
  MembersCall Now() {
    const NodeStatus status = Status();
    MembersCall call;
    call.from = status.epoch;
    call.members = status.members;
    call.actor = "operator";
    call.reason = "a story";
    return call;
  }
  static void Drop(uint32_t n, MembersCall* call) {
    std::erase_if(call->members, [n](const MemberInfo& one) { return one.node.value == n; });
  }
  static void SetRole(uint32_t n, uint32_t role, MembersCall* call) {
    for (MemberInfo& member : call->members) {
      if (member.node.value == n) member.role = role;
    }
  }
  static void Add(uint32_t n, MembersCall* call) {
    call->members.push_back(sim::Cluster::InfoOf(n, consensus::Role::kLearner));
  }
  MembersCall With(uint32_t n) {
    MembersCall call = Now();
    Add(n, &call);
    return call;
  }
  MembersCall Without(uint32_t n) {
    MembersCall call = Now();
    Drop(n, &call);
    return call;
  }
  MembersCall Promoting(uint32_t n) {
    MembersCall call = Now();
    SetRole(n, kVoter, &call);
    return call;
  }
  MembersCall Swapping(uint32_t leaves, uint32_t comes) {
    MembersCall call = Promoting(comes);
    Drop(leaves, &call);
    return call;
  }
  MembersResult Ask(const MembersCall& call) { return cluster.ChangeMembers(Leader(), call); }
  void MustChange(const MembersCall& call) {
    const MembersResult result = Ask(call);
    ASSERT_TRUE(result.failure.ok()) << result.failure.message;
    const NodeStatus status = Status();
    EXPECT_EQ(status.epoch, result.epoch);
    EXPECT_FALSE(status.changing);
  }

  // The machine comes into use as a learner.
  void AddLearner(uint32_t n) {
    MustChange(With(n));
    cluster.Join(n, Status().epoch, Status().members);
  }
  bool CaughtUp(uint32_t n) {
    const uint32_t leader = cluster.Leader();
    return leader != 0 && cluster.core(n) != nullptr &&
           cluster.node(n)->Status().applied >= cluster.node(leader)->Status().commit;
  }
  void AwaitCaughtUp(uint32_t n) {
    ASSERT_TRUE(cluster.RunUntil([&] { return CaughtUp(n); }, 20'000'000)) << "node " << n;
    cluster.RunFor(100'000);  // its leader knows
  }

  void Put(const std::string& key, const std::string& value) {
    const Answer put = cluster.Put(Leader(), key, value);
    ASSERT_TRUE(put.failure.ok()) << put.failure.message;
  }
  void PutMany(int count, size_t bytes = 10) {
    for (int i = 0; i < count; ++i) Put("k" + std::to_string(i), std::string(bytes, 'x'));
  }

  // These, and no others, are members, all of them know it, and they hold the same.
  void ExpectMembers(const std::vector<uint32_t>& voters, const std::vector<uint32_t>& learners) {
    ASSERT_NE(Leader(), 0u);
    const Answer last = cluster.Put(Leader(), "last", "now");
    ASSERT_TRUE(last.failure.ok()) << last.failure.message;
    cluster.RunFor(300'000);
    const Epoch epoch = Status().epoch;
    std::optional<DigestResult> first;
    for (const auto* group : {&voters, &learners}) {
      for (const uint32_t n : *group) {
        const DigestResult digest = cluster.Digest(n, last.position.slot);
        ASSERT_TRUE(digest.failure.ok()) << "node " << n << ": " << digest.failure.message;
        if (!first) first = digest;
        EXPECT_EQ(digest.digest, first->digest) << "node " << n;
        EXPECT_EQ(cluster.node(n)->Status().epoch, epoch) << "node " << n;
        EXPECT_FALSE(cluster.node(n)->Status().changing) << "node " << n;
        EXPECT_EQ(Named(n, kVoter), voters) << "as node " << n << " has it";
        EXPECT_EQ(Named(n, kLearner), learners) << "as node " << n << " has it";
      }
    }
  }
  std::vector<uint32_t> Named(uint32_t at, uint32_t role) {
    std::vector<uint32_t> named;
    for (const MemberInfo& member : cluster.node(at)->Status().members) {
      if (member.role == role) named.push_back(member.node.value);
    }
    return named;
  }
  // A voter of the first three that does not lead.
  uint32_t Follower() { return Leader() % 3 + 1; }
  uint32_t OtherFollower() { return Follower() % 3 + 1; }

  SimCluster cluster;
};

void ExpectRefused(const MembersResult& result, absl::StatusCode code, const std::string& why) {
  EXPECT_EQ(result.failure.code, code) << result.failure.message;
  EXPECT_EQ(result.failure.reason, Reason::kMembersRefused);
  EXPECT_NE(result.failure.message.find(why), std::string::npos) << result.failure.message;
}

std::vector<uint32_t> Except(std::vector<uint32_t> nodes, uint32_t gone) {
  std::erase(nodes, gone);
  return nodes;
}

class MembershipSeeds : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, MembershipSeeds, ::testing::Range<uint64_t>(1, 9));

// ---- A learner comes

TEST_P(MembershipSeeds, ALearnerIsAddedWhileWritesGoOn) {
  Story story({.seed = GetParam(), .drop = 0.01, .spares = 1});
  story.PutMany(50);
  std::optional<MembersResult> result;
  story.cluster.AskForMembers(story.Leader(), story.With(4), 5'000'000, &result);
  story.PutMany(20);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return result.has_value(); }, 5'000'000));
  ASSERT_TRUE(result->failure.ok()) << result->failure.message;
  EXPECT_EQ(result->epoch, Epoch{2});
  story.cluster.Join(4, story.Status().epoch, story.Status().members);
  story.PutMany(20);
  story.AwaitCaughtUp(4);
  story.ExpectMembers({1, 2, 3}, {4});
}

TEST(Membership, ALearnerIsAddedBySnapshot) {
  SimOptions options{.seed = 2, .spares = 1};
  options.adjust = [](ReplicaOptions* replica) {
    replica->replay_bytes_max = 64 << 10;
    replica->truncate_bytes_min = 16 << 10;
    replica->log_retention_bytes = 128 << 10;
  };
  Story story(options);
  story.PutMany(100, 20'000);
  story.cluster.RunFor(300'000);
  story.MustChange(story.With(4));
  const Epoch added = story.Status().epoch;
  const std::vector<MemberInfo> members = story.Status().members;
  story.PutMany(100, 20'000);
  story.cluster.RunFor(300'000);
  ASSERT_GT(story.Status().first, Slot{150}) << "what it would read first is gone";
  story.cluster.Join(4, added, members);
  story.AwaitCaughtUp(4);
  EXPECT_GT(story.cluster.node(4)->Status().first, Slot{150}) << "its log begins after a snapshot";
  story.ExpectMembers({1, 2, 3}, {4});
  story.MustChange(story.Promoting(4));
  story.ExpectMembers({1, 2, 3, 4}, {});
}

// One that is started late may be given newer members than those it was added with.
TEST(Membership, ALearnerBeginsWithANewerEpoch) {
  Story story({.seed = 3, .spares = 2});
  story.MustChange(story.With(4));
  story.MustChange(story.With(5));
  story.cluster.Join(4, story.Status().epoch, story.Status().members);
  story.cluster.Join(5, story.Status().epoch, story.Status().members);
  story.AwaitCaughtUp(4);
  story.AwaitCaughtUp(5);
  story.ExpectMembers({1, 2, 3}, {4, 5});
}

// ---- Voters change

TEST_P(MembershipSeeds, ALearnerThatHasCaughtUpIsPromotedAndCounts) {
  Story story({.seed = GetParam(), .duplicate = 0.05, .spares = 1});
  story.PutMany(30);
  story.AddLearner(4);
  story.AwaitCaughtUp(4);
  story.MustChange(story.Promoting(4));
  story.ExpectMembers({1, 2, 3, 4}, {});
  const uint32_t other = story.OtherFollower();
  story.MustChange(story.Without(story.Follower()));
  story.cluster.Crash(other, true);
  story.PutMany(5);  // with the promoted one's disk
}

TEST_P(MembershipSeeds, ANewNodeTakesAWipedOnesPlace) {
  Story story({.seed = GetParam(), .spares = 1});
  story.PutMany(30);
  const uint32_t lost = story.Follower();
  const uint32_t other = story.OtherFollower();
  story.cluster.Crash(lost, true);  // for good: its disk is gone
  story.AddLearner(4);
  story.PutMany(10);
  story.AwaitCaughtUp(4);
  story.MustChange(story.Swapping(lost, 4));
  std::vector<uint32_t> voters = Except({1, 2, 3, 4}, lost);
  story.ExpectMembers(voters, {});
  story.cluster.Crash(other, true);
  story.PutMany(5);
  story.cluster.Start(other);
  story.AwaitCaughtUp(other);
  story.ExpectMembers(voters, {});
}

TEST_P(MembershipSeeds, ALeaderRemovesItselfAndWritesGoOn) {
  Story story({.seed = GetParam()});
  story.PutMany(10);
  const uint32_t gone = story.Leader();
  const MembersResult result = story.Ask(story.Without(gone));
  ASSERT_TRUE(result.failure.ok()) << result.failure.message;
  ASSERT_TRUE(story.cluster.RunUntil(
      [&] { return story.cluster.Leader() != 0 && story.cluster.Leader() != gone; }, 3'000'000));
  story.PutMany(10);
  story.ExpectMembers(Except({1, 2, 3}, gone), {});
  EXPECT_NE(story.cluster.node(gone)->Status().state, "leader");
  story.cluster.Stop(gone);
  story.PutMany(10);
}

// ---- Refused

TEST(Membership, ASecondChangeAtATimeIsRefused) {
  Story story({.seed = 5, .spares = 2});
  story.cluster.RunFor(200'000);
  const uint32_t leader = story.Leader();
  story.cluster.StickDisk(story.Follower(), true);
  story.cluster.StickDisk(story.OtherFollower(), true);
  std::optional<MembersResult> first;
  story.cluster.AskForMembers(leader, story.With(4), 5'000'000, &first);
  story.cluster.RunFor(20'000);
  ASSERT_FALSE(first.has_value());
  EXPECT_TRUE(story.cluster.node(leader)->Status().changing);
  const MembersCall another = story.With(5);
  ExpectRefused(story.cluster.ChangeMembers(leader, another), absl::StatusCode::kAborted,
                "under way");
  for (uint32_t n = 1; n <= 3; ++n) story.cluster.StickDisk(n, false);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return first.has_value(); }, 5'000'000));
  ASSERT_TRUE(first->failure.ok()) << first->failure.message;
  story.cluster.Join(4, story.Status().epoch, story.Status().members);
  story.ExpectMembers({1, 2, 3}, {4});
}

TEST(Membership, AChangeMadeOfAnOldEpochIsRefused) {
  Story story({.seed = 6, .spares = 2});
  const MembersCall old = story.With(5);
  story.AddLearner(4);
  ExpectRefused(story.Ask(old), absl::StatusCode::kAborted, "have changed meanwhile");
  MembersCall newer = story.With(5);
  newer.from = Epoch{newer.from.value + 1};
  ExpectRefused(story.Ask(newer), absl::StatusCode::kAborted, "have changed meanwhile");
  story.ExpectMembers({1, 2, 3}, {4});
}

TEST(Membership, AVoterMustHaveBeenALearnerAndCaughtUp) {
  Story story({.seed = 7, .spares = 1});
  MembersCall at_once = story.With(4);
  Story::SetRole(4, kVoter, &at_once);
  ExpectRefused(story.Ask(at_once), absl::StatusCode::kFailedPrecondition, "as a learner first");
  story.PutMany(1'500, 2'000);
  story.MustChange(story.With(4));
  ExpectRefused(story.Ask(story.Promoting(4)), absl::StatusCode::kFailedPrecondition,
                "is not heard");
  story.cluster.SlowDisk(4, 100'000);
  story.cluster.Join(4, story.Status().epoch, story.Status().members);
  story.cluster.RunFor(150'000);
  ExpectRefused(story.Ask(story.Promoting(4)), absl::StatusCode::kFailedPrecondition,
                "entries behind");
  story.cluster.SlowDisk(4, 0);
  story.AwaitCaughtUp(4);
  story.MustChange(story.Promoting(4));
  story.ExpectMembers({1, 2, 3, 4}, {});
}

TEST(Membership, AChangeThatWouldLoseTheQuorumIsRefused) {
  Story story({.seed = 8});
  story.cluster.RunFor(200'000);
  const uint32_t down = story.Follower();
  const uint32_t other = story.OtherFollower();
  story.cluster.Crash(down, false);
  story.cluster.RunFor(2'000'000);
  ExpectRefused(story.Ask(story.Without(other)), absl::StatusCode::kFailedPrecondition,
                "no quorum");
  story.MustChange(story.Without(down));
  story.ExpectMembers(Except({1, 2, 3}, down), {});
}

TEST(Membership, OnlyTheLeaderChangesMembers) {
  Story story({.seed = 9, .spares = 1});
  story.cluster.RunFor(200'000);
  const MembersResult result = story.cluster.ChangeMembers(story.Follower(), story.With(4));
  EXPECT_EQ(result.failure.reason, Reason::kNotLeader);
  ASSERT_TRUE(result.failure.leader.has_value());
  EXPECT_EQ(result.failure.leader->name, "n" + std::to_string(story.Leader()));
  story.ExpectMembers({1, 2, 3}, {});
}

// ---- Crashes

// Wherever in the change the leader goes: the next one ends it, or it never was. What was answered
// as done stays done.
TEST_P(MembershipSeeds, TheNextLeaderFinishesWhatACrashedOneBegan) {
  uint32_t finished = 0;
  for (int64_t after_us = 100; after_us <= 2'500; after_us += 200) {
    Story story({.seed = GetParam() * 100 + static_cast<uint64_t>(after_us), .spares = 1});
    story.PutMany(5);
    story.AddLearner(4);
    story.AwaitCaughtUp(4);
    const uint32_t leader = story.Leader();
    const uint32_t leaves = story.Follower();
    std::optional<MembersResult> result;
    story.cluster.AskForMembers(leader, story.Swapping(leaves, 4), 5'000'000, &result);
    story.cluster.RunFor(after_us);
    story.cluster.Crash(leader, true);
    ASSERT_TRUE(story.cluster.RunUntil(
        [&] { return story.cluster.Leader() != 0 && !story.Status().changing; }, 5'000'000))
        << "a change is under way for ever, after " << after_us << " us";
    const bool done = story.Status().epoch == Epoch{4};
    const bool answered = result && result->failure.ok();
    EXPECT_LE(answered, done) << after_us;
    finished += done && !answered;
    story.cluster.Start(leader);
    story.AwaitCaughtUp(leader);
    if (done) {
      story.ExpectMembers(Except({1, 2, 3, 4}, leaves), {});
    } else {
      story.ExpectMembers({1, 2, 3}, {4});
    }
  }
  EXPECT_GT(finished, 0u) << "the story was not told";
}

TEST_P(MembershipSeeds, ARestartOfAllKeepsTheMembers) {
  Story story({.seed = GetParam(), .spares = 2});
  story.AddLearner(4);
  story.AwaitCaughtUp(4);
  story.MustChange(story.Swapping(story.Follower(), 4));
  const std::vector<uint32_t> voters = story.Named(story.Leader(), kVoter);
  story.AddLearner(5);
  story.AwaitCaughtUp(5);
  const Epoch epoch = story.Status().epoch;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t n = 1; n <= 5; ++n) story.cluster.Crash(n, round == 0);
    for (uint32_t n = 1; n <= 5; ++n) story.cluster.Start(n);
    ASSERT_NE(story.Leader(), 0u);
    EXPECT_EQ(story.Status().epoch, epoch);
    story.ExpectMembers(voters, {5});
  }
}

// ---- Who is gone is not needed, and does no harm

TEST_P(MembershipSeeds, ARemovedMemberThatComesBackDisturbsNobody) {
  Story story({.seed = GetParam()});
  story.PutMany(10);
  const uint32_t gone = story.Follower();
  story.cluster.Crash(gone, true);
  story.MustChange(story.Without(gone));
  story.PutMany(10);
  const Ballot ballot = story.Status().ballot;
  story.cluster.Start(gone);  // it does not know
  for (int i = 0; i < 20; ++i) {
    story.cluster.RunFor(250'000);
    story.Put("k", std::to_string(i));
  }
  EXPECT_EQ(story.Status().ballot, ballot);
  const Answer write = story.cluster.Put(gone, "k", "mine");
  EXPECT_FALSE(write.failure.ok());
  const Answer read = story.cluster.GetHere(gone, "k", {ReadLevel::Kind::kLinearizable});
  EXPECT_FALSE(read.failure.ok()) << "it knows of no leader";
  story.ExpectMembers(Except({1, 2, 3}, gone), {});
}

// Once a change has been done for a while, power may fail everywhere and the machine that was
// replaced may be scrap: a quorum of the new members is enough.
TEST_P(MembershipSeeds, WhoWasReplacedIsNotNeededAfterAPowerCut) {
  Story story({.seed = GetParam(), .spares = 1});
  story.PutMany(10);
  story.AddLearner(4);
  story.AwaitCaughtUp(4);
  const uint32_t leaves = story.Follower();
  const uint32_t stays = story.OtherFollower();
  story.MustChange(story.Swapping(leaves, 4));
  story.PutMany(10);
  story.cluster.RunFor(5'000'000);
  for (uint32_t n = 1; n <= 4; ++n) story.cluster.Crash(n, true);
  story.cluster.Start(stays);
  story.cluster.Start(4);
  ASSERT_NE(story.cluster.ElectLeader(5'000'000), 0u) << "two of three voters are up";
  story.PutMany(10);
}

// While a change is joint the voters that leave count still, and may need the log.
TEST(Membership, TheLogIsKeptForVotersThatAreLeaving) {
  Story story({.spares = 2});
  const uint32_t leader = story.Leader();
  for (const uint32_t spare : {4u, 5u}) {
    story.AddLearner(spare);
    story.AwaitCaughtUp(spare);
  }
  const uint32_t cut = leader == 1 ? 2 : 1, slow = 6 - leader - cut;
  MembersCall call = story.Promoting(4);
  Story::SetRole(5, kVoter, &call);
  Story::Drop(cut, &call);
  Story::Drop(slow, &call);
  story.cluster.Isolate(cut, true);
  story.cluster.SlowDisk(slow, 200'000);
  std::optional<MembersResult> result;
  story.cluster.AskForMembers(leader, call, 20'000'000, &result);
  const consensus::Replica& core = *story.cluster.core(leader);
  ASSERT_TRUE(story.cluster.RunUntil([&] { return core.membership().joint(); }, 5'000'000));
  for (int i = 0; i < 20 && core.membership().joint(); ++i) {
    story.cluster.Submit(leader,
                         {engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"k", "v"}}, {}}},
                         20'000'000);
    story.cluster.RunFor(5'000);
    const consensus::Entry& last = *core.log().Find(core.log().last().slot);
    const auto entry = DecodeEntry(*last.bytes, EntryHash::kVerify);
    ASSERT_TRUE(entry.ok());
    EXPECT_LE(entry->stamp.log_floor, core.MatchOf(NodeId{cut}));
  }
  EXPECT_GT(core.log().last().slot, core.MatchOf(NodeId{cut})) << "it lacks nothing";
  ASSERT_TRUE(story.cluster.RunUntil([&] { return result.has_value(); }, 20'000'000));
  EXPECT_TRUE(result->failure.ok()) << result->failure.message;
}

}  // namespace
}  // namespace baton::server
