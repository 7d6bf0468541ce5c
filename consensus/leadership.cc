#include "consensus/leadership.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/quorum.h"

namespace baton::consensus {

Leadership::Leadership(const Core& core, const Ballot& ballot)
    : ballot_(ballot),
      next_heartbeat_us_(core.now_us + core.config.timing.heartbeat_us),
      began_us_(core.now_us),
      accepted_(core.log.last().slot.Next()) {
  for (const Member& member : core.membership.members) {
    if (member.node == core.self()) continue;
    peers_.emplace(member.node, PeerProgress(core.log.last().slot.Next()));
  }
}

void Leadership::Begin(Core* core, Slot predecessor_durable) {
  core->actions.push_back(
      OpenReign{NextEntryId(*core), Reign{.ballot = ballot_,
                                          .cause = Cause::kElection,
                                          .predecessor = core->log.last().born,
                                          .predecessor_durable = predecessor_durable}});
}

void Leadership::OnProposed(Core* core, const Entry& entry) {
  const auto* reign = std::get_if<Reign>(&entry.core);
  BATON_CHECK(entry.id == NextEntryId(*core))
      << ToString(entry.id) << " proposed, " << ToString(NextEntryId(*core)) << " is next";
  BATON_CHECK((reign != nullptr) == !proposed_) << "a reign begins with its Reign, and only that";
  BATON_CHECK(proposed_ || reign->ballot == ballot_) << "the Reign of " << ToString(reign->ballot);
  BATON_CHECK(!proposed_ || open_) << "proposed before the reign is open";
  BATON_CHECK(!sealed_) << ToString(entry.id) << " would follow a Seal";
  BATON_CHECK(!std::holds_alternative<Membership>(entry.core)) << "members cannot be changed yet";
  proposed_ = true;
  sealed_ = std::holds_alternative<Seal>(entry.core);
  uncommitted_bytes_ += entry.size();
  core->log.Append(entry);
  core->Write(/*hard_state=*/false, {entry}, {});
  PumpAll(core);
}

void Leadership::OnAccepted(Core* core, NodeId from, const Accepted& m) {
  const auto found = peers_.find(from);
  if (m.ballot != ballot_ || found == peers_.end()) return;
  // What no sound peer states.
  if (m.sent_at_us > core->now_us || m.read_round > reads_.round()) return;
  if (m.matched && m.match > core->log.last().slot) return;
  PeerProgress& peer = found->second;

  int64_t& heard_us = heard_us_[from];
  heard_us = std::max(heard_us, core->now_us);
  if (m.lease_granted) lease_.Granted(from, m.sent_at_us);
  reads_.Acknowledged(from, m.read_round);
  AdvanceReads(core);

  if (m.matched) {
    peer.Matched(m.match);
    accepted_.Accepted(from, m.match);
    AdvanceCommit(core);
    Pump(core, from, &peer);
  } else if (m.hint.slot < core->log.base().slot) {
    // Had it the base it would have named that, or something newer.
    peer.FellBehind(core->log.base().slot.Next());
  } else if (peer.Mismatched(core->log.NewestAtMost(m.hint).slot, m.sent_at_us, core->now_us)) {
    Pump(core, from, &peer);
  }
}

void Leadership::OnPersisted(Core* core) { AdvanceCommit(core); }

void Leadership::OnLogRead(Core* core, const LogRead& read) {
  for (auto& [node, peer] : peers_) {
    if (!peer.reading(read.read_id)) continue;
    peer.ReadDone();
    // Otherwise truncated or overtaken meanwhile: the next heartbeat's answer starts it again.
    if (!read.missing && core->StillHolds(peer.next(), read.entries)) {
      SendAccept(core, node, &peer, read.entries);
      Pump(core, node, &peer);
    }
    return;
  }
}

void Leadership::OnReadRequested(Core* core, uint64_t read_id) {
  if (!open_ || reads_.Full()) {
    core->actions.push_back(ReadRefused{read_id});
    return;
  }
  reads_.Add(ReadIndex::Read{read_id, core->commit});
  AdvanceReads(core);
}

void Leadership::OnTick(Core* core) {
  if (core->now_us < next_heartbeat_us_) return;
  next_heartbeat_us_ = core->now_us + core->config.timing.heartbeat_us;
  SendToAll(core);
}

void Leadership::Stop(Core* core, const std::string& reason, bool abdicate) {
  core->actions.push_back(StoppedLeading{ballot_, reason});
  for (const ReadIndex::Read& read : reads_.TakeAll()) {
    core->actions.push_back(ReadRefused{read.read_id});
  }
  if (!abdicate) return;
  for (const auto& [node, peer] : peers_) core->Send(node, Abdicate{ballot_});
}

int64_t Leadership::QuorumLostAtUs(const Core& core) const {
  std::map<NodeId, int64_t> heard = heard_us_;
  heard[core.self()] = core.now_us;
  return ReachedByQuorum(core.membership, heard, began_us_) + core.config.timing.lease_us;
}

int64_t Leadership::LeaseEndUs(const Core& core) const {
  return open_ ? lease_.EndUs(core.membership, core.self(), core.now_us, core.config.timing) : 0;
}

bool Leadership::MayPropose(const Core& core) const {
  return open_ && !sealed_ && uncommitted_bytes_ < core.config.uncommitted_bytes_max;
}

EntryId Leadership::NextEntryId(const Core& core) const {
  return EntryId{ballot_, core.log.last().slot.Next()};
}

Slot Leadership::MatchOf(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? Slot{} : found->second.match();
}

void Leadership::SendAccept(Core* core, NodeId to, PeerProgress* peer, std::vector<Entry> entries) {
  const Slot prev = std::max(peer->next().Prev(), core->log.base().slot);
  peer->Sent(entries);
  commit_sent_[to] = core->commit;
  core->Send(to, Accept{.ballot = ballot_,
                        .prev = core->log.IdAt(prev),
                        .entries = std::move(entries),
                        .commit = core->commit,
                        .sent_at_us = core->now_us,
                        .lease_us = core->config.timing.lease_us,
                        .read_round = reads_.round(),
                        .durable = core->disk.durable()});
}

// Sends what the peer may be sent now. When nothing else is on its way, a commit slot it does not
// know yet travels alone.
void Leadership::Pump(Core* core, NodeId to, PeerProgress* peer) {
  while (peer->MaySend(core->config.inflight_bytes_max) && core->log.base().slot < peer->next() &&
         peer->next() <= core->log.last().slot) {
    std::vector<Entry> entries = core->log.Take(peer->next(), core->config.message_bytes_max);
    if (entries.empty()) {
      peer->Reading(core->Read(peer->next(), core->config.message_bytes_max));
      return;
    }
    SendAccept(core, to, peer, std::move(entries));
  }
  if (!peer->in_flight() && commit_sent_[to] < core->commit && peer->match() > commit_sent_[to]) {
    SendAccept(core, to, peer, {});
  }
}

void Leadership::PumpAll(Core* core) {
  for (auto& [node, peer] : peers_) Pump(core, node, &peer);
}

void Leadership::SendToAll(Core* core) {
  for (auto& [node, peer] : peers_) SendAccept(core, node, &peer, {});
}

void Leadership::AdvanceCommit(Core* core) {
  const Slot reign = accepted_.reign_slot();
  // Its own acceptance counts once its own disk has it, like any other.
  accepted_.Accepted(core->self(), core->disk.durable());
  const Slot chosen = accepted_.Chosen(core->membership);
  if (chosen <= core->commit) return;
  for (Slot slot = std::max(core->commit.Next(), reign); slot <= chosen; slot = slot.Next()) {
    uncommitted_bytes_ -= core->log.Find(slot)->size();  // uncommitted, hence in memory
  }
  core->CommitTo(chosen);
  if (!open_) {
    open_ = true;
    core->actions.push_back(ReignOpened{ballot_});
  }
  PumpAll(core);
}

void Leadership::AdvanceReads(Core* core) {
  do {
    for (const ReadIndex::Read& read : reads_.TakeConfirmed(core->membership, core->self())) {
      core->actions.push_back(ReadReady{read.read_id, read.slot});
    }
    if (!reads_.BeginRound()) return;
    SendToAll(core);
  } while (QuorumSize(core->membership) == 1);
}

void Leadership::Feed(Hasher* hasher) const {
  hasher->Add(ballot_);
  hasher->Add(uint64_t{proposed_} << 2 | uint64_t{open_} << 1 | uint64_t{sealed_});
  hasher->Add(uncommitted_bytes_);
  hasher->AddTime(next_heartbeat_us_);
  hasher->AddTime(began_us_);
  hasher->Add(uint64_t{peers_.size()});
  for (const auto& [node, peer] : peers_) {
    hasher->Add(node);
    peer.Feed(hasher);
  }
  hasher->Add(commit_sent_);
  hasher->Add(heard_us_);
  accepted_.Feed(hasher);
  lease_.Feed(hasher);
  reads_.Feed(hasher);
}

}  // namespace baton::consensus
