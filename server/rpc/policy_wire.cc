#include "server/rpc/policy_wire.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "server/rpc/failure.h"
#include "server/rpc/requests.h"

namespace baton::server {
namespace {

// On the wire 0 is none.
constexpr int kCriterionOffset = 1;
static_assert(static_cast<int>(consensus::Criterion::kPriority) + kCriterionOffset ==
              v1::RANK_CRITERION_PRIORITY);
static_assert(static_cast<int>(PolicyState::kRetired) == v1::POLICY_STATE_RETIRED);
static_assert(static_cast<int>(PolicyRequest::Change::kRollBack) == v1::POLICY_CHANGE_ROLL_BACK);

Failure ParseLimit(const v1::PolicyLimit& limit, PolicyRequest* to) {
  const auto& infos = PolicyLimitInfos();
  const auto* const info = std::find_if(
      infos.begin(), infos.end(), [&limit](const auto& each) { return each.name == limit.name(); });
  if (info == infos.end()) {
    return InvalidRequest("a policy has no limit of that name: `policy show` lists those it has");
  }
  to->limits.emplace_back(static_cast<PolicyLimit>(info - infos.begin()), limit.value());
  return {};
}

}  // namespace

Failure ParsePolicyChange(const v1::ChangePolicyRequest& request, PolicyRequest* to) {
  if (!v1::PolicyChange_IsValid(request.change()) ||
      request.change() == v1::POLICY_CHANGE_UNSPECIFIED) {
    return InvalidRequest("the change of policy is none that this node knows");
  }
  to->change = static_cast<PolicyRequest::Change>(request.change());
  to->version = request.version();
  if (to->change != PolicyRequest::Change::kPropose &&
      (request.rank_size() > 0 || request.limits_size() > 0)) {
    return InvalidRequest(
        "rank and limits are parts of a proposal: propose a version, activate it");
  }
  for (const int criterion : request.rank()) {
    if (criterion < v1::RANK_CRITERION_BARRED || criterion > v1::RANK_CRITERION_PRIORITY) {
      return InvalidRequest("leaders are ranked by nothing of that number");
    }
    to->order.push_back(static_cast<consensus::Criterion>(criterion - kCriterionOffset));
  }
  for (const v1::PolicyLimit& limit : request.limits()) {
    if (Failure failure = ParseLimit(limit, to); !failure.ok()) return failure;
  }
  return {};
}

void ToProto(const PolicyRow& from, v1::PolicyRecord* to) {
  to->set_version(from.version);
  to->set_state(static_cast<v1::PolicyState>(from.state));
  to->set_before(from.before);
  to->set_since_us(from.since_us);
  for (const consensus::Criterion criterion : from.policy.order) {
    to->add_rank(static_cast<v1::RankCriterion>(static_cast<int>(criterion) + kCriterionOffset));
  }
  for (size_t i = 0; i < kPolicyLimits; ++i) {
    const PolicyLimitInfo& info = PolicyLimitInfos()[i];
    v1::PolicyLimit* const limit = to->add_limits();
    limit->set_name(std::string(info.name));
    limit->set_value(from.policy.limits[i]);
    limit->set_unit(std::string(info.unit));
    limit->set_usual(info.usual);
    limit->set_max(info.max);
    limit->set_what(std::string(info.what));
  }
  to->set_actor(from.actor);
  to->set_reason(from.reason);
}

Failure FillResponse(const Answer& answer, v1::ChangePolicyResponse* to) {
  const auto* result = std::get_if<PolicyResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "a change of policy was answered with something else";
  ToProto(answer.position, to->mutable_position());
  ToProto(result->row, to->mutable_policy());
  to->set_unchanged(result->unchanged);
  return {};
}

}  // namespace baton::server
