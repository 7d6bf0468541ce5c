// Memberships: which quorums count, which changes are refused, who ranks before whom, and the two
// small values beside them, the write gate and the reads of a follower.
#include <gmock/gmock.h>

#include <utility>

#include "consensus/configurations.h"
#include "consensus/follower_reads.h"
#include "consensus/membership_change.h"
#include "consensus/quorum.h"
#include "consensus/rank.h"
#include "consensus/write_gate.h"
#include "gtest/gtest.h"
#include "tests/consensus/cluster.h"

namespace baton::consensus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr NodeId N(uint32_t value) { return NodeId{value}; }
constexpr EntryId At(uint64_t slot) { return EntryId{Ballot{1, NodeId{1}}, Slot{slot}}; }

std::vector<Member> Voters(std::vector<uint32_t> nodes) {
  std::vector<Member> members;
  for (const uint32_t node : nodes) members.push_back({N(node), Role::kVoter, ""});
  return members;
}
Membership Of(uint64_t epoch, std::vector<Member> members, std::vector<Member> outgoing = {}) {
  return Membership{Epoch{epoch}, std::move(members), std::move(outgoing)};
}

// Who holds the log up to where; the others nothing.
auto Held(std::map<NodeId, Slot> slots) {
  return [slots = std::move(slots)](NodeId node) {
    const auto found = slots.find(node);
    return found == slots.end() ? Slot{} : found->second;
  };
}

TEST(QuorumTest, AJointQuorumIsOneOfBothSides) {
  const Membership joint = Of(2, Voters({1, 4, 5}), Voters({1, 2, 3}));
  EXPECT_FALSE(IsQuorum(joint, {N(1), N(2)}));
  EXPECT_FALSE(IsQuorum(joint, {N(1), N(4)}));
  EXPECT_TRUE(IsQuorum(joint, {N(1), N(2), N(4)}));
  EXPECT_TRUE(QuorumOutOfReach(joint, {N(2), N(3)}));
  EXPECT_TRUE(QuorumOutOfReach(joint, {N(4), N(5)}));
  EXPECT_FALSE(QuorumOutOfReach(joint, {N(3), N(5)}));
  const std::map<NodeId, uint64_t> reached = {{N(1), 9}, {N(2), 8}, {N(4), 3}};
  EXPECT_EQ(ReachedByQuorum<uint64_t>(joint, reached, 0), 3u);
  EXPECT_TRUE(MayLead(joint, N(2))) << "it may be the only one that knows of the change";
}

TEST(QuorumTest, HeldInEveryQuorumCountsWhoHoldsData) {
  // 1 and 2 hold data, 3 is a witness: a quorum is any two, so both must hold it.
  Membership members = Of(1, Voters({1, 2}));
  members.members.push_back({N(3), Role::kWitness, ""});
  EXPECT_EQ(HeldInEveryQuorum(members, Held({{N(1), Slot{9}}, {N(2), Slot{4}}})), Slot{4});
  EXPECT_EQ(HeldInEveryQuorum(members, Held({{N(1), Slot{9}}})), Slot{});
  // Of five voters any three: in each of them is one of any three.
  const Membership five = Of(1, Voters({1, 2, 3, 4, 5}));
  EXPECT_EQ(HeldInEveryQuorum(five, Held({{N(1), Slot{9}}, {N(2), Slot{7}}, {N(3), Slot{5}}})),
            Slot{5});
}

TEST(QuorumTest, HeldInEveryQuorumOfEitherSideAndOfEveryConfiguration) {
  const Member witness{N(4), Role::kWitness, ""};
  std::vector<Member> before = Voters({1, 2}), after = Voters({1, 3});
  before.push_back(witness);
  after.push_back(witness);
  const Membership joint = Of(2, after, before);
  const auto new_is_behind = Held({{N(1), Slot{9}}, {N(2), Slot{8}}, {N(3), Slot{5}}});
  EXPECT_EQ(HeldInEveryQuorum(joint, new_is_behind), Slot{5}) << "it may be alone in force next";
  const auto old_is_behind = Held({{N(1), Slot{9}}, {N(2), Slot{3}}, {N(3), Slot{9}}});
  EXPECT_EQ(HeldInEveryQuorum(joint, old_is_behind), Slot{3});
  Configurations known({{EntryId{}, Of(1, before)}});
  EXPECT_TRUE(known.HasWitness());
  known.Appended(MakeEntry(At(5), "m", Of(2, Voters({1, 3}))));
  EXPECT_EQ(known.HeldInEveryQuorum(old_is_behind), Slot{3}) << "the front still counts";
  known.Chosen(Slot{5});
  EXPECT_EQ(known.HeldInEveryQuorum(old_is_behind), Slot{9});
  EXPECT_FALSE(known.HasWitness());
}

TEST(ConfigurationsTest, AQuorumIsOneOfEveryConfiguration) {
  Configurations known({{EntryId{}, Of(1, Voters({1, 2, 3}))}});
  EXPECT_TRUE(known.Settled());
  EXPECT_TRUE(
      known.Appended(MakeEntry(At(5), "m", Of(2, Voters({1, 2, 3, 4}), Voters({1, 2, 3})))));
  EXPECT_FALSE(known.Settled());
  EXPECT_FALSE(known.IsQuorum({N(1), N(2)})) << "no majority of the four";
  EXPECT_TRUE(known.IsQuorum({N(1), N(2), N(4)}));
  known.Chosen(Slot{4});
  EXPECT_EQ(known.all().size(), 2u);
  known.Chosen(Slot{5});
  EXPECT_EQ(known.all().size(), 1u);
  EXPECT_FALSE(known.Settled()) << "it is still joint";
}

TEST(ConfigurationsTest, ACutTakesBackWhatIsNotChosen) {
  Configurations known({{EntryId{}, Of(1, Voters({1, 2, 3}))}});
  known.Appended(MakeEntry(At(5), "m", Of(2, Voters({1, 2}), Voters({1, 2, 3}))));
  EXPECT_FALSE(known.CutFrom(Slot{6}));
  EXPECT_TRUE(known.CutFrom(Slot{5}));
  EXPECT_EQ(known.newest().epoch, Epoch{1});
  EXPECT_FALSE(known.CutFrom(Slot{1})) << "what is chosen stays";
}

TEST(ConfigurationsTest, OlderEpochsChangeNothing) {
  Configurations joined({{EntryId{}, Of(7, Voters({4, 5, 6}))}});
  EXPECT_FALSE(joined.Appended(MakeEntry(At(2), "m", Of(2, Voters({1, 2, 3})))));
  EXPECT_FALSE(joined.Appended(MakeEntry(At(9), "m", Of(7, Voters({4, 5, 6})))));
  EXPECT_TRUE(joined.Appended(MakeEntry(At(10), "m", Of(8, Voters({4, 5, 6, 7})))));
}

class MembershipChangeTest : public testing::Test {
 protected:
  std::string WhyNot(const std::vector<Member>& wanted) const {
    return consensus::WhyNot(now_, wanted, states_, Slot{100}, /*learner_lag_max=*/10);
  }
  static Member Learner(uint32_t node) { return {N(node), Role::kLearner, ""}; }

  Configurations now_{
      {{EntryId{}, Of(3, {Voters({1})[0], Voters({2})[0], Voters({3})[0], Learner(4)})}}};
  std::map<NodeId, MemberState> states_ = {{N(1), {Slot{100}, LagClass::kClose}},
                                           {N(2), {Slot{100}, LagClass::kClose}},
                                           {N(3), {Slot{50}, LagClass::kBehind}},
                                           {N(4), {Slot{95}, LagClass::kClose}}};
};

TEST_F(MembershipChangeTest, AllowsWhatIsSafe) {
  EXPECT_THAT(WhyNot(Voters({1, 2, 3, 4})), IsEmpty());
  EXPECT_THAT(WhyNot(Voters({1, 2, 3})), IsEmpty()) << "the learner goes";
  EXPECT_THAT(WhyNot(Voters({1, 2, 4})), IsEmpty()) << "4 in the place of 3";
  std::vector<Member> with_another = now_.newest().members;
  with_another.push_back({N(5), Role::kWitness, ""});
  EXPECT_THAT(WhyNot(with_another), IsEmpty());
}

TEST_F(MembershipChangeTest, RefusesWhatIsNot) {
  EXPECT_THAT(WhyNot(now_.newest().members), HasSubstr("nothing would change"));
  EXPECT_THAT(WhyNot(Voters({1, 2, 3, 9})), HasSubstr("learner first"));
  EXPECT_THAT(WhyNot({Learner(1), Learner(2)}), HasSubstr("no voter"));
  states_[N(4)].match = Slot{80};
  EXPECT_THAT(WhyNot(Voters({1, 2, 3, 4})), HasSubstr("20 entries behind"));
  states_[N(4)].lag = LagClass::kFar;
  EXPECT_THAT(WhyNot(Voters({1, 2, 3, 4})), HasSubstr("needs a snapshot"));
  states_[N(4)].lag = LagClass::kSilent;
  EXPECT_THAT(WhyNot(Voters({1, 2, 3, 4})), HasSubstr("not heard"));
  states_[N(2)].lag = LagClass::kSilent;
  EXPECT_THAT(WhyNot(Voters({1, 2})), HasSubstr("no quorum"));
  states_[N(3)].lag = LagClass::kSilent;
  EXPECT_THAT(WhyNot(Voters({1})), HasSubstr("no quorum")) << "of those that vote now";
}

// What followers would drop for ever is never proposed.
TEST_F(MembershipChangeTest, RefusesWhatNoEntryMayBring) {
  EXPECT_THAT(WhyNot({}), HasSubstr("no voter"));
  EXPECT_THAT(WhyNot(Voters({1, 2, 2})), HasSubstr("node 2 is listed twice"));
  std::vector<Member> many = now_.newest().members;
  for (uint32_t node = 5; node <= kMembersMax; ++node) many.push_back(Learner(node));
  EXPECT_THAT(WhyNot(many), IsEmpty()) << "as many as there may be";
  many.push_back(Learner(kMembersMax + 1));
  EXPECT_THAT(WhyNot(many), HasSubstr("65 nodes"));
  std::erase_if(many, [](const Member& member) { return member.node == N(4); });
  EXPECT_THAT(WhyNot(many), HasSubstr("65 nodes")) << "node 4 is there until this is chosen";
}

// By a witness alone the joint membership would be chosen, and never left.
TEST_F(MembershipChangeTest, RefusesWhatCouldNotEnd) {
  const Member witness{N(5), Role::kWitness, ""};
  std::vector<Member> wanted = Voters({1, 2});
  wanted.push_back(witness);
  EXPECT_THAT(WhyNot(wanted), IsEmpty());
  states_[N(5)].lag = LagClass::kClose;
  states_[N(2)].lag = LagClass::kSilent;
  EXPECT_THAT(WhyNot(wanted), HasSubstr("none that holds data and is heard"));
}

TEST_F(MembershipChangeTest, RefusesASecondChange) {
  now_.Appended(MakeEntry(At(5), "m", Of(4, Voters({1, 2, 3}))));
  EXPECT_THAT(WhyNot(Voters({1, 2})), HasSubstr("under way (epoch 4)"));
}

TEST_F(MembershipChangeTest, VotersChangeThroughAJointMembership) {
  const Membership first = FirstStep(now_.newest(), Voters({2, 1, 4}));
  EXPECT_EQ(first, Of(4, Voters({1, 2, 4}), Voters({1, 2, 3})));
  EXPECT_EQ(LastStep(first), Of(5, Voters({1, 2, 4})));
  EXPECT_FALSE(FirstStep(now_.newest(), Voters({1, 2, 3})).joint()) << "only the learner goes";
}

TEST(RankTest, ComparesHealthInTheUsualOrder) {
  const Configurations three({{EntryId{}, Of(1, Voters({1, 2, 3}))}});
  const auto first_of_2_and_3 = [&](const NodeHealth& two, const NodeHealth& three_) {
    const HealthTable table{1, {{N(2), two}, {N(3), three_}}};
    return Rank(three, table, N(2), N(1)) == 0 ? 2 : 3;
  };
  EXPECT_EQ(first_of_2_and_3({}, {}), 2) << "by node id";
  EXPECT_EQ(first_of_2_and_3({.priority = 1}, {}), 3);
  EXPECT_EQ(first_of_2_and_3({.priority = 1}, {.region = 1}), 2);
  EXPECT_EQ(first_of_2_and_3({.region = 1}, {.disk = DiskClass::kSlow}), 2);
  EXPECT_EQ(first_of_2_and_3({.disk = DiskClass::kStuck}, {.lag = LagClass::kBehind}), 2);
  EXPECT_EQ(first_of_2_and_3({.lag = LagClass::kSilent}, {.recovering = true}), 2);
  EXPECT_EQ(first_of_2_and_3({.recovering = true}, {.barred = true}), 2);
  EXPECT_EQ(Rank(three, {}, N(1), N(1)), 2u) << "the one whose lease lapsed comes last";
}

TEST(RankTest, ComparesHealthInTheOrderOfTheTable) {
  const Configurations three({{EntryId{}, Of(1, Voters({1, 2, 3}))}});
  RankOrder order = kRankOrder;
  std::swap(order[3], order[5]);  // priority before disk
  HealthTable table{1, {{N(2), {.disk = DiskClass::kSlow}}, {N(3), {.priority = 1}}}};
  EXPECT_EQ(Rank(three, table, N(3), N(1)), 0u);
  table.order = order;
  EXPECT_EQ(Rank(three, table, N(3), N(1)), 1u);
}

TEST(RankTest, AnOrderHasEachCriterionOnce) {
  EXPECT_TRUE(IsRankOrder(kRankOrder));
  RankOrder twice = kRankOrder;
  twice[0] = twice[1];
  EXPECT_FALSE(IsRankOrder(twice));
  RankOrder unknown = kRankOrder;
  unknown[0] = static_cast<Criterion>(6);
  EXPECT_FALSE(IsRankOrder(unknown));
}

TEST(WriteGateTest, AsksForAProbeWhenIdleAndCallsAWriteStuck) {
  const Timing timing{.lease_us = 400, .stall_us = 700};
  WriteGate gate(/*now_us=*/1000);
  EXPECT_EQ(gate.ProbeAtUs(timing), 1100);
  gate.ProbeIssued(1100);
  EXPECT_GT(gate.ProbeAtUs(timing), 1'000'000) << "one at a time";
  EXPECT_EQ(gate.StuckAtUs(timing), 1800);
  gate.Issued(1200);
  EXPECT_EQ(gate.StuckAtUs(timing), 1800) << "the oldest that waits counts";
  gate.Completed(1300, /*more=*/false);
  EXPECT_EQ(gate.StuckAtUs(timing), 2000) << "the probe is still under way";
  EXPECT_EQ(gate.ProofAgeUs(1350), 50);
  gate.ProbeCompleted(1400, /*more=*/false);
  EXPECT_GT(gate.StuckAtUs(timing), 1'000'000);
  EXPECT_EQ(gate.ProbeAtUs(timing), 1500);
}

TEST(FollowerReadsTest, OneAskForAllThatWait) {
  FollowerReads reads(/*asks_after=*/100);
  const Ballot leader{3, N(1)};
  EXPECT_EQ(reads.BeginAsk(leader, 0, 500), 0u) << "nothing waits";
  reads.Add(1);
  reads.Add(2);
  EXPECT_EQ(reads.BeginAsk(leader, 10, 500), 101u);
  reads.Add(3);
  EXPECT_EQ(reads.BeginAsk(leader, 20, 500), 0u) << "one is under way";
  EXPECT_THAT(reads.Told(100), IsEmpty()) << "of a former life";
  EXPECT_THAT(reads.Told(101), ElementsAre(1, 2));
  EXPECT_EQ(reads.BeginAsk(leader, 30, 500), 102u);
  EXPECT_EQ(reads.OverdueAtUs(), 530);
  reads.Add(4);
  EXPECT_EQ(reads.BeginAsk(leader, 530, 500), 103u) << "asked anew, with what came since";
  EXPECT_THAT(reads.Told(102), IsEmpty());
  EXPECT_THAT(reads.TakeAll(), ElementsAre(3, 4));
  EXPECT_TRUE(reads.empty());
}

}  // namespace
}  // namespace baton::consensus
