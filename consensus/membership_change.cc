#include "consensus/membership_change.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/check.h"
#include "consensus/quorum.h"
#include "consensus/well_formed.h"

namespace baton::consensus {
namespace {

std::string Name(NodeId node) { return "node " + std::to_string(node.value); }

std::string WhyNotRole(const Member& wanted, const Member* now) {
  if (now == nullptr) {
    if (wanted.role != Role::kVoter) return "";
    return Name(wanted.node) + " would vote before it has the log: add it as a learner first";
  }
  if (now->role != wanted.role && (now->role == Role::kWitness || wanted.role == Role::kWitness)) {
    return Name(wanted.node) +
           " cannot turn from or into a witness: remove it, and add a new node in its place";
  }
  return "";
}

std::string WhyNotPromoted(const Member& wanted, const Member* now, const MemberState& state,
                           Slot commit, uint64_t learner_lag_max) {
  if (wanted.role != Role::kVoter || now == nullptr || Votes(*now)) return "";
  if (!state.heard()) return Name(wanted.node) + " is not heard: start it, then try again";
  if (state.lag == LagClass::kFar) {
    return Name(wanted.node) + " is far behind, or needs a snapshot: wait until it has caught up";
  }
  if (state.match.value + learner_lag_max < commit.value) {
    return Name(wanted.node) + " is " + std::to_string(commit.value - state.match.value) +
           " entries behind, " + std::to_string(learner_lag_max) +
           " are allowed: wait until it has caught up";
  }
  return "";
}

std::set<NodeId> Heard(const std::map<NodeId, MemberState>& states) {
  std::set<NodeId> heard;
  for (const auto& [node, state] : states) {
    if (state.heard()) heard.insert(node);
  }
  return heard;
}

bool LeavesNobodyToLead(const std::vector<Member>& wanted) {
  return std::none_of(wanted.begin(), wanted.end(),
                      [](const Member& member) { return member.role == Role::kVoter; });
}

// The change comes to its end once in every quorum of the new members a holder of data has it.
bool MayEnd(const Membership& joint, const std::map<NodeId, MemberState>& states) {
  const auto heard = [&](NodeId node) {
    const auto state = states.find(node);
    return Slot{state != states.end() && state->second.heard() && MayLead(joint, node)};
  };
  return HeldInEveryQuorum(LastStep(joint), heard) > Slot{};
}

}  // namespace

std::string WhyNot(const Configurations& now, const std::vector<Member>& wanted,
                   const std::map<NodeId, MemberState>& states, Slot commit,
                   uint64_t learner_lag_max) {
  const Membership& membership = now.newest();
  if (!now.Settled()) {
    return "a change of members is under way (epoch " + std::to_string(membership.epoch.value) +
           "): wait until it is done";
  }
  const Membership next = FirstStep(membership, wanted);
  if (next.members == membership.members) return "nothing would change";
  if (LeavesNobodyToLead(wanted)) return "no voter that holds data would be left";
  // All members of before are there until the first step is chosen.
  std::string malformed = WhyMalformed({next.epoch, next.members, membership.members});
  if (!malformed.empty()) return malformed;
  for (const Member& member : wanted) {
    const Member* before = FindMember(membership, member.node);
    const auto state = states.find(member.node);
    std::string why = WhyNotRole(member, before);
    if (why.empty()) {
      why = WhyNotPromoted(member, before, state == states.end() ? MemberState{} : state->second,
                           commit, learner_lag_max);
    }
    if (!why.empty()) return why;
  }
  if (!IsQuorum(next, Heard(states))) {
    return "the voters that are heard now would be no quorum: bring nodes back first";
  }
  if (next.joint() && !MayEnd(next, states)) {
    return "a quorum of the new voters would have none that holds data and is heard: bring nodes "
           "back first";
  }
  return "";
}

Membership FirstStep(const Membership& now, std::vector<Member> wanted) {
  std::sort(wanted.begin(), wanted.end(),
            [](const Member& a, const Member& b) { return a.node < b.node; });
  Membership next{Epoch{now.epoch.value + 1}, std::move(wanted), {}};
  if (VotersAmong(next.members) != VotersAmong(now.members)) {
    std::copy_if(now.members.begin(), now.members.end(), std::back_inserter(next.outgoing), Votes);
  }
  return next;
}

Membership LastStep(const Membership& joint) {
  BATON_CHECK(joint.joint()) << "epoch " << joint.epoch.value << " is no step on a way";
  return Membership{Epoch{joint.epoch.value + 1}, joint.members, {}};
}

}  // namespace baton::consensus
