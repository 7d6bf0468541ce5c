#include "server/replica/policy_changes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/storage/key_encoding.h"

namespace baton::server {
namespace {

absl::Status Unknown(uint64_t version) {
  return absl::NotFoundError(
      absl::StrCat("there is no policy ", version, ": `policy history` lists those there are"));
}

// What a change is made with: every row that it puts goes into the state and among the newest.
class Change {
 public:
  Change(const PolicyRequest& request, int64_t wall_us, Policies* policies,
         engine::EffectsWriter* writer)
      : request_(request), wall_us_(wall_us), policies_(policies), writer_(writer) {}

  absl::StatusOr<PolicyResult> Make() {
    const uint64_t version = request_.version == 0 ? policies_->Active().version : request_.version;
    const PolicyRow* const row = policies_->Find(version);
    if (row == nullptr) return Unknown(version);
    switch (request_.change) {
      case PolicyRequest::Change::kPropose:
        return Propose(row->policy);
      case PolicyRequest::Change::kShadow:
        return Shadow(*row);
      case PolicyRequest::Change::kUnshadow:
        if (row->state != PolicyState::kShadow) return Unchanged(*row);
        return Done(Enter(*row, PolicyState::kProposed));
      case PolicyRequest::Change::kActivate:
        return Activate(*row);
      case PolicyRequest::Change::kRollBack:
        return RollBack(*row);
    }
    return absl::InvalidArgumentError("the change of policy is none that this node knows");
  }

 private:
  static PolicyResult Unchanged(const PolicyRow& row) { return {row, /*unchanged=*/true}; }
  static PolicyResult Done(PolicyRow row) { return {std::move(row), /*unchanged=*/false}; }

  PolicyRow Put(PolicyRow row) {
    const std::string key =
        engine::SystemKey(engine::SystemTable::kPolicies, PolicyRowSuffix(row.version));
    writer_->PutSystem(key, EncodePolicyRow(row));
    policies_->Put(row);
    return row;
  }
  PolicyRow Enter(PolicyRow row, PolicyState state) {
    row.state = state;
    row.since_us = wall_us_;
    row.actor = request_.actor;
    row.reason = request_.reason;
    return Put(std::move(row));
  }

  absl::StatusOr<PolicyResult> Propose(Policy policy) {
    if (!request_.order.empty()) {
      if (request_.order.size() != policy.order.size()) return NotAnOrder();
      std::copy(request_.order.begin(), request_.order.end(), policy.order.begin());
      if (!consensus::IsRankOrder(policy.order)) return NotAnOrder();
    }
    for (const auto& [limit, value] : request_.limits) {
      policy.limits[static_cast<size_t>(limit)] = value;
    }
    if (absl::Status status = CheckLimits(policy); !status.ok()) return status;
    const PolicyRow& newest = policies_->rows().rbegin()->second;
    if (newest.state == PolicyState::kProposed && newest.policy == policy) {
      return Unchanged(newest);  // repeated
    }
    if (policies_->rows().size() >= kPoliciesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("there are as many versions of the policy as there may be: ",
                       "policies_max=", kPoliciesMax));
    }
    PolicyRow row;
    row.version = newest.version + 1;
    row.policy = policy;
    return Done(Enter(std::move(row), PolicyState::kProposed));
  }

  static absl::Status NotAnOrder() {
    return absl::InvalidArgumentError(
        "the order names each of barred, recovering, lag, disk, region and priority once");
  }

  static absl::Status CheckLimits(const Policy& policy) {
    for (size_t i = 0; i < kPolicyLimits; ++i) {
      const PolicyLimitInfo& info = PolicyLimitInfos()[i];
      if (policy.limits[i] > info.max) {
        return absl::InvalidArgumentError(absl::StrCat(std::string(info.name), " is at most ",
                                                       info.max, " ", std::string(info.unit)));
      }
    }
    if (policy[PolicyLimit::kHoldDown] > policy[PolicyLimit::kHoldDownMax]) {
      return absl::InvalidArgumentError("hold_down_s is at most hold_down_s_max");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<PolicyResult> Shadow(const PolicyRow& row) {
    if (row.state == PolicyState::kShadow) return Unchanged(row);
    if (row.state == PolicyState::kActive) {
      return absl::FailedPreconditionError(
          absl::StrCat("policy ", row.version, " is in force: another is judged beside it"));
    }
    if (const PolicyRow* const other = policies_->Shadow()) Enter(*other, PolicyState::kProposed);
    return Done(Enter(row, PolicyState::kShadow));
  }

  absl::StatusOr<PolicyResult> Activate(const PolicyRow& row) {
    if (row.state == PolicyState::kActive) return Unchanged(row);
    const PolicyRow old = policies_->Active();
    PolicyRow next = row;
    next.before = old.version;
    Enter(old, PolicyState::kRetired);
    return Done(Enter(std::move(next), PolicyState::kActive));
  }

  absl::StatusOr<PolicyResult> RollBack(const PolicyRow& row) {
    if (row.state != PolicyState::kActive) return Unchanged(row);
    const PolicyRow* const before = policies_->Find(row.before);
    if (before == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          "policy ", row.version, " is the first that was in force: activate another"));
    }
    const PolicyRow old = row;
    const PolicyRow next = *before;
    Enter(old, PolicyState::kRetired);
    return Done(Enter(next, PolicyState::kActive));
  }

  const PolicyRequest& request_;
  const int64_t wall_us_;
  Policies* const policies_;
  engine::EffectsWriter* const writer_;
};

}  // namespace

absl::StatusOr<PolicyResult> ChangePolicies(const PolicyRequest& request, int64_t wall_us,
                                            Policies* policies, engine::EffectsWriter* writer) {
  return Change(request, wall_us, policies, writer).Make();
}

}  // namespace baton::server
