// The policy at work on a simulated cluster: what it decides, what a version judged beside it would
// have decided otherwise, and handovers that wait for an approval.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "engine/state/view.h"
#include "server/replica/reign_rows.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

using enum HandoverState;
using consensus::Criterion;
using Change = PolicyRequest::Change;

constexpr int64_t kMs = 1'000;
constexpr int64_t kSec = 1'000'000;

class PolicySimTest : public ::testing::Test {
 protected:
  void SetUp() override { leader_ = cluster_.ElectAndRecord(); }

  uint64_t Give(PolicyRequest request) {
    request.actor = "ann";
    const Answer answer = cluster_.Do(leader_, std::move(request));
    EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
    cluster_.RunFor(kSec);  // each node looks at it, and the leader tells by which order to rank
    return answer.failure.ok() ? std::get<PolicyResult>(answer.result).row.version : 0;
  }
  uint64_t Propose(std::vector<std::pair<PolicyLimit, uint64_t>> limits,
                   std::vector<Criterion> order = {}) {
    PolicyRequest request;
    request.limits = std::move(limits);
    request.order = std::move(order);
    return Give(std::move(request));
  }
  void Enter(Change change, uint64_t version) {
    PolicyRequest request;
    request.change = change;
    request.version = version;
    Give(std::move(request));
  }
  void Prefer(uint32_t node, uint8_t region, uint8_t priority) {
    OrderRequest request;
    request.kind = OrderKind::kPreference;
    request.node = NodeId{node};
    request.region = region;
    request.priority = priority;
    ASSERT_TRUE(cluster_.Do(leader_, std::move(request)).failure.ok());
    cluster_.RunFor(kSec);
  }
  HandoverResult Ask(HandoverCall::What what, const std::string& id, uint32_t to = 0) {
    HandoverCall call;
    call.what = what;
    call.order.id = id;
    if (what == HandoverCall::What::kStart) {
      call.order = {id, NodeId{to}, "a test", 5 * kSec, 100 * kMs};
    }
    call.approved_for_us = 60 * kSec;
    call.wait = what != HandoverCall::What::kApprove;
    call.actor = "cid";
    HandoverResult result;
    for (int i = 0; i < 20; ++i) {
      result = cluster_.Handover(leader_, call);
      if (result.row || result.failure.reason == Reason::kHandoverRefused) break;
      cluster_.RunFor(200 * kMs);
      if (const uint32_t leader = cluster_.Leader(); leader != 0) leader_ = leader;
    }
    return result;
  }
  HandoverRow Start(const std::string& id, uint32_t to = 0) {
    const HandoverResult result = Ask(HandoverCall::What::kStart, id, to);
    EXPECT_TRUE(result.row.has_value()) << result.failure.message;
    return result.row.value_or(HandoverRow{});
  }
  uint32_t Other(int which) const {
    uint32_t node = 0;
    for (uint32_t n = 1; n <= 3; ++n) {
      if (n != leader_ && which-- >= 0) node = n;
    }
    return node;
  }

  SimCluster cluster_{SimOptions{}};
  uint32_t leader_ = 0;
};

TEST_F(PolicySimTest, LeadersAreRankedByTheVersionInForce) {
  const uint32_t near = Other(0), prior = Other(1);
  Prefer(near, 0, 1);
  Prefer(prior, 1, 0);
  const uint64_t version =
      Propose({}, {Criterion::kBarred, Criterion::kRecovering, Criterion::kLag, Criterion::kDisk,
                   Criterion::kPriority, Criterion::kRegion});
  const HandoverRow usual = Start("one");
  EXPECT_EQ(usual.to, NodeId{near}) << "its region comes first";
  EXPECT_EQ(usual.opinion.policy, kBuiltInPolicy);
  ASSERT_EQ(usual.state(), kDone) << usual.outcome;
  cluster_.RunFor(kSec);
  leader_ = near;
  Prefer(6 - near - prior, 0, 1);

  Enter(Change::kActivate, version);
  const HandoverRow other = Start("two");
  EXPECT_EQ(other.to, NodeId{prior}) << "its priority comes first";
  EXPECT_EQ(other.opinion.policy, version);
  EXPECT_EQ(other.state(), kDone) << other.outcome;
}

TEST_F(PolicySimTest, AnElectionGoesByTheOrderInForceAndRecordsWhatAnotherWouldHaveDone) {
  const uint32_t near = Other(0), prior = Other(1);
  Prefer(near, 0, 1);
  Prefer(prior, 1, 0);
  const uint64_t version =
      Propose({}, {Criterion::kPriority, Criterion::kBarred, Criterion::kRecovering,
                   Criterion::kLag, Criterion::kDisk, Criterion::kRegion});
  Enter(Change::kShadow, version);
  cluster_.Crash(leader_, false);
  leader_ = cluster_.ElectAndRecord();
  EXPECT_EQ(leader_, near) << "a version that is judged decides nothing";
  const HandoverRow judged = Start("judged", prior);
  EXPECT_EQ(judged.opinion.shadow, version);
  const HandoverResult found =
      Ask(HandoverCall::What::kShow, "election-" + ToString(judged.ballot));
  ASSERT_TRUE(found.row.has_value()) << found.failure.message;
  EXPECT_EQ(found.row->opinion.policy, kBuiltInPolicy);
  EXPECT_EQ(found.row->opinion.shadow, version);
  EXPECT_NE(found.row->opinion.otherwise.find("would have stood first"), std::string::npos);
}

TEST_F(PolicySimTest, AnElectionIsWonByThePriorityWhereThatComesFirst) {
  const uint32_t near = Other(0), prior = Other(1);
  Prefer(near, 0, 1);
  Prefer(prior, 1, 0);
  Enter(Change::kActivate,
        Propose({}, {Criterion::kPriority, Criterion::kBarred, Criterion::kRecovering,
                     Criterion::kLag, Criterion::kDisk, Criterion::kRegion}));
  const uint64_t version = 2;
  cluster_.Crash(leader_, false);
  leader_ = cluster_.ElectAndRecord();
  EXPECT_EQ(leader_, prior);
  const engine::Overlay none;
  const engine::View view(cluster_.engine(leader_), none, cluster_.core(leader_)->commit());
  const auto reign = NewestReign(view, engine::ReadTier::kAny);
  ASSERT_TRUE(reign.ok() && *reign);
  EXPECT_EQ((*reign)->reign.policy_version, version) << "the Reign names it";
}

TEST_F(PolicySimTest, AHandoverIsJudgedByBothVersions) {
  const uint64_t strict = Propose({{PolicyLimit::kApproveMovesPerHour, 1}});
  Enter(Change::kShadow, strict);
  const HandoverRow first = Start("first");
  ASSERT_EQ(first.state(), kDone) << first.outcome;
  EXPECT_EQ(first.opinion.shadow, strict);
  EXPECT_EQ(first.opinion.otherwise, "");
  cluster_.RunFor(kSec);
  leader_ = cluster_.Leader();
  const HandoverRow second = Start("second");
  ASSERT_EQ(second.state(), kDone) << second.outcome;
  EXPECT_NE(second.opinion.otherwise.find("would have asked for an approval: it is move 2"),
            std::string::npos)
      << second.opinion.otherwise;
}

class ApprovalTest : public PolicySimTest {
 protected:
  void SetUp() override {
    PolicySimTest::SetUp();
    Prefer(Other(0), 1, 0);
    Enter(Change::kActivate,
          Propose({{PolicyLimit::kApproveCrossRegion, 1}, {PolicyLimit::kApprovalWait, 30}}));
    far_ = Other(0);
  }
  uint32_t far_ = 0;
};

TEST_F(ApprovalTest, AMoveToAnotherRegionWaitsForItAndThenGoesOn) {
  const HandoverRow row = Start("far", far_);
  EXPECT_EQ(row.state(), kAwaiting);
  EXPECT_EQ(row.approval.risk, "it goes from region 0 to region 1");
  EXPECT_EQ(Start("far", far_), row) << "asked again";
  EXPECT_EQ(cluster_.Leader(), leader_);
  const Answer put = cluster_.Put(leader_, "k", "goes on");
  EXPECT_TRUE(put.failure.ok()) << put.failure.message;

  const HandoverResult approved = Ask(HandoverCall::What::kApprove, "far");
  ASSERT_TRUE(approved.row.has_value()) << approved.failure.message;
  EXPECT_EQ(approved.row->approval.actor, "cid");
  const HandoverRow done = Start("far", far_);
  EXPECT_EQ(done.state(), kDone) << done.outcome;
  EXPECT_EQ(cluster_.Leader(), far_);
  const HandoverResult again = Ask(HandoverCall::What::kApprove, "far");
  ASSERT_TRUE(again.row.has_value()) << "repeating it is safe";
  EXPECT_EQ(again.row->state(), kDone);
}

TEST_F(ApprovalTest, OneThatNobodyApprovesIsGivenUp) {
  EXPECT_EQ(Start("far", far_).state(), kAwaiting);
  cluster_.RunFor(31 * kSec);
  const HandoverRow row = Start("far", far_);
  EXPECT_EQ(row.state(), kAborted);
  EXPECT_NE(row.outcome.find("nobody approved it in time"), std::string::npos) << row.outcome;
  EXPECT_EQ(cluster_.Leader(), leader_);
}

TEST_F(ApprovalTest, AnotherHandoverDoesNotWaitBehindIt) {
  EXPECT_EQ(Start("far", far_).state(), kAwaiting);
  const uint32_t near = 6 - far_ - leader_;
  const HandoverRow row = Start("near", near);
  EXPECT_EQ(row.state(), kDone) << row.outcome;
  EXPECT_EQ(Start("far", far_).state(), kAborted);
}

TEST_F(ApprovalTest, WhatAsksForNoneIsNotApproved) {
  const uint32_t near = 6 - far_ - leader_;
  ASSERT_EQ(Start("near", near).state(), kDone);
  const HandoverResult result = Ask(HandoverCall::What::kApprove, "near");
  EXPECT_EQ(result.failure.code, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Ask(HandoverCall::What::kApprove, "none").failure.code, absl::StatusCode::kNotFound);
}

TEST_F(ApprovalTest, ANodeThatStopsDoesNotWaitForAnybody) {
  HandoverCall call;
  call.order = {"drain", NodeId{far_}, "drain", 5 * kSec, 0};
  call.urgent = true;
  const HandoverResult result = cluster_.Handover(leader_, call);
  cluster_.RunFor(2 * kSec);
  EXPECT_EQ(cluster_.Leader(), far_) << result.failure.message;
}

}  // namespace
}  // namespace baton::server
