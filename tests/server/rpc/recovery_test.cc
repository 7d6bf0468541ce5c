// Which node may go on alone, and by what.
#include "server/rpc/recovery.h"

#include <gtest/gtest.h>

#include "baton/v1/cluster.pb.h"

namespace baton::server {
namespace {

MemberInfo Member(uint32_t node, uint32_t role = v1::ROLE_VOTER) {
  MemberInfo member;
  member.node = NodeId{node};
  member.name = "n" + std::to_string(node);
  member.directory = {7, node};
  member.role = role;
  return member;
}

NodeStatus Lonely() {
  NodeStatus now;
  now.node = NodeId{1};
  now.name = "n1";
  now.state = "candidate";
  now.epoch = Epoch{3};
  now.members = {Member(1), Member(2), Member(3), Member(18, v1::ROLE_LEARNER)};
  return now;
}

TEST(RecoveryTest, IsRefusedWhereALeaderIsKnownOrAQuorumIsThere) {
  EXPECT_TRUE(CheckRecovery(Lonely(), {}).ok());
  EXPECT_TRUE(CheckRecovery(Lonely(), {NodeId{18}}).ok()) << "a learner makes no quorum";
  EXPECT_EQ(CheckRecovery(Lonely(), {NodeId{2}}).reason, Reason::kMembersRefused);
  NodeStatus follows = Lonely();
  follows.leader = LeaderHint{"n2", ""};
  EXPECT_EQ(CheckRecovery(follows, {}).reason, Reason::kMembersRefused);
  NodeStatus leads = Lonely();
  leads.state = "leader";
  EXPECT_EQ(CheckRecovery(leads, {}).reason, Reason::kMembersRefused);
}

TEST(RecoveryTest, APlanNamesWhatItWasMadeOf) {
  const EntryId last{{7, NodeId{2}}, Slot{99}};
  EXPECT_EQ(RecoveryPlan(Lonely(), last), "n1.e3.7.2.99");
  NodeStatus later = Lonely();
  later.epoch = Epoch{4};
  EXPECT_NE(RecoveryPlan(later, last), RecoveryPlan(Lonely(), last));
}

TEST(RecoveryTest, LeavesOneVoterInAnEpochThatNobodyHasSeen) {
  FormationRecord formed;
  formed.cluster = {1, 2};
  formed.self = NodeId{1};
  formed.epoch = Epoch{1};
  formed.profile = "lan";
  NodeStatus now = Lonely();
  now.members[0].role = v1::ROLE_LEARNER;
  UnsafeRecovery recovery;
  recovery.actor = "ann";
  const FormationRecord after = AfterRecovery(formed, now, recovery);
  EXPECT_EQ(after.cluster, formed.cluster);
  EXPECT_EQ(after.epoch, (Epoch{3 + kRecoveryEpochs}));
  ASSERT_EQ(after.members.size(), 1u);
  EXPECT_EQ(after.members[0].node, NodeId{1});
  EXPECT_EQ(after.members[0].role, static_cast<uint32_t>(v1::ROLE_VOTER));
  EXPECT_EQ(after.recovery->left_behind.size(), 3u);
  EXPECT_EQ(after.recovery->actor, "ann");

  // Who was left behind once stays so.
  NodeStatus again = Lonely();
  again.epoch = after.epoch;
  again.members = {Member(1), Member(1'043)};
  EXPECT_EQ(AfterRecovery(after, again, {}).recovery->left_behind.size(), 4u);
}

}  // namespace
}  // namespace baton::server
