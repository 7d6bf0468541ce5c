#include "consensus/leadership.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/quorum.h"
#include "consensus/well_formed.h"

namespace baton::consensus {
namespace {

constexpr uint64_t kFarEntries = 100'000;  // a log further behind is long in coming back

}  // namespace

Leadership::Leadership(const Core& core, const Ballot& ballot)
    : ballot_(ballot),
      next_heartbeat_us_(core.now_us + core.config.timing.heartbeat_us),
      began_us_(core.now_us),
      changing_(!core.configurations().Settled()),
      voters_change_(changing_),
      accepted_(core.log.last().slot.Next()) {
  MeetPeers(core);
}

// What became of a handover is said by the Reign that follows its Seal, whoever's it is.
void Leadership::Begin(Core* core, Slot predecessor_durable, bool takes_over) {
  takes_over_ = takes_over;
  if (takes_over_) {  // most have accepted the Seal
    for (auto& [node, peer] : peers_) peer.progress.Presume();
  }
  Reign reign{.ballot = ballot_,
              .predecessor = core->log.last().born,
              .predecessor_durable = predecessor_durable,
              .policy_version = core->measured.policy_version};
  if (const Seal* seal = core->SealAtEnd()) {
    reign.cause = seal->to == core->self() ? Cause::kHandover : Cause::kAborted;
    reign.handover = seal->handover;
  }
  core->actions.push_back(OpenReign{NextEntryId(*core), reign, takes_over_});
}

std::optional<NodeId> Leadership::Successor(const Core& core) const {
  const Slot end = core.log.last().slot;
  if (!sealed_ || core.commit < end) return std::nullopt;
  const NodeId to = core.SealAtEnd()->to;
  return MatchOf(to) < end ? std::nullopt : std::optional(to);
}

void Leadership::OnProposed(Core* core, const Proposed& proposed) {
  const Entry& entry = proposed.entry;
  const auto* reign = std::get_if<Reign>(&entry.core);
  BATON_CHECK(entry.id == NextEntryId(*core))
      << ToString(entry.id) << " proposed, " << ToString(NextEntryId(*core)) << " is next";
  BATON_CHECK((reign != nullptr) == !proposed_) << "a reign begins with its Reign, and only that";
  BATON_CHECK(proposed_ || reign->ballot == ballot_) << "the Reign of " << ToString(reign->ballot);
  BATON_CHECK(!proposed_ || open_ || takes_over_) << "proposed before the reign is open";
  BATON_CHECK(!sealed_) << ToString(entry.id) << " would follow a Seal";
  if (const auto* membership = std::get_if<Membership>(&entry.core)) {
    BATON_CHECK(std::exchange(proposing_, std::nullopt) == *membership)
        << "epoch " << membership->epoch.value << " was not asked for";
    BATON_CHECK(WhyMalformed(*membership).empty())
        << "epoch " << membership->epoch.value << ": " << WhyMalformed(*membership);
  }
  proposed_ = true;
  log_floor_ = std::max(log_floor_, proposed.log_floor);
  sealed_ = std::holds_alternative<Seal>(entry.core);
  uncommitted_bytes_ += entry.size();
  core->Append(entry);
  core->Write({entry}, {});
  if (std::holds_alternative<Membership>(entry.core)) MeetPeers(*core);
  PumpAll(core);
}

void Leadership::OnAccepted(Core* core, NodeId from, const Accepted& m) {
  const auto found = peers_.find(from);
  if (m.ballot != ballot_ || found == peers_.end()) return;
  // What no sound peer states.
  if (m.sent_at_us > core->now_us || m.read_round > reads_.round()) return;
  if (m.matched && m.match > core->log.last().slot) return;
  Peer& peer = found->second;
  peer.answered_us = std::max(peer.answered_us, m.sent_at_us);
  peer.clock_us = m.clock_us;
  peer.health = m.health;
  if (m.lease_granted) lease_.Granted(from, m.sent_at_us);
  reads_.Acknowledged(from, m.read_round);
  AdvanceReads(core);
  if (m.matched) {
    OnMatched(core, from, &peer, m.match);
  } else {
    OnMismatched(core, from, &peer, m);
  }
}

void Leadership::OnMatched(Core* core, NodeId from, Peer* peer, Slot match) {
  const bool found = peer->progress.probing();
  peer->progress.Matched(match);
  accepted_.Accepted(from, match);
  if (found && !peer->progress.snapshot_failed() && SnapshotIsCheaper(*core, from, match)) {
    SendSnapshotTo(core, from, peer, peer->progress.next(), core->now_us);
  }
  AdvanceCommit(core);
  // A configuration chosen just now may have sent the peer away.
  if (const auto still = peers_.find(from); still != peers_.end()) {
    Pump(core, from, &still->second, State(*core));
  }
}

void Leadership::OnMismatched(Core* core, NodeId from, Peer* peer, const Accepted& m) {
  const EntryId base = core->log.base();
  if (m.hint.slot < base.slot || m.hint.born < base.born) {
    // Had it the base it would have named that, or something newer in both.
    SendSnapshotTo(core, from, peer, core->log.base().slot.Next(), m.sent_at_us);
  } else if (peer->progress.Mismatched(core->log.NewestAtMost(m.hint).slot, m.sent_at_us,
                                       core->now_us)) {
    Pump(core, from, peer, State(*core));
  }
}

void Leadership::SendSnapshotTo(Core* core, NodeId to, Peer* peer, Slot next, int64_t sent_at_us) {
  if (!MayBeginAnew(*core, to)) return;
  if (!peer->progress.BeginSnapshot(next, sent_at_us)) return;
  core->actions.push_back(SendSnapshot{to, ballot_, core->configurations().IsWitness(to)});
}

// By log it takes as long as all that the peer lacks; a snapshot is sent and then written once more
// when it is installed. The share of the log is estimated by the number of entries.
bool Leadership::SnapshotIsCheaper(const Core& core, NodeId node, Slot match) const {
  const Member* member = FindMember(core.membership(), node);
  if (member == nullptr || member->role == Role::kWitness) return false;
  const uint64_t kept = core.log.last().slot.value - core.log.base().slot.value;
  const uint64_t lacks = core.log.last().slot.value - match.value;
  if (lacks == 0 || kept < lacks) return false;
  const double bytes = static_cast<double>(core.measured.log_bytes) * static_cast<double>(lacks) /
                       static_cast<double>(kept);
  return bytes > static_cast<double>(core.config.snapshot_bytes_min) &&
         bytes > 2.0 * static_cast<double>(core.measured.state_bytes);
}

void Leadership::OnSnapshotEnded(Core* core, const SnapshotEnded& ended) {
  const auto found = peers_.find(ended.to);
  if (found == peers_.end()) return;
  found->second.progress.EndSnapshot(ended.failed, core->now_us);
  Pump(core, ended.to, &found->second, State(*core));
}

void Leadership::OnPersisted(Core* core) { AdvanceCommit(core); }

void Leadership::OnLogRead(Core* core, const LogRead& read) {
  for (auto& [node, peer] : peers_) {
    if (!peer.progress.reading(read.read_id)) continue;
    peer.progress.ReadDone();
    // Otherwise truncated or overtaken meanwhile: the next heartbeat's answer starts it again.
    if (!read.missing && core->StillHolds(peer.progress.next(), read.entries)) {
      const Stated stated = State(*core);
      SendAccept(core, node, &peer, read.entries, stated);
      Pump(core, node, &peer, stated);
    }
    return;
  }
}

void Leadership::OnReadRequested(Core* core, uint64_t read_id) {
  if (!open_ || reads_.Full()) {
    core->actions.push_back(ReadRefused{read_id});
    return;
  }
  reads_.Add(ReadIndex::Read{NodeId{}, read_id, core->commit});
  AdvanceReads(core);
}

// While the lease runs nobody else leads, so nothing is committed that this node does not know.
void Leadership::OnAskSlot(Core* core, NodeId from, const AskSlot& m) {
  if (!open_ || reads_.Full()) {
    core->Send(from, TellSlot{m.ask, false, Slot{}});
  } else if (core->now_us < LeaseEndUs(*core)) {
    core->Send(from, TellSlot{m.ask, true, core->commit});
  } else {
    reads_.Add(ReadIndex::Read{from, m.ask, core->commit});
    AdvanceReads(core);
  }
}

void Leadership::OnTick(Core* core) {
  if (core->now_us < next_heartbeat_us_) return;
  next_heartbeat_us_ = core->now_us + core->config.timing.heartbeat_us;
  MeasureHealth(*core);
  SendToAll(core, health_);
}

void Leadership::Stop(Core* core, const std::string& reason, bool abdicate) {
  core->actions.push_back(StoppedLeading{ballot_, reason});
  for (const ReadIndex::Read& read : reads_.TakeAll()) {
    if (read.from == NodeId{}) {
      core->actions.push_back(ReadRefused{read.read_id});
    } else {
      core->Send(read.from, TellSlot{read.read_id, false, Slot{}});
    }
  }
  if (!abdicate) return;
  for (const auto& [node, peer] : peers_) core->Send(node, Abdicate{ballot_});
}

// Up to when a quorum is known to have followed this leader; before the first answers, since it
// began.
int64_t Leadership::QuorumFollowedUs(const Core& core) const {
  const auto followed_us = [&](NodeId node) {
    if (node == core.self()) return core.now_us;
    const auto peer = peers_.find(node);
    return peer == peers_.end() || peer->second.answered_us == 0 ? began_us_
                                                                 : peer->second.answered_us;
  };
  return core.configurations().ReachedByQuorum(followed_us, began_us_);
}

int64_t Leadership::QuorumLostAtUs(const Core& core) const {
  return QuorumFollowedUs(core) + core.config.timing.lease_us;
}

int64_t Leadership::LeaseEndUs(const Core& core) const {
  if (!open_ || !core.config.lease_reads) return 0;
  return lease_.EndUs(core.configurations(), core.self(), core.now_us, core.config.timing);
}

bool Leadership::MayPropose(const Core& core) const {
  const bool begun = open_ || (takes_over_ && proposed_);
  return begun && !sealed_ && !proposing_ && uncommitted_bytes_ < core.config.uncommitted_bytes_max;
}

EntryId Leadership::NextEntryId(const Core& core) const {
  return EntryId{ballot_, core.log.last().slot.Next()};
}

Slot Leadership::MatchOf(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? Slot{} : found->second.progress.match();
}

Leadership::Stated Leadership::State(const Core& core) const {
  return Stated{QuorumFollowedUs(core), DataFloor(core)};
}

void Leadership::SendAccept(Core* core, NodeId to, Peer* peer, std::vector<Entry> entries,
                            const Stated& stated, HealthTable health) {
  const Slot prev = std::max(peer->progress.next().Prev(), core->log.base().slot);
  peer->progress.Sent(entries);
  peer->commit_sent = core->commit;
  core->Send(to,
             Accept{.ballot = ballot_,
                    .prev = core->log.IdAt(prev),
                    .entries = std::move(entries),
                    .commit = core->commit,
                    .sent_at_us = core->now_us,
                    .lease_us = core->config.timing.lease_us,
                    .read_round = reads_.round(),
                    .durable = core->disk.durable(),
                    .proof_age_us = core->gate.ProofAgeUs(core->now_us),
                    .quorum_age_us = core->now_us - stated.followed_us,
                    // Until the reign is open its commit slot need not be all that was committed.
                    .echo_us = !open_ || stated.followed_us == began_us_ ? 0 : peer->clock_us,
                    .data_floor = stated.data_floor,
                    .health = std::move(health)});
}

// Sends what the peer may be sent now. When nothing else is on its way, a commit slot it does not
// know yet travels alone.
void Leadership::Pump(Core* core, NodeId to, Peer* peer, const Stated& stated) {
  PeerProgress& progress = peer->progress;
  while (progress.MaySend(core->config.inflight_bytes_max) &&
         core->log.base().slot < progress.next() && progress.next() <= core->log.last().slot) {
    std::vector<Entry> entries = core->log.Take(progress.next(), core->config.message_bytes_max);
    if (entries.empty()) {
      progress.Reading(core->Read(progress.next(), core->config.message_bytes_max));
      return;
    }
    SendAccept(core, to, peer, std::move(entries), stated);
  }
  if (!progress.in_flight() && peer->commit_sent < core->commit &&
      progress.match() > peer->commit_sent) {
    SendAccept(core, to, peer, {}, stated);
  }
}

void Leadership::PumpAll(Core* core) {
  const Stated stated = State(*core);
  for (auto& [node, peer] : peers_) Pump(core, node, &peer, stated);
}

void Leadership::SendToAll(Core* core, const HealthTable& health) {
  const Stated stated = State(*core);
  for (auto& [node, peer] : peers_) SendAccept(core, node, &peer, {}, stated, health);
}

void Leadership::MeasureHealth(const Core& core) {
  std::map<NodeId, NodeHealth> nodes{{core.self(), core.measured.health}};
  for (const auto& [node, peer] : peers_) {
    NodeHealth health = peer.health;
    health.lag = LagOf(core, peer);
    nodes.emplace(node, health);
  }
  const RankOrder& order = core.measured.order;
  if (nodes == health_.nodes && order == health_.order) return;
  health_ = HealthTable{health_.number + 1, std::move(nodes), order};
}

LagClass Leadership::LagOf(const Core& core, const Peer& peer) const {
  if (peer.answered_us + core.config.timing.lease_us < core.now_us) return LagClass::kSilent;
  const uint64_t lag = core.log.last().slot.value - peer.progress.match().value;
  const bool joined = core.log.base().slot <= peer.progress.match();
  if (!joined || peer.progress.snapshot() || lag > kFarEntries) return LagClass::kFar;
  return lag > core.config.learner_lag_max ? LagClass::kBehind : LagClass::kClose;
}

void Leadership::AdvanceCommit(Core* core) {
  const bool rose = CountChosen(core);
  AdvanceMembers(core);
  if (rose) PumpAll(core);
}

// True: the commit slot rose.
bool Leadership::CountChosen(Core* core) {
  const Slot reign = accepted_.reign_slot();
  // Its own acceptance counts once its own disk has it, like any other.
  accepted_.Accepted(core->self(), core->disk.durable());
  const Slot chosen = accepted_.Chosen(core->configurations());
  if (chosen <= core->commit) return false;
  for (Slot slot = std::max(core->commit.Next(), reign); slot <= chosen; slot = slot.Next()) {
    uncommitted_bytes_ -= core->log.Find(slot)->size();  // uncommitted, hence in memory
  }
  core->CommitTo(chosen);
  if (!open_) {
    open_ = true;
    core->actions.push_back(ReignOpened{ballot_});
  }
  return true;
}

void Leadership::AdvanceReads(Core* core) {
  while (true) {
    for (const ReadIndex::Read& read : reads_.TakeConfirmed(core->configurations(), core->self())) {
      if (read.from == NodeId{}) {
        core->actions.push_back(ReadReady{read.read_id, read.slot});
      } else {
        core->Send(read.from, TellSlot{read.read_id, true, read.slot});
      }
    }
    if (!reads_.BeginRound()) return;
    SendToAll(core, HealthTable{});
  }
}

void Leadership::Feed(Hasher* hasher) const {
  hasher->Add(ballot_);
  hasher->Add(uint64_t{takes_over_} << 3 | uint64_t{proposed_} << 2 | uint64_t{open_} << 1 |
              uint64_t{sealed_});
  hasher->Add(uncommitted_bytes_);
  hasher->Add(log_floor_);
  hasher->AddTime(next_heartbeat_us_);
  hasher->AddTime(began_us_);
  hasher->Add(uint64_t{peers_.size()});
  for (const auto& [node, peer] : peers_) {
    hasher->Add(node);
    peer.progress.Feed(hasher);
    hasher->Add(peer.commit_sent);
    hasher->AddTime(peer.answered_us);
    hasher->AddTime(peer.clock_us);
    HealthTable{0, {{node, peer.health}}}.Feed(hasher);
  }
  hasher->Add(uint64_t{proposing_.has_value()});
  if (proposing_) Configurations({{EntryId{}, *proposing_}}).Feed(hasher);
  hasher->Add(uint64_t{changing_} << 1 | uint64_t{voters_change_});
  health_.Feed(hasher);
  accepted_.Feed(hasher);
  lease_.Feed(hasher);
  reads_.Feed(hasher);
}

}  // namespace baton::consensus
