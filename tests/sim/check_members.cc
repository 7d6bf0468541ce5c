#include "tests/sim/check_members.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "consensus/quorum.h"

namespace baton::sim {
namespace {

using consensus::Configuration;
using consensus::Member;
using consensus::Membership;
using consensus::Role;

std::string Name(Epoch epoch) { return "epoch " + std::to_string(epoch.value); }

}  // namespace

void CheckMembers::Look(Machine& machine) {
  if (machine.core() == nullptr) return;
  const Configuration& front = machine.core()->configurations().all().front();
  Seen& seen = seen_[machine.number() - 1];
  if (seen.epoch == front.membership.epoch && seen.at == front.at) return;
  seen = {front.at, front.membership.epoch};
  Choose(machine, front);
}

void CheckMembers::Choose(Machine& machine, const Configuration& configuration) {
  const Membership& membership = configuration.membership;
  const auto [place, added] =
      chosen_.try_emplace(membership.epoch, Chosen{configuration.at, membership});
  Chosen& chosen = place->second;
  if (chosen.at == EntryId{}) chosen.at = configuration.at;
  const bool same = configuration.at == EntryId{} || chosen.at == configuration.at;
  if (!same || chosen.membership != membership) {
    return Violated(Name(membership.epoch) + " is chosen with two memberships, one at node " +
                    std::to_string(machine.number()));
  }
  if (!added) return;
  if (place != chosen_.begin()) CheckStep(std::prev(place)->second, chosen);
  if (std::next(place) != chosen_.end()) CheckStep(chosen, std::next(place)->second);
  Count(machine, chosen);
}

void CheckMembers::CheckStep(const Chosen& before, const Chosen& after) {
  if (after.at != EntryId{} && after.at.slot <= before.at.slot) {
    Violated(Name(after.membership.epoch) + " is in the log before an older one");
  }
  if (after.membership.epoch.value != before.membership.epoch.value + 1) return;
  const auto voters = [](const std::vector<Member>& members) {
    return consensus::VotersAmong(members);
  };
  const std::vector<NodeId> old_voters = voters(before.membership.members);
  bool right = false;
  if (before.membership.joint()) {
    right = !after.membership.joint() && after.membership.members == before.membership.members;
  } else if (after.membership.joint()) {
    right = voters(after.membership.outgoing) == old_voters;
  } else {
    right = voters(after.membership.members) == old_voters;
  }
  if (!right) Violated(Name(after.membership.epoch) + " does not follow from the one before");
}

void CheckMembers::Count(Machine& machine, const Chosen& chosen) {
  if (chosen.at == EntryId{}) return;
  Coverage& coverage = cluster_->coverage();
  if (chosen.at.born < machine.core()->promised()) coverage.Add(Path::kChangeOutlivedLeader);
  if (chosen.membership.joint()) return;
  auto before = chosen_.find(Epoch{chosen.membership.epoch.value - 1});
  if (before == chosen_.end()) return;
  if (before->second.membership.joint()) {
    if (before->second.at.born != chosen.at.born) coverage.Add(Path::kJointLeftByAnother);
    before = chosen_.find(Epoch{chosen.membership.epoch.value - 2});
    if (before == chosen_.end()) return;
  }
  CountChange(before->second.membership, chosen);
}

void CheckMembers::CountChange(const Membership& before, const Chosen& settled) {
  Coverage& coverage = cluster_->coverage();
  const auto was = [&](NodeId node) { return consensus::FindMember(before, node); };
  const auto is = [&](NodeId node) { return consensus::FindMember(settled.membership, node); };
  bool promoted = false;
  bool voter_left = false;
  for (const Member& member : settled.membership.members) {
    if (was(member.node) == nullptr) coverage.Add(Path::kMemberAdded);
    promoted |= member.role == Role::kVoter && was(member.node) != nullptr &&
                was(member.node)->role == Role::kLearner;
  }
  for (const Member& member : before.members) {
    if (is(member.node) != nullptr) continue;
    coverage.Add(Path::kMemberRemoved);
    voter_left |= consensus::Votes(member);
  }
  if (promoted) coverage.Add(voter_left ? Path::kMemberSwapped : Path::kMemberPromoted);
  const NodeId leader = settled.at.born.node;
  if (was(leader) != nullptr && is(leader) == nullptr) coverage.Add(Path::kLeaderRemovedItself);
}

void CheckMembers::CheckAnswers() {
  const MembersAsked& asked = cluster_->asked();
  for (size_t i = 0; i < asked.all().size(); ++i) CheckAnswer(asked.all()[i], i);
  for (const auto& [epoch, chosen] : chosen_) {
    const auto number = asked.AskOf(chosen.membership.members);
    if (!number) continue;
    const MembersAsk& ask = asked.all()[*number];
    if (ask.told == MembersAsk::Told::kRefused) {
      Violated(Name(epoch) + " is chosen, and was refused");
    } else if (!ask.legal) {
      Violated(Name(epoch) + " is chosen, and breaks a rule");
    } else if (ask.wanted != chosen.membership.members) {
      Violated(Name(epoch) + " is chosen, and nobody asked for these members");
    } else if (epoch.value <= ask.from.value || epoch.value > ask.from.value + 2) {
      Violated(Name(epoch) + " is chosen, and was asked from " + Name(ask.from));
    }
  }
}

void CheckMembers::CheckAnswer(const MembersAsk& ask, size_t number) {
  if (ask.told != MembersAsk::Told::kDone) return;
  const auto chosen = chosen_.find(ask.epoch);
  const std::string change = "change " + std::to_string(number);
  if (chosen == chosen_.end()) {
    return Violated(change + " was answered as done, and no " + Name(ask.epoch) + " is chosen");
  }
  const Membership& membership = chosen->second.membership;
  if (membership.joint() || membership.members != ask.wanted) {
    Violated(change + " was answered as done, and " + Name(ask.epoch) + " is another");
  }
}

}  // namespace baton::sim
