#include "consensus/configurations.h"

#include <utility>
#include <variant>

#include "base/check.h"

namespace baton::consensus {

Configurations::Configurations(std::vector<Configuration> all) : all_(std::move(all)) {
  BATON_CHECK(!all_.empty()) << "a node without a configuration";
  for (size_t i = 1; i < all_.size(); ++i) {
    BATON_CHECK(all_[i - 1].at.slot < all_[i].at.slot &&
                all_[i - 1].membership.epoch < all_[i].membership.epoch)
        << "configurations out of order at epoch " << all_[i].membership.epoch.value;
  }
}

bool Configurations::Appended(const Entry& entry) {
  const auto* membership = std::get_if<Membership>(&entry.core);
  if (membership == nullptr || membership->epoch <= newest().epoch) return false;
  all_.push_back(Configuration{entry.id, *membership});
  return true;
}

bool Configurations::CutFrom(Slot first) {
  bool changed = false;
  while (all_.size() > 1 && all_.back().at.slot >= first) {
    all_.pop_back();
    changed = true;
  }
  return changed;
}

void Configurations::Chosen(Slot commit) {
  const auto newer = std::find_if(all_.begin() + 1, all_.end(),
                                  [&](const Configuration& each) { return commit < each.at.slot; });
  all_.erase(all_.begin(), newer - 1);
}

bool Configurations::IsMember(NodeId node) const { return Members().contains(node); }

bool Configurations::MayLead(NodeId node) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Configuration& each) {
    return consensus::MayLead(each.membership, node);
  });
}

std::set<NodeId> Configurations::Members() const {
  std::set<NodeId> members = Voters();
  for (const Configuration& each : all_) {
    for (const Member& member : each.membership.members) members.insert(member.node);
  }
  return members;
}

std::set<NodeId> Configurations::Voters() const {
  std::set<NodeId> voters;
  for (const Configuration& each : all_) {
    for (NodeId node : VotersAmong(each.membership.members)) voters.insert(node);
    for (NodeId node : VotersAmong(each.membership.outgoing)) voters.insert(node);
  }
  return voters;
}

bool Configurations::IsQuorum(const std::set<NodeId>& nodes) const {
  return std::all_of(all_.begin(), all_.end(), [&](const Configuration& each) {
    return consensus::IsQuorum(each.membership, nodes);
  });
}

bool Configurations::QuorumOutOfReach(const std::set<NodeId>& refused) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Configuration& each) {
    return consensus::QuorumOutOfReach(each.membership, refused);
  });
}

void Configurations::Feed(Hasher* hasher) const {
  hasher->Add(uint64_t{all_.size()});
  for (const Configuration& each : all_) {
    hasher->Add(each.at);
    hasher->Add(each.membership.epoch.value);
    for (const auto* members : {&each.membership.members, &each.membership.outgoing}) {
      hasher->Add(uint64_t{members->size()});
      for (const Member& member : *members) {
        hasher->Add(member.node);
        hasher->Add(static_cast<uint64_t>(member.role));
        hasher->AddBytes(member.card);
      }
    }
  }
}

}  // namespace baton::consensus
