#include "baton/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "baton/client.h"
#include "tests/client/fake_server.h"

namespace baton::client {
namespace {

using ::testing::HasSubstr;

// A port of loopback at which nobody listens.
std::string DeadAddress() {
  FakeServer gone("gone");
  return gone.address();
}

TEST(Admin, StatusAllReportsEachEndpointInOrder) {
  FakeServer one("n1"), two("n2");
  two.SetState("follower", 3, &one);
  const std::string dead = DeadAddress();
  auto admin = Admin::Connect({.endpoints = {two.address(), dead, one.address()}});
  ASSERT_TRUE(admin.ok());
  const auto reports = (*admin)->StatusAll();
  ASSERT_EQ(reports.size(), 3u);
  ASSERT_TRUE(reports[0].status.ok()) << reports[0].status.status();
  EXPECT_EQ(reports[0].endpoint, two.address());
  EXPECT_EQ(reports[0].status->state, "follower");
  EXPECT_EQ(reports[0].status->ballot_round, 3u);
  EXPECT_EQ(reports[0].status->leader, "n1");
  EXPECT_EQ(reports[0].status->cluster_id, "0f");
  ASSERT_EQ(reports[0].status->members.size(), 1u);
  EXPECT_STREQ(RoleName(reports[0].status->members[0].role), "voter");
  EXPECT_EQ(reports[1].status.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(reports[1].status.status().message()), HasSubstr(dead));
  EXPECT_EQ(reports[2].status->state, "leader");
}

TEST(Admin, AsksTheNodeNamed) {
  FakeServer one("n1"), two("n2");
  auto admin = Admin::Connect({.endpoints = {one.address()}});
  ASSERT_TRUE(admin.ok());
  EXPECT_EQ((*admin)->Status(two.address())->name, "n2");
  EXPECT_EQ((*admin)->Digest(one.address(), 17)->applied_slot, 17u);
  EXPECT_EQ((*admin)->Digest(one.address())->digest, 99u);
  EXPECT_EQ((*admin)->Version(one.address())->version, "1.2.3");
  EXPECT_EQ((*admin)->Status("nonsense").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Admin, InitPassesByANodeOutOfReachButNotARefusal) {
  FakeServer one("n1");
  auto admin = Admin::Connect({.endpoints = {DeadAddress(), one.address()}});
  ASSERT_TRUE(admin.ok());
  const auto formation = (*admin)->Init({{"n1", "h:1"}, {"n2", "h:2"}});
  ASSERT_TRUE(formation.ok()) << formation.status();
  EXPECT_EQ(formation->cluster_id, "01ab");
  EXPECT_EQ(formation->members.size(), 2u);
  const auto refused = (*admin)->Init({});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetReason(refused.status()), Reason::kFormedDifferently);
}

TEST(Admin, AChangeOfMembersFindsTheLeader) {
  FakeServer one("n1"), two("n2"), lost("n3"), emptied("n4");
  two.SetState("follower", 3, &one);
  lost.SetState("follower", 3);
  emptied.SetState("unformed", 0);
  for (const std::string& first :
       {DeadAddress(), lost.address(), emptied.address(), two.address()}) {
    auto admin = Admin::Connect({.endpoints = {first, two.address()}});
    ASSERT_TRUE(admin.ok());
    const auto added = (*admin)->AddMember({"n4", "h:4"});
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_EQ(added->epoch, 7u);
    EXPECT_EQ(added->member.name, "n4");
    EXPECT_EQ(added->member.role, Role::kLearner);
    const auto refused = (*admin)->RemoveMember({"n4"});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(GetReason(refused.status()), Reason::kMembersRefused);
  }
  auto none = Admin::Connect({.endpoints = {lost.address()}});
  EXPECT_EQ(GetReason((*none)->PromoteMember({"n4"}).status()), Reason::kNoLeader);
}

TEST(Admin, ReadsThroughTheNodeNamed) {
  FakeServer one("n1");
  auto client = Client::Connect({.endpoints = {one.address()}});
  ASSERT_TRUE((*client)->Put("k", "v").ok());
  const std::string dead = DeadAddress();
  auto admin = Admin::Connect({.endpoints = {dead}});
  ASSERT_TRUE(admin.ok());
  const auto found = (*admin)->GetThrough(one.address(), "k");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->record.has_value());
  EXPECT_EQ(found->record->key, "k");
  EXPECT_EQ(found->record->value, "v");
  EXPECT_EQ(found->record->revision, 7u);
  EXPECT_EQ(found->slot, 5u);
  EXPECT_FALSE((*admin)->GetThrough(one.address(), "none")->record.has_value());
  EXPECT_TRUE(absl::IsUnavailable((*admin)->GetThrough(dead, "k").status()));
  EXPECT_TRUE(absl::IsInvalidArgument((*admin)->GetThrough("nonsense", "k").status()));
}

}  // namespace
}  // namespace baton::client
