// The small parts of a replica, one by one: quorums, what is durable, leases, turns, progress,
// reads.
#include "consensus/commit_tracker.h"
#include "consensus/durable_tracker.h"
#include "consensus/election.h"
#include "consensus/lease.h"
#include "consensus/peer_progress.h"
#include "consensus/quorum.h"
#include "consensus/rank.h"
#include "consensus/read_index.h"
#include "gtest/gtest.h"
#include "tests/consensus/cluster.h"

namespace baton::consensus {
namespace {

constexpr NodeId N(uint32_t value) { return NodeId{value}; }
constexpr Ballot B(uint64_t round, uint32_t node = 1) { return Ballot{round, NodeId{node}}; }

Membership Group(std::vector<Role> roles) {
  Membership membership{Epoch{1}, {}, {}};
  for (const Role role : roles) {
    const NodeId node = N(static_cast<uint32_t>(membership.members.size() + 1));
    membership.members.push_back({node, role, ""});
  }
  return membership;
}
Configurations Only(Membership membership) {
  return Configurations({{EntryId{}, std::move(membership)}});
}
const Membership kThree = Group({Role::kVoter, Role::kVoter, Role::kVoter});
const Configurations kOnlyThree = Only(kThree);

TEST(QuorumTest, CountsVotersAndWitnessesOnly) {
  const Membership group = Group({Role::kVoter, Role::kVoter, Role::kWitness, Role::kLearner});
  EXPECT_EQ(VotersAmong(group.members).size(), 3u);
  EXPECT_FALSE(IsQuorum(group, {N(1), N(4)}));
  EXPECT_TRUE(IsQuorum(group, {N(1), N(3)}));
  EXPECT_FALSE(IsQuorum(group, {N(1), N(9)}));
  EXPECT_FALSE(MayLead(group, N(3)));
  EXPECT_FALSE(Votes(*FindMember(group, N(4))));
  EXPECT_FALSE(QuorumOutOfReach(group, {N(1), N(4)}));
  EXPECT_TRUE(QuorumOutOfReach(group, {N(1), N(2)}));
}

TEST(QuorumTest, ReachedIsTheQuorumsLeast) {
  const Membership five = Group(std::vector<Role>(5, Role::kVoter));
  EXPECT_EQ(ReachedByQuorum<uint64_t>(five, {{N(1), 9}, {N(2), 7}, {N(3), 5}}, 0), 5u);
  EXPECT_EQ(ReachedByQuorum<uint64_t>(five, {{N(1), 9}, {N(2), 7}}, 0), 0u);
  EXPECT_EQ(ReachedByQuorum<uint64_t>(Group({Role::kVoter}), {{N(1), 4}}, 0), 4u);
  EXPECT_EQ(ReachedByQuorum<uint64_t>(Membership{}, {{N(1), 4}}, 0), 0u);
}

TEST(QuorumTest, TheLapsedLeaderComesLast) {
  EXPECT_EQ(Rank(kOnlyThree, {}, N(1), NodeId{}), 0u);
  EXPECT_EQ(Rank(kOnlyThree, {}, N(3), NodeId{}), 2u);
  EXPECT_EQ(Rank(kOnlyThree, {}, N(2), N(1)), 0u);
  EXPECT_EQ(Rank(kOnlyThree, {}, N(3), N(1)), 1u);
  EXPECT_EQ(Rank(kOnlyThree, {}, N(1), N(1)), 2u);
}

TEST(CommitTrackerTest, NothingIsChosenBelowTheReignEntry) {
  CommitTracker tracker(Slot{5});
  tracker.Accepted(N(1), Slot{5});
  tracker.Accepted(N(2), Slot{4});
  EXPECT_EQ(tracker.Chosen(kOnlyThree), Slot{});
  tracker.Accepted(N(2), Slot{5});
  EXPECT_EQ(tracker.Chosen(kOnlyThree), Slot{5});
  tracker.Accepted(N(2), Slot{3});  // late
  EXPECT_EQ(tracker.Chosen(kOnlyThree), Slot{5});
}

TEST(DurableTrackerTest, ACutForgetsWhatWasOnItsWay) {
  DurableTracker disk(Slot{3});
  EXPECT_EQ(disk.Issue(false, Slot{6}), 1u);
  disk.Cut(Slot{5});
  EXPECT_EQ(disk.Issue(true, Slot{5}), 2u);
  EXPECT_FALSE(disk.hard_state_durable());
  disk.Done(1);
  EXPECT_EQ(disk.durable(), Slot{4});
  disk.Done(2);
  EXPECT_EQ(disk.durable(), Slot{5});
  EXPECT_TRUE(disk.hard_state_durable() && disk.idle());
  disk.Cut(Slot{2});
  EXPECT_EQ(disk.durable(), Slot{1});
}

TEST(LeaseTest, AGrantBindsAllOtherBallots) {
  LeaseGiven lease;
  EXPECT_TRUE(lease.Grant(B(1), 1000, 500));
  EXPECT_EQ(lease.Binds(B(2), 1499), Refusal::kLeased);
  EXPECT_EQ(lease.Binds(B(1), 1499), Refusal::kNone);
  EXPECT_EQ(lease.Binds(B(2), 1500), Refusal::kNone);
  EXPECT_FALSE(lease.Grant(B(1), 1000, 0));
}

TEST(LeaseTest, AbdicationReleasesExactlyItsBallot) {
  LeaseGiven lease;
  lease.Grant(B(2), 1000, 500);
  lease.Release(B(1), 1100);
  EXPECT_EQ(lease.Binds(B(3), 1200), Refusal::kLeased);
  lease.Release(B(2), 1200);
  EXPECT_EQ(lease.Binds(B(3), 1200), Refusal::kNone);
  EXPECT_FALSE(lease.Grant(B(2), 1300, 500)) << "an Accept that came late renews nothing";
}

// A late Accept of a leader before the one that abdicated: others would wait for a dead ballot.
TEST(LeaseTest, NothingIsGrantedBelowABallotThatAbdicated) {
  LeaseGiven lease;
  lease.Release(B(3, 2), 1000);
  EXPECT_FALSE(lease.Grant(B(2), 1100, 500));
  EXPECT_FALSE(lease.Grant(B(3, 2), 1100, 500));
  EXPECT_TRUE(lease.Abdicated(B(2)));
  EXPECT_EQ(lease.Binds(B(4), 1200), Refusal::kNone);
  EXPECT_TRUE(lease.Grant(B(4), 1200, 500));
  lease.Release(B(5), 1300);
  EXPECT_EQ(lease.Binds(B(6), 1400), Refusal::kLeased) << "it releases its own ballot only";
}

TEST(LeaseTest, NothingShortensTheRestartWait) {
  LeaseGiven lease(/*restart_wait_end_us=*/2000);
  lease.Grant(B(2), 1000, 500);
  lease.Release(B(2), 1100);
  EXPECT_EQ(lease.Binds(B(2), 1999), Refusal::kRestartWait);
  EXPECT_EQ(lease.Binds(B(3), 2000), Refusal::kNone);
  EXPECT_EQ(lease.BoundUntilUs(), 2000);
}

TEST(LeaseTest, TheLeaderCountsFromSendTimeAndLeavesTheDrift) {
  const Timing timing{
      .heartbeat_us = 10, .lease_us = 1000, .rank_step_us = 1, .clock_drift_ppm = 50'000};
  LeaseHeld lease;
  EXPECT_EQ(lease.EndUs(kOnlyThree, N(1), 5000, timing), 0);
  lease.Granted(N(2), 4000);
  lease.Granted(N(2), 3000);  // late
  EXPECT_EQ(lease.EndUs(kOnlyThree, N(1), 5000, timing), 4950);
  lease.Granted(N(3), 4500);
  EXPECT_EQ(lease.EndUs(kOnlyThree, N(1), 5000, timing), 5450);
  EXPECT_EQ(LeaseHeld().EndUs(Only(Group({Role::kVoter})), N(1), 5000, timing), 5950);
}

TEST(ElectionTest, WaitsItsTurnThenBacksOffWithinALease) {
  const Config config{.self = N(2)};
  Election election(config, /*free_at_us=*/0, /*rank=*/1);
  EXPECT_EQ(election.StandAtUs(), 20'000);
  election.LeaseRuns(500'000, 2);  // and half a step, until it has ended at the others too
  EXPECT_EQ(election.StandAtUs(), 550'000);
  for (int64_t base_us : {20'000, 40'000, 80'000, 160'000, 320'000, 500'000, 500'000, 500'000}) {
    election.BackOff(1'000'000);
    EXPECT_GE(election.StandAtUs(), 1'000'000 + base_us);
    EXPECT_LE(election.StandAtUs(), 1'000'000 + 2 * base_us);
  }
  election.LeaderGone(2'000'000, 0);
  election.Bar(2'500'000);
  EXPECT_EQ(election.StandAtUs(), 2'500'000);
}

TEST(ElectionTest, GivesTimeToTheCandidateItPromised) {
  Election election(Config{.self = N(3)}, 0, 0);
  election.GiveTime(N(1), 1'000'000, 1);
  EXPECT_TRUE(election.GivesTimeToAnother(N(2), 1'249'999));
  EXPECT_FALSE(election.GivesTimeToAnother(N(1), 1'100'000));
  EXPECT_FALSE(election.GivesTimeToAnother(N(2), 1'250'000));
}

std::vector<Entry> Entries(uint64_t first, uint64_t count) {
  std::vector<Entry> entries;
  for (uint64_t slot = first; slot < first + count; ++slot) {
    entries.push_back(MakeEntry(EntryId{B(1), Slot{slot}}, "12345678"));
  }
  return entries;
}

TEST(PeerProgressTest, ProbesOnceThenFillsTheWindow) {
  PeerProgress peer(Slot{5});
  EXPECT_TRUE(peer.MaySend(16));
  peer.Sent(Entries(5, 1));
  EXPECT_FALSE(peer.MaySend(16)) << "one probe at a time";
  peer.Matched(Slot{4});
  EXPECT_TRUE(peer.MaySend(16));
  peer.Sent(Entries(6, 1));
  EXPECT_FALSE(peer.MaySend(16)) << "16 bytes are on their way";
  peer.Matched(Slot{5});
  EXPECT_TRUE(peer.MaySend(16));
  EXPECT_EQ(peer.next(), Slot{7});
}

TEST(PeerProgressTest, StepsBackOnceForAWholePipeline) {
  PeerProgress peer(Slot{9});
  peer.Sent(Entries(9, 1));
  EXPECT_TRUE(peer.Mismatched(Slot{4}, /*sent_at_us=*/100, /*now_us=*/200));
  EXPECT_EQ(peer.next(), Slot{5});
  EXPECT_FALSE(peer.Mismatched(Slot{2}, 150, 210)) << "sent before the step back";
  EXPECT_FALSE(peer.Mismatched(Slot{4}, 250, 260)) << "nothing older to try";
  EXPECT_TRUE(peer.Mismatched(Slot{2}, 250, 270));
  EXPECT_EQ(peer.next(), Slot{3});
}

TEST(PeerProgressTest, NeverStepsBelowWhatMatched) {
  PeerProgress peer(Slot{9});
  peer.Matched(Slot{6});
  EXPECT_TRUE(peer.Mismatched(Slot{1}, 100, 200));
  EXPECT_EQ(peer.next(), Slot{7});
}

TEST(ReadIndexTest, OneRoundServesAllThatWait) {
  ReadIndex reads;
  EXPECT_FALSE(reads.BeginRound());
  reads.Add({NodeId{}, 1, Slot{4}});
  EXPECT_TRUE(reads.BeginRound());
  reads.Add({NodeId{}, 2, Slot{4}});
  reads.Add({NodeId{}, 3, Slot{5}});
  EXPECT_FALSE(reads.BeginRound()) << "one is under way";
  EXPECT_TRUE(reads.TakeConfirmed(kOnlyThree, N(1)).empty());
  reads.Acknowledged(N(2), 1);
  EXPECT_EQ(reads.TakeConfirmed(kOnlyThree, N(1)),
            (std::vector<ReadIndex::Read>{{NodeId{}, 1, Slot{4}}}));
  EXPECT_TRUE(reads.BeginRound());
  EXPECT_TRUE(reads.TakeConfirmed(kOnlyThree, N(1)).empty()) << "an older round proves nothing";
  reads.Acknowledged(N(3), 2);
  EXPECT_EQ(reads.TakeConfirmed(kOnlyThree, N(1)).size(), 2u);
}

TEST(PrngTest, EqualSeedsGiveEqualSequences) {
  Prng a(7), b(7), c(8);
  EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(a.Next(), c.Next());
  EXPECT_EQ(Prng(0).Next(), 0xe220a8397b1dcdafu);  // of the reference implementation
}

}  // namespace
}  // namespace baton::consensus
