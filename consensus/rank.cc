#include "consensus/rank.h"

#include <array>
#include <tuple>

namespace baton::consensus {
namespace {

using Place = std::array<uint8_t, kRankOrder.size()>;  // what is smaller comes first

uint8_t ValueOf(const NodeHealth& health, Criterion criterion) {
  switch (criterion) {
    case Criterion::kBarred:
      return health.barred;
    case Criterion::kRecovering:
      return health.recovering;
    case Criterion::kLag:
      return static_cast<uint8_t>(health.lag);
    case Criterion::kDisk:
      return static_cast<uint8_t>(health.disk);
    case Criterion::kRegion:
      return health.region;
    case Criterion::kPriority:
      return health.priority;
  }
  return 0;
}

Place PlaceOf(const NodeHealth& health, const RankOrder& order) {
  Place place{};
  for (size_t i = 0; i < place.size(); ++i) place[i] = ValueOf(health, order[i]);
  return place;
}

}  // namespace

uint32_t Rank(const Configurations& configurations, const HealthTable& table, NodeId self,
              NodeId lapsed) {
  const auto key = [&](NodeId node) {
    const auto found = table.nodes.find(node);
    const NodeHealth health = found == table.nodes.end() ? NodeHealth{} : found->second;
    return std::tuple(node == lapsed, PlaceOf(health, table.order), node);
  };
  uint32_t before = 0;
  for (NodeId node : configurations.Voters()) {
    before += configurations.MayLead(node) && key(node) < key(self);
  }
  return before;
}

NodeId FirstInRank(const Configurations& configurations, const HealthTable& table, NodeId lapsed) {
  for (NodeId node : configurations.Voters()) {
    if (node == lapsed || !configurations.MayLead(node)) continue;
    if (Rank(configurations, table, node, lapsed) == 0) return node;
  }
  return lapsed;
}

}  // namespace baton::consensus
