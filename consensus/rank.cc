#include "consensus/rank.h"

#include <tuple>

namespace baton::consensus {

uint32_t Rank(const Configurations& configurations, const HealthTable& table, NodeId self,
              NodeId lapsed) {
  const auto key = [&](NodeId node) {
    const auto found = table.nodes.find(node);
    return std::tuple(node == lapsed, found == table.nodes.end() ? NodeHealth{} : found->second,
                      node);
  };
  uint32_t before = 0;
  for (NodeId node : configurations.Voters()) {
    before += configurations.MayLead(node) && key(node) < key(self);
  }
  return before;
}

}  // namespace baton::consensus
