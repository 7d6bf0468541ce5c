// What orders make of the members, and how a node that is added comes to know.
#include "server/member_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "baton/v1/cluster.pb.h"
#include "tests/server/rpc/fake_node.h"

namespace baton::server {
namespace {

using testing::HasSubstr;

constexpr Id128 kCluster{7, 7};

MemberInfo Member(uint32_t node, const std::string& name, uint32_t role = v1::ROLE_VOTER) {
  return {NodeId{node}, name, Id128{1, node}, name + ":2", name + ":1", role};
}

NodeStatus Three() {
  NodeStatus now;
  now.cluster = kCluster;
  now.state = "leader";
  now.epoch = Epoch{4};
  now.members = {Member(1, "n1"), Member(2, "n2"), Member(3, "n3")};
  return now;
}

NodeCard CardOf(const std::string& name) {
  return {name, Id128{9, 9}, {}, name + ":2", name + ":1"};
}

AddMember Learner(const std::string& name) { return {name, name + ":1", v1::ROLE_LEARNER, {}}; }

TEST(MembersAfterTest, AddsALearnerUnderTheIdOfTheEpochToCome) {
  const NextMembers next = MembersAfter(Three(), Learner("n4"), CardOf("n4"));
  ASSERT_TRUE(next.failure.ok()) << next.failure.message;
  EXPECT_FALSE(next.unchanged);
  EXPECT_EQ(next.member.node, (NodeId{15 + 5}));
  EXPECT_EQ(next.member.role, v1::ROLE_LEARNER);
  EXPECT_EQ(next.member.directory, (Id128{9, 9}));
  ASSERT_EQ(next.members.size(), 4u);
  EXPECT_EQ(next.members.back().client_address, "n4:2");
}

TEST(MembersAfterTest, IdsOfTheFirstEpochAreNotGivenAgain) {
  EXPECT_GT(IdOfAdded(Epoch{2}).value, Formation::kMembersMax);
  EXPECT_NE(IdOfAdded(Epoch{2}), IdOfAdded(Epoch{3}));
}

TEST(MembersAfterTest, AddingAgainChangesNothing) {
  NodeStatus now = Three();
  MemberInfo fourth = Member(20, "n4", v1::ROLE_LEARNER);
  fourth.directory = CardOf("n4").directory;
  now.members.push_back(fourth);
  const NextMembers next = MembersAfter(now, Learner("n4"), CardOf("n4"));
  ASSERT_TRUE(next.failure.ok()) << next.failure.message;
  EXPECT_TRUE(next.unchanged);
  EXPECT_EQ(next.member.node, (NodeId{20}));
}

TEST(MembersAfterTest, RefusesANodeThatCannotBeIt) {
  const auto why = [](const AddMember& add, const NodeCard& card) {
    const NextMembers next = MembersAfter(Three(), add, card);
    EXPECT_EQ(next.failure.reason, Reason::kMembersRefused);
    return next.failure.message;
  };
  EXPECT_THAT(why(Learner("n4"), CardOf("n5")), HasSubstr("is called n5, not n4"));
  NodeCard card = CardOf("n4");
  card.cluster = Id128{8, 8};
  EXPECT_THAT(why(Learner("n4"), card), HasSubstr("empty its data directory"));
  card.cluster = kCluster;
  EXPECT_THAT(why(Learner("n4"), card), HasSubstr("was a member of this cluster"));
  card = CardOf("n4");
  card.directory = Id128{1, 2};
  EXPECT_THAT(why(Learner("n4"), card), HasSubstr("is n2 (node 2) already"));
  EXPECT_THAT(why(Learner("n3"), CardOf("n3")), HasSubstr("there is a member called n3"));
  AddMember same_place = Learner("n4");
  same_place.peer_address = "n3:1";
  EXPECT_THAT(why(same_place, CardOf("n4")), HasSubstr("is met at n3:1 already"));
  AddMember voter = Learner("n4");
  voter.role = v1::ROLE_VOTER;
  EXPECT_THAT(why(voter, CardOf("n4")), HasSubstr("as a learner or as a witness"));
}

TEST(MembersAfterTest, AWipedNodeComesBackInItsOwnPlace) {
  AddMember back = Learner("n2");
  back.replaces = MemberRef{"", NodeId{2}};
  const NextMembers added = MembersAfter(Three(), back, CardOf("n2"));
  ASSERT_TRUE(added.failure.ok()) << added.failure.message;
  ASSERT_EQ(added.members.size(), 4u);

  NodeStatus now = Three();
  now.members = added.members;
  const SwapMembers swap{MemberRef{"", NodeId{2}}, MemberRef{"", added.member.node}};
  const NextMembers swapped = MembersAfter(now, swap, {});
  ASSERT_TRUE(swapped.failure.ok()) << swapped.failure.message;
  ASSERT_EQ(swapped.members.size(), 3u);
  EXPECT_EQ(swapped.members.back().node, added.member.node);
  EXPECT_EQ(swapped.members.back().role, v1::ROLE_VOTER);

  // By its name alone nobody knows which of the two is meant.
  const NextMembers which = MembersAfter(now, RemoveMember{{"n2", {}}}, {});
  EXPECT_THAT(which.failure.message, HasSubstr("two members are called n2"));
  const NextMembers one = MembersAfter(now, RemoveMember{{"n2", NodeId{2}}}, {});
  EXPECT_EQ(one.members.size(), 3u);
}

TEST(MembersAfterTest, PromotesAndRemoves) {
  NodeStatus now = Three();
  now.members[2].role = v1::ROLE_LEARNER;
  const NextMembers promoted = MembersAfter(now, PromoteMember{{"n3", {}}}, {});
  EXPECT_EQ(promoted.members[2].role, v1::ROLE_VOTER);
  EXPECT_FALSE(promoted.unchanged);
  EXPECT_TRUE(MembersAfter(now, PromoteMember{{"n1", {}}}, {}).unchanged);
  EXPECT_EQ(MembersAfter(now, RemoveMember{{"n1", {}}}, {}).members.size(), 2u);
  const Failure none = MembersAfter(now, RemoveMember{{"n9", {}}}, {}).failure;
  EXPECT_EQ(none.code, absl::StatusCode::kNotFound);
  EXPECT_THAT(none.message, HasSubstr("the members are n1 (node 1), n2 (node 2)"));
  EXPECT_EQ(MembersAfter(now, RemoveMember{}, {}).failure.code, absl::StatusCode::kNotFound);
  EXPECT_FALSE(MembersAfter(now, SwapMembers{{"n1", {}}, {"n1", {}}}, {}).failure.ok());
}

class InlineWorker final : public Worker {
 public:
  bool Post(std::function<void()> task) override {
    if (busy) return false;
    task();
    return true;
  }
  bool busy = false;
};

class FormedHost final : public FormationHost {
 public:
  NodeCard Identify() const override { return {}; }
  std::optional<FormationRecord> Formed() const override {
    FormationRecord record;
    record.cluster = kCluster;
    record.self = NodeId{1};
    record.epoch = Epoch{1};
    record.profile = "wan";
    record.members = {Member(1, "n1")};
    return record;
  }
  void Join(FormationRecord, std::function<void(std::string)>) override {}
  void Recover(FormationRecord, std::function<void(std::string)>) override {}
  void Init(InitPlan, int64_t, std::function<void(InitOutcome)>) override {}
};

class FakeCaller final : public PeerCaller {
 public:
  absl::StatusOr<NodeCard> Identify(const std::string& address, int64_t) override {
    if (silent) return absl::UnavailableError("no answer from " + address);
    return card;
  }
  absl::Status Join(const std::string& address, const FormationRecord& record, int64_t) override {
    if (!join.ok()) return join;
    joined_at = address;
    joined = record;
    return absl::OkStatus();
  }
  bool silent = false;
  NodeCard card;
  absl::Status join;
  std::string joined_at;
  std::optional<FormationRecord> joined;
};

class MemberChangeTest : public testing::Test {
 protected:
  MemberChangeTest() {
    handle_.Set(&node_);
    node_.SetStatus(Three());
    caller_.card = CardOf("n4");
    node_.change_members = [this](const MembersCall& call) {
      asked_.push_back(call);
      MembersResult result;
      result.epoch = Epoch{call.from.value + 1};
      return result;
    };
  }
  MembersOutcome Change(const MemberOrder& order) {
    MembersOutcome outcome;
    CallContext context;
    context.actor = "ann";
    context.deadline_us = clock_.LeaseNowUs() + 1'000'000;
    change_.Change(order, "it is time", context,
                   [&](MembersOutcome told) { outcome = std::move(told); });
    return outcome;
  }

  FakeNode node_;
  NodeHandle handle_;
  FormedHost formation_;
  FakeCaller caller_;
  SystemClock clock_;
  InlineWorker worker_;
  MemberChange change_{&handle_, &formation_, &caller_, &clock_, &worker_};
  std::vector<MembersCall> asked_;
};

TEST_F(MemberChangeTest, ANodeThatIsAddedJoinsWithTheEpochThatHasIt) {
  const MembersOutcome outcome = Change(Learner("n4"));
  ASSERT_TRUE(outcome.failure.ok()) << outcome.failure.message;
  EXPECT_EQ(outcome.epoch, Epoch{5});
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].from, Epoch{4});
  EXPECT_EQ(asked_[0].actor, "ann");
  EXPECT_EQ(asked_[0].reason, "it is time");
  ASSERT_TRUE(caller_.joined.has_value());
  EXPECT_EQ(caller_.joined_at, "n4:1");
  EXPECT_EQ(caller_.joined->self, outcome.member.node);
  EXPECT_EQ(caller_.joined->epoch, Epoch{5});
  EXPECT_EQ(caller_.joined->cluster, kCluster);
  EXPECT_EQ(caller_.joined->profile, "wan");
  EXPECT_EQ(caller_.joined->members.size(), 4u);
}

TEST_F(MemberChangeTest, ANodeThatDidNotHearIsToldWhenTheOrderIsRepeated) {
  caller_.join = absl::UnavailableError("no answer from n4:1");
  const MembersOutcome first = Change(Learner("n4"));
  EXPECT_EQ(first.failure.code, absl::StatusCode::kUnavailable);
  EXPECT_THAT(first.failure.message, HasSubstr("Repeat the command"));

  NodeStatus now = Three();
  now.epoch = Epoch{5};
  now.members = asked_[0].members;
  node_.SetStatus(now);
  caller_.join = absl::OkStatus();
  const MembersOutcome second = Change(Learner("n4"));
  ASSERT_TRUE(second.failure.ok()) << second.failure.message;
  EXPECT_TRUE(second.unchanged);
  EXPECT_EQ(asked_.size(), 1u);
  ASSERT_TRUE(caller_.joined.has_value());
  EXPECT_EQ(caller_.joined->epoch, Epoch{5});
}

TEST_F(MemberChangeTest, NobodyIsToldOfAChangeThatWasRefused) {
  node_.change_members = [](const MembersCall&) {
    MembersResult result;
    result.failure.code = absl::StatusCode::kFailedPrecondition;
    result.failure.reason = Reason::kMembersRefused;
    return result;
  };
  EXPECT_EQ(Change(Learner("n4")).failure.reason, Reason::kMembersRefused);
  EXPECT_FALSE(caller_.joined.has_value());
}

TEST_F(MemberChangeTest, SaysWhoLeadsAndWhatToWaitFor) {
  NodeStatus now = Three();
  now.state = "follower";
  now.leader = LeaderHint{"n2", "n2:2"};
  node_.SetStatus(now);
  const Failure elsewhere = Change(Learner("n4")).failure;
  EXPECT_EQ(elsewhere.reason, Reason::kNotLeader);
  ASSERT_TRUE(elsewhere.leader.has_value());
  EXPECT_EQ(elsewhere.leader->name, "n2");

  now = Three();
  now.changing = true;
  node_.SetStatus(now);
  EXPECT_THAT(Change(RemoveMember{{"n3", {}}}).failure.message, HasSubstr("under way"));

  node_.SetStatus(Three());
  caller_.silent = true;
  EXPECT_THAT(Change(Learner("n4")).failure.message, HasSubstr("start the node"));
  AddMember bad = Learner("n4");
  bad.peer_address = "nowhere";
  EXPECT_EQ(Change(bad).failure.code, absl::StatusCode::kInvalidArgument);
  worker_.busy = true;
  EXPECT_EQ(Change(RemoveMember{{"n3", {}}}).failure.code, absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace baton::server
