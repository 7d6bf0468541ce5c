// What commands share about the policy. Functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/admin.h"
#include "tools/baton/context.h"

namespace baton::cli {

// All versions, asked of the node that leads.
absl::StatusOr<std::vector<PolicyInfo>> ReadPolicies(const Context& context);

const char* RankCriterionName(RankCriterion criterion);  // "barred"
// INVALID_ARGUMENT says which there are.
absl::StatusOr<RankCriterion> ParseRankCriterion(std::string_view name);

}  // namespace baton::cli
