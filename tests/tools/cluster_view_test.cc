#include "tools/baton/cluster_view.h"

#include <gtest/gtest.h>

namespace baton::cli {
namespace {

MemberInfo Member(uint32_t id) {
  MemberInfo member;
  member.node_id = id;
  member.name = "n" + std::to_string(id);
  member.client_address = "h:" + std::to_string(id);
  member.role = Role::kVoter;
  return member;
}

NodeReport Report(uint32_t id, const std::string& state, uint64_t round, uint32_t ballot_node,
                  uint64_t slot) {
  NodeStatus status;
  status.cluster_id = "c0ffee";
  status.node_id = id;
  status.name = "n" + std::to_string(id);
  status.state = state;
  status.ballot_round = round;
  status.ballot_node = ballot_node;
  status.leader = "n" + std::to_string(ballot_node);
  status.healthy = true;
  status.durable_slot = slot + 1;
  status.commit_slot = slot;
  status.applied_slot = slot;
  status.members = {Member(1), Member(2), Member(3)};
  return {"h:" + std::to_string(id), status};
}

TEST(Combine, BelievesTheHighestBallot) {
  // n1 was cut off and still thinks that it leads.
  const ClusterView view = Combine({Report(1, "leader", 4, 1, 90), Report(2, "leader", 5, 2, 120),
                                    Report(3, "follower", 5, 2, 119)});
  EXPECT_EQ(view.leader, "n2");
  EXPECT_EQ(view.ballot_round, 5u);
  EXPECT_EQ(view.ballot_node, "n2");
  ASSERT_EQ(view.members.size(), 3u);
  EXPECT_EQ(view.members[0].lag, 30u);
  EXPECT_EQ(view.members[1].lag, 0u);
  EXPECT_EQ(view.members[2].lag, 1u);
}

TEST(Combine, ShowsHowMembersStandForElections) {
  NodeReport leader = Report(1, "leader", 4, 1, 90);
  leader.status->health = {{"n1", 1, false, false, "close", "normal", 0, 0},
                           {"n2", 2, true, true, "far", "slow", 3, 9}};
  const ClusterView view = Combine({leader, Report(2, "follower", 3, 1, 90)});
  const std::string table = ViewTable(view).Text(/*coloured=*/false);
  EXPECT_NE(table.find("  ready  "), std::string::npos) << table;
  EXPECT_NE(table.find("barred, recovering, far, slow disk"), std::string::npos) << table;
  const Json members = ViewJson(view)["members"];
  EXPECT_EQ(members[1]["health"]["disk"], "slow");
  EXPECT_EQ(members[1]["health"]["region"], 3);
  EXPECT_TRUE(members[2]["health"].is_null());  // not heard of yet
}

TEST(Combine, ShowsMembersThatDoNotAnswer) {
  const ClusterView view = Combine(
      {Report(1, "leader", 4, 1, 90), {"h:2", absl::UnavailableError("connection refused")}});
  ASSERT_EQ(view.members.size(), 3u);
  EXPECT_EQ(view.members[1].name, "n2");
  EXPECT_EQ(view.members[1].state, "unreachable");
  EXPECT_FALSE(view.members[1].healthy);
  EXPECT_EQ(view.members[1].reason, "does not answer: connection refused");
  EXPECT_EQ(view.members[1].role, "voter");
}

TEST(Combine, ShowsAWipedNodeInItsMembersPlace) {
  NodeReport wiped{"h:3", NodeStatus{}};
  wiped.status->name = "n3";
  wiped.status->state = "unformed";
  wiped.status->reason = "form a cluster";  // not what its members want to hear
  wiped.status->ballot_round = 99;          // what an unformed node says of ballots is not believed
  const ClusterView view =
      Combine({wiped, Report(1, "leader", 4, 1, 90), Report(2, "follower", 4, 1, 90)});
  EXPECT_EQ(view.cluster_id, "c0ffee");
  EXPECT_EQ(view.leader, "n1");
  ASSERT_EQ(view.members.size(), 3u);
  EXPECT_EQ(view.members[2].name, "n3");
  EXPECT_EQ(view.members[2].state, "unformed");
  EXPECT_EQ(view.members[2].reason.substr(0, 26), "its data directory is empt");
  EXPECT_EQ(view.members[2].node_id, 3u);
  EXPECT_FALSE(view.members[2].healthy);
}

TEST(Combine, ShowsANodeOfAnotherClusterBesideTheMembers) {
  NodeReport foreign = Report(1, "leader", 99, 1, 5);
  foreign.endpoint = "h:9";
  foreign.status->cluster_id = "beef";
  foreign.status->name = "x";
  foreign.status->ballot_round = 1;
  foreign.status->reason = "no leader is known";
  const ClusterView view = Combine({Report(1, "leader", 4, 1, 90), Report(2, "follower", 4, 1, 90),
                                    Report(3, "follower", 4, 1, 90), foreign});
  ASSERT_EQ(view.members.size(), 4u);
  EXPECT_EQ(view.members[0].name, "x");
  EXPECT_EQ(view.members[0].reason, "belongs to another cluster, beef");
  EXPECT_EQ(view.members[0].role, "none");
  EXPECT_FALSE(view.members[0].healthy);
}

TEST(Combine, ANodeThatWasRemovedIsNoMember) {
  NodeReport removed = Report(3, "follower", 4, 1, 80);
  NodeReport leader = Report(1, "leader", 4, 1, 90);
  leader.status->members.pop_back();
  const ClusterView view = Combine({leader, Report(2, "follower", 4, 1, 90), removed});
  ASSERT_EQ(view.members.size(), 3u);
  EXPECT_EQ(view.members[2].name, "n3");
  EXPECT_EQ(view.members[2].role, "none");
  EXPECT_FALSE(view.members[2].healthy);
  EXPECT_EQ(FindMemberView(view, MemberRef{"n2"})->node_id, 2u);
  EXPECT_EQ(FindMemberView(view, MemberRef{"n9"}), nullptr);
}

TEST(Combine, OrdersByNumberInTheName) {
  NodeReport report = Report(1, "leader", 4, 1, 90);
  report.status->members = {Member(10), Member(2), Member(1)};
  const ClusterView view = Combine({report});
  EXPECT_EQ(view.members[0].name, "n1");
  EXPECT_EQ(view.members[1].name, "n2");
  EXPECT_EQ(view.members[2].name, "n10");
}

TEST(AddressesNotAsked, AreThoseOfTheOtherMembers) {
  EXPECT_EQ(AddressesNotAsked({Report(1, "leader", 4, 1, 90)}),
            (std::vector<std::string>{"h:2", "h:3"}));
  EXPECT_EQ(AddressesNotAsked({Report(1, "leader", 4, 1, 90),
                               Report(2, "follower", 4, 1, 90),
                               {"h:3", absl::UnavailableError("")}}),
            std::vector<std::string>());
  // Reached under another name for the same node: it is not asked twice.
  NodeReport alias = Report(1, "leader", 4, 1, 90);
  alias.endpoint = "localhost:1";
  EXPECT_EQ(AddressesNotAsked({alias}), (std::vector<std::string>{"h:2", "h:3"}));
}

TEST(ViewJson, IsTheAgreementWithScripts) {
  const Json json = ViewJson(Combine({Report(1, "leader", 4, 1, 90)}));
  EXPECT_EQ(json["cluster_id"], "c0ffee");
  EXPECT_EQ(json["leader"], "n1");
  EXPECT_EQ(json["ballot"].dump(), R"({"round":4,"node":"n1"})");
  const Json& member = json["members"][0];
  EXPECT_EQ(member["name"], "n1");
  EXPECT_EQ(member["role"], "voter");
  EXPECT_EQ(member["healthy"], true);
  EXPECT_EQ(member["durable_slot"], 91);
  EXPECT_EQ(member["commit_slot"], 90);
  EXPECT_EQ(member["applied_slot"], 90);
}

TEST(ViewJson, SaysNullForWhatIsNotKnown) {
  NodeReport unformed{"h:1", NodeStatus{}};
  unformed.status->name = "n1";
  const Json json = ViewJson(Combine({unformed}));
  EXPECT_TRUE(json["cluster_id"].is_null());
  EXPECT_TRUE(json["leader"].is_null());
}

}  // namespace
}  // namespace baton::cli
