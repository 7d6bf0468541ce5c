#include "tests/sim/memberships.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "consensus/quorum.h"

namespace baton::sim {

using consensus::Configuration;
using consensus::Membership;

Membership NewestChosen(const Cluster& cluster) {
  Membership newest;
  for (uint32_t n = 1; n <= cluster.size(); ++n) {
    const std::vector<Configuration>& known = cluster.machine(n).configurations().all();
    if (!known.empty() && newest.epoch < known.front().membership.epoch) {
      newest = known.front().membership;
    }
  }
  BATON_CHECK(newest.epoch != Epoch{}) << "no node has begun";
  return newest;
}

std::vector<Membership> CountedBy(const Cluster& cluster, const std::vector<uint32_t>& nodes) {
  std::vector<Membership> all;
  for (const uint32_t n : nodes) {
    const consensus::Configurations& known = cluster.machine(n).configurations();
    if (known.all().empty()) continue;
    if (std::find(all.begin(), all.end(), known.newest()) == all.end()) {
      all.push_back(known.newest());
    }
  }
  return all;
}

std::vector<Membership> AllThatMayCount(const Cluster& cluster) {
  std::vector<uint32_t> nodes(cluster.size());
  std::iota(nodes.begin(), nodes.end(), 1);
  std::vector<Membership> all = CountedBy(cluster, nodes);
  for (Membership& open : cluster.asked().Open(NewestChosen(cluster).epoch)) {
    all.push_back(std::move(open));
  }
  return all;
}

bool CanServe(const std::vector<Membership>& memberships, const std::vector<uint32_t>& nodes) {
  std::set<NodeId> ids;
  for (const uint32_t n : nodes) ids.insert(NodeId{n});
  const bool quorum = std::all_of(memberships.begin(), memberships.end(),
                                  [&](const auto& each) { return consensus::IsQuorum(each, ids); });
  return quorum && std::any_of(ids.begin(), ids.end(), [&](NodeId node) {
           return std::all_of(memberships.begin(), memberships.end(), [&](const Membership& each) {
             return consensus::MayLead(each, node);
           });
         });
}

std::vector<uint32_t> SoundNodes(const Cluster& cluster) {
  std::vector<uint32_t> sound;
  for (uint32_t n = 1; n <= cluster.size(); ++n) {
    const Machine& machine = cluster.machine(n);
    if (machine.in_use() && machine.damaged() == Slot{}) sound.push_back(n);
  }
  return sound;
}

std::vector<uint32_t> CurrentMembers(const Cluster& cluster) {
  std::vector<uint32_t> members;
  for (const consensus::Member& member : NewestChosen(cluster).members) {
    members.push_back(member.node.value);
  }
  return members;
}

}  // namespace baton::sim
