#include "tools/baton/policy.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "tools/baton/pages.h"

namespace baton::cli {
namespace {

// By RankCriterion, from 1.
constexpr std::array<const char*, 6> kNames = {"barred", "recovering", "lag",
                                               "disk",   "region",     "priority"};

}  // namespace

absl::StatusOr<std::vector<PolicyInfo>> ReadPolicies(const Context& context) {
  std::vector<PolicyInfo> policies;
  const absl::Status listed =
      ForEachRow(context, &Admin::ListPolicies, &PolicyPage::policies, [&](PolicyInfo policy) {
        policies.push_back(std::move(policy));
        return absl::OkStatus();
      });
  if (!listed.ok()) return listed;
  return policies;
}

const char* RankCriterionName(RankCriterion criterion) {
  const auto at = static_cast<size_t>(criterion);
  return at >= 1 && at <= kNames.size() ? kNames[at - 1] : "unknown";
}

absl::StatusOr<RankCriterion> ParseRankCriterion(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<RankCriterion>(i + 1);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "leaders are not ranked by ", std::string(name),
      ": give barred, recovering, lag, disk, region and priority, each once, the first first"));
}

}  // namespace baton::cli
