#include "server/replica/handover_risk.h"

#include "absl/strings/str_cat.h"

namespace baton::server {

HandoverRisk RiskOf(const consensus::Replica& core, const std::vector<ReignRow>& reigns, NodeId to,
                    int64_t wall_us) {
  const auto region = [&core](NodeId node) {
    const auto found = core.health().nodes.find(node);
    return found == core.health().nodes.end() ? uint8_t{0} : found->second.region;
  };
  return {region(core.self()), region(to), MovesInHour(reigns, wall_us)};
}

uint64_t MovesInHour(const std::vector<ReignRow>& reigns, int64_t wall_us) {
  constexpr int64_t kHourUs = 3'600'000'000;
  uint64_t moves = 0;
  for (size_t i = 1; i < reigns.size(); ++i) {
    const bool moved = reigns[i].reign.ballot.node != reigns[i - 1].reign.ballot.node;
    moves += moved && reigns[i].wall_time_us > wall_us - kHourUs;
  }
  return moves;
}

std::string AsksApproval(const Policy& policy, const HandoverRisk& risk) {
  std::string why;
  if (policy[PolicyLimit::kApproveCrossRegion] != 0 && risk.from_region != risk.to_region) {
    absl::StrAppend(&why, "it goes from region ", risk.from_region, " to region ", risk.to_region);
  }
  const uint64_t free = policy[PolicyLimit::kApproveMovesPerHour];
  if (free != 0 && risk.moves + 1 > free) {
    absl::StrAppend(&why, why.empty() ? "" : "; ", "it is move ", risk.moves + 1,
                    " within an hour, of which ", free, " go without approval");
  }
  return why;
}

}  // namespace baton::server
