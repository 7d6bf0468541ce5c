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
  if (all_.size() > 2) all_.erase(all_.begin(), all_.end() - 2);
}

bool Configurations::Appended(const Entry& entry) {
  const auto* membership = std::get_if<Membership>(&entry.core);
  if (membership == nullptr || membership->epoch <= newest().epoch) return false;
  all_.erase(all_.begin(), all_.end() - 1);  // what it follows is chosen
  all_.push_back(Configuration{entry.id, *membership});
  return true;
}

bool Configurations::CutFrom(Slot first) {
  if (all_.size() == 1 || all_.back().at.slot < first) return false;
  all_.pop_back();
  return true;
}

void Configurations::Chosen(Slot commit) {
  if (all_.back().at.slot <= commit) all_.erase(all_.begin(), all_.end() - 1);
}

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

bool Configurations::HasWitness() const {
  return AnyMember([](const Member& member) { return member.role == Role::kWitness; });
}

bool Configurations::IsWitness(NodeId node) const {
  return AnyMember(
      [&](const Member& member) { return member.node == node && member.role == Role::kWitness; });
}

bool Configurations::HasWitnessBeside(NodeId node) const {
  return AnyMember(
      [&](const Member& member) { return member.node != node && member.role == Role::kWitness; });
}

template <class Is>
bool Configurations::AnyMember(const Is& is) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Configuration& each) {
    const Membership& of = each.membership;
    return std::any_of(of.members.begin(), of.members.end(), is) ||
           std::any_of(of.outgoing.begin(), of.outgoing.end(), is);
  });
}

bool Configurations::IsQuorum(const std::set<NodeId>& nodes) const {
  return consensus::IsQuorum(newest(), nodes);
}

bool Configurations::QuorumOutOfReach(const std::set<NodeId>& refused) const {
  return consensus::QuorumOutOfReach(newest(), refused);
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
