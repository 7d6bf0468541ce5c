// What a leader does about members: it makes a change, one step after the other, and knows what is
// held by those who hold data.
#include <algorithm>
#include <utility>

#include "consensus/leadership.h"
#include "consensus/membership_change.h"
#include "consensus/quorum.h"

namespace baton::consensus {

// Those who came with a configuration; those who left are forgotten once the change is done.
void Leadership::MeetPeers(const Core& core) {
  const std::set<NodeId> members = core.configurations().Members();
  std::erase_if(peers_, [&](const auto& peer) { return !members.contains(peer.first); });
  for (NodeId node : members) {
    if (node == core.self()) continue;
    peers_.try_emplace(node, Peer{.progress = PeerProgress(core.log.last().slot.Next())});
  }
}

void Leadership::OnMembersRequested(Core* core, const MembersRequested& request) {
  std::map<NodeId, MemberState> states{{core->self(), {core->disk.durable(), LagClass::kClose}}};
  for (const auto& [node, peer] : peers_) {
    states[node] = {peer.progress.match(), LagOf(*core, peer)};
  }
  std::string why = !open_ || sealed_ || proposing_
                        ? "this leader has not begun, or hands over: try again in a moment"
                        : WhyNot(core->configurations(), request.members, states, core->commit,
                                 core->config.learner_lag_max);
  if (!why.empty()) {
    core->actions.push_back(MembersRefused{request.request_id, std::move(why)});
    return;
  }
  ProposeMembership(core, request.request_id, FirstStep(core->membership(), request.members));
}

void Leadership::ProposeMembership(Core* core, uint64_t request_id, Membership membership) {
  proposing_ = membership;
  changing_ = true;
  voters_change_ |= membership.joint();
  core->actions.push_back(ProposeMembers{request_id, NextEntryId(*core), std::move(membership)});
}

// Takes the next step of a change, whoever began it, once what is in force is chosen. Where voters
// change it must also be known to a holder of data in every quorum of what follows: those that are
// left behind are not asked any more, and a witness leads nobody.
void Leadership::AdvanceMembers(Core* core) {
  if (!changing_ || !open_ || proposing_ || sealed_) return;
  if (core->configurations().all().size() > 1) return;
  if (core->membership().joint()) {
    Membership next = LastStep(core->membership());
    if (HeldInForceBy(*core, next)) ProposeMembership(core, 0, std::move(next));
    return;
  }
  if (voters_change_ && !LeftMayGo(*core)) return;
  changing_ = voters_change_ = false;
  MeetPeers(*core);
  core->actions.push_back(MembersSettled{core->membership().epoch});
}

bool Leadership::LeftMayGo(const Core& core) const {
  return open_ && core.configurations().Settled() && HeldInForceBy(core, core.membership());
}

// The entry of the membership in force is with a holder of data in every quorum of `members`.
bool Leadership::HeldInForceBy(const Core& core, const Membership& members) const {
  const auto held = [&](NodeId node) { return HeldWithData(core, node); };
  return core.configurations().all().back().at.slot <= HeldInEveryQuorum(members, held);
}

bool Leadership::Removed(const Core& core) const {
  return open_ && !changing_ && core.configurations().Settled() &&
         !MayLead(core.membership(), core.self());
}

// Up to where the disk of a node that holds data, by any configuration, has the log.
Slot Leadership::HeldWithData(const Core& core, NodeId node) const {
  if (!core.configurations().MayLead(node)) return Slot{};
  return node == core.self() ? core.disk.durable() : MatchOf(node);
}

// What a witness may forget. Where there is none, those who chose what is committed hold data, and
// every quorum has one of them.
Slot Leadership::DataFloor(const Core& core) const {
  if (!core.configurations().HasWitness()) return core.commit;
  const auto held = [&](NodeId node) { return HeldWithData(core, node); };
  return std::min(core.commit, core.configurations().HeldInEveryQuorum(held));
}

// A witness begins its log where this log begins, and gives nothing before that to anybody: all of
// it must be held by voters with data in every quorum. That was so once it was said, by a former
// leader too, and wherever the log was cut because every member had it. What the only witness lacks
// was chosen without it, and so it is.
bool Leadership::MayBeginAnew(const Core& core, NodeId node) const {
  if (!core.configurations().IsWitness(node)) return true;
  const Slot held = std::max({DataFloor(core), core.data_floor, log_floor_});
  return core.log.base().slot <= held || !core.configurations().HasWitnessBeside(node);
}

}  // namespace baton::consensus
