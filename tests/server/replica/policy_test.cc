// Policies: their rows, what may be changed in which state, and which handovers ask for an
// approval.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/codec/policy_row.h"
#include "server/replica/handover_risk.h"
#include "server/replica/policy_changes.h"

namespace baton::server {
namespace {

using Change = PolicyRequest::Change;
using consensus::Criterion;

constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr int64_t kMinute = 60'000'000;

class PolicyTest : public ::testing::Test {
 protected:
  // As the sequencer does it.
  absl::StatusOr<PolicyResult> Ask(const PolicyRequest& request) {
    engine::EffectsWriter writer(Revision{1});
    writer.BeginRequest();
    auto result = ChangePolicies(request, kNow, &policies_, &writer);
    const bool written = writer.EndRequest() != Revision{};
    EXPECT_EQ(written, result.ok() && !result->unchanged) << "what changes is written";
    return result;
  }
  absl::StatusOr<PolicyResult> Ask(Change change, uint64_t version) {
    PolicyRequest request;
    request.change = change;
    request.version = version;
    request.actor = "ann";
    return Ask(request);
  }
  absl::StatusCode CodeOf(Change change, uint64_t version) {
    return Ask(change, version).status().code();
  }
  uint64_t Propose(uint64_t hold_down_s) {
    PolicyRequest request;
    request.limits.emplace_back(PolicyLimit::kHoldDown, hold_down_s);
    const auto result = Ask(request);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->row.version : 0;
  }

  Policies policies_;
};

TEST_F(PolicyTest, ARowComesBackAsItWas) {
  PolicyRow row;
  row.version = 7;
  row.state = PolicyState::kShadow;
  row.before = 3;
  row.since_us = kNow;
  std::swap(row.policy.order[0], row.policy.order[5]);
  row.policy.limits[2] = 99;
  row.actor = "ann";
  row.reason = "nearer";
  const std::string bytes = EncodePolicyRow(row);
  const auto decoded = DecodePolicyRow(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, row);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodePolicyRow(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  std::string twice = EncodePolicyRow(PolicyRow{});
  const size_t order = twice.find(std::string("\0\1\2\3\4\5", 6));
  ASSERT_NE(order, std::string::npos);
  twice[order] = 1;
  EXPECT_EQ(DecodePolicyRow(twice).status().code(), absl::StatusCode::kDataLoss);
  std::string unknown = bytes;
  unknown.replace(unknown.find("flap_reign_s"), 4, "flip");
  EXPECT_EQ(DecodePolicyRow(unknown).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PolicyTest, AVersionIsProposedJudgedActivatedAndRolledBack) {
  const uint64_t version = Propose(30);
  EXPECT_EQ(version, 2u);
  EXPECT_EQ(policies_.Active().version, kBuiltInPolicy) << "not in force yet";
  ASSERT_TRUE(Ask(Change::kShadow, version).ok());
  ASSERT_NE(policies_.Shadow(), nullptr);
  EXPECT_EQ(policies_.Shadow()->version, version);

  ASSERT_TRUE(Ask(Change::kActivate, version).ok());
  EXPECT_EQ(policies_.Active().version, version);
  EXPECT_EQ(policies_.Active().policy[PolicyLimit::kHoldDown], 30u);
  EXPECT_EQ(policies_.Shadow(), nullptr);
  EXPECT_EQ(policies_.Find(kBuiltInPolicy)->state, PolicyState::kRetired);

  const auto back = Ask(Change::kRollBack, version);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->row.version, kBuiltInPolicy);
  EXPECT_EQ(policies_.Active().version, kBuiltInPolicy);
  EXPECT_EQ(policies_.Find(version)->state, PolicyState::kRetired);
}

TEST_F(PolicyTest, RepeatingAChangeChangesNothing) {
  const uint64_t version = Propose(30);
  EXPECT_EQ(Propose(30), version);
  for (const Change change :
       {Change::kShadow, Change::kUnshadow, Change::kActivate, Change::kRollBack}) {
    const auto first = Ask(change, version), again = Ask(change, version);
    ASSERT_TRUE(first.ok() && again.ok());
    EXPECT_FALSE(first->unchanged);
    EXPECT_TRUE(again->unchanged);
  }
}

TEST_F(PolicyTest, OneVersionIsJudgedAtATime) {
  const uint64_t one = Propose(30), other = Propose(40);
  ASSERT_TRUE(Ask(Change::kShadow, one).ok());
  ASSERT_TRUE(Ask(Change::kShadow, other).ok());
  EXPECT_EQ(policies_.Shadow()->version, other);
  EXPECT_EQ(policies_.Find(one)->state, PolicyState::kProposed);
}

TEST_F(PolicyTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(CodeOf(Change::kActivate, 9), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(Change::kShadow, kBuiltInPolicy), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(Change::kRollBack, kBuiltInPolicy), absl::StatusCode::kFailedPrecondition);
  PolicyRequest request;
  request.order = {Criterion::kRegion, Criterion::kLag};
  EXPECT_EQ(Ask(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.order.clear();
  request.limits = {{PolicyLimit::kApproveMovesPerHour, kMovesPerHourMax + 1}};
  EXPECT_EQ(Ask(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.limits = {{PolicyLimit::kHoldDown, 100}, {PolicyLimit::kHoldDownMax, 99}};
  EXPECT_EQ(Ask(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(policies_.rows().size(), 1u);
  for (uint64_t i = 1; i < kPoliciesMax; ++i) Propose(i);
  request.limits = {{PolicyLimit::kHoldDown, 1'000}};
  EXPECT_EQ(Ask(request).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(PolicyTest, MovesOfAnHourAreCounted) {
  std::vector<ReignRow> reigns(4);
  const uint32_t nodes[] = {1, 2, 2, 3};  // the third reign is of the same node
  for (size_t i = 0; i < reigns.size(); ++i) {
    reigns[i].reign.ballot = {i + 1, NodeId{nodes[i]}};
    reigns[i].wall_time_us = kNow - (50 - 10 * static_cast<int64_t>(i)) * kMinute;
  }
  EXPECT_EQ(MovesInHour(reigns, kNow), 2u);
  EXPECT_EQ(MovesInHour(reigns, kNow + 25 * kMinute), 1u) << "one was more than an hour ago";
  EXPECT_EQ(MovesInHour({}, kNow), 0u);
}

TEST_F(PolicyTest, AnApprovalIsAskedForAsThePolicySays) {
  HandoverRisk risk;
  risk.to_region = 1;
  risk.moves = 2;
  Policy policy;
  EXPECT_EQ(AsksApproval(policy, risk), "") << "unless it says so";
  policy.limits[static_cast<size_t>(PolicyLimit::kApproveCrossRegion)] = 1;
  EXPECT_EQ(AsksApproval(policy, risk), "it goes from region 0 to region 1");
  policy.limits[static_cast<size_t>(PolicyLimit::kApproveMovesPerHour)] = 2;
  EXPECT_NE(AsksApproval(policy, risk).find("; it is move 3 within an hour"), std::string::npos);
  risk = {.from_region = 1, .to_region = 1, .moves = 1};
  EXPECT_EQ(AsksApproval(policy, risk), "");
}

}  // namespace
}  // namespace baton::server
