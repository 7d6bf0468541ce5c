#include "consensus/candidacy.h"

#include <utility>

#include "base/check.h"
#include "consensus/quorum.h"

namespace baton::consensus {

Candidacy::Candidacy(const Core& core)
    : ballot_{core.round_seen + 1, core.self()},
      deadline_us_(core.now_us + 2 * core.config.timing.heartbeat_us) {}

Candidacy::Outcome Candidacy::Begin(Core* core) {
  for (const Member& member : core->membership.members) {
    if (member.node == core->self() || !Votes(core->membership, member.node)) continue;
    core->Send(member.node, Canvass{ballot_, core->log.last()});
  }
  granted_.insert(core->self());
  return IsQuorum(core->membership, granted_) ? Prepare(core) : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::OnCanvassReply(Core* core, NodeId from, const CanvassReply& m) {
  if (phase_ != Phase::kCanvass || m.ballot != ballot_) return Outcome::kGoing;
  if (!m.granted) {
    refused_.insert(from);
    return QuorumOutOfReach(core->membership, refused_) ? Outcome::kLost : Outcome::kGoing;
  }
  granted_.insert(from);
  return IsQuorum(core->membership, granted_) ? Prepare(core) : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::Prepare(Core* core) {
  phase_ = Phase::kPrepare;
  refused_.clear();
  ballot_ = Ballot{core->round_seen + 1, core->self()};
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;
  core->RaisePromise(ballot_);
  std::vector<Message> prepares;
  for (const Member& member : core->membership.members) {
    if (member.node == core->self() || !Votes(core->membership, member.node)) continue;
    prepares.push_back(core->To(member.node, consensus::Prepare{ballot_, Cause::kElection}));
  }
  own_promise_ = core->Write(/*hard_state=*/true, {}, std::move(prepares));
  return Outcome::kGoing;
}

Candidacy::Outcome Candidacy::OnPersisted(Core* core) {
  if (phase_ != Phase::kPrepare || !core->disk.IsDone(own_promise_)) return Outcome::kGoing;
  return CountPromise(core, core->self(), core->log.last());
}

Candidacy::Outcome Candidacy::OnPromise(Core* core, NodeId from, const Promise& m) {
  if (phase_ != Phase::kPrepare || m.ballot != ballot_) return Outcome::kGoing;
  return CountPromise(core, from, m.last);
}

Candidacy::Outcome Candidacy::CountPromise(Core* core, NodeId from, const EntryId& last) {
  promises_[from] = last;
  std::set<NodeId> promisers;
  for (const auto& [node, end] : promises_) promisers.insert(node);
  // Without its own promise on disk this node would not remember whom it leads.
  if (!promises_.contains(core->self())) return Outcome::kGoing;
  if (!IsQuorum(core->membership, promisers)) return Outcome::kGoing;

  // The best log is the one whose end has the greatest (born, slot), not the longest.
  source_ = core->self();
  target_ = core->log.last();
  for (const auto& [node, end] : promises_) {
    if (target_ < end) {
      source_ = node;
      target_ = end;
    }
  }
  phase_ = Phase::kAdopt;
  if (source_ == core->self()) return Outcome::kWon;
  return Adopt(core, core->log.NewestAtMost(target_));
}

// Asks the source for what follows `prev`, an entry of this log.
Candidacy::Outcome Candidacy::Adopt(Core* core, const EntryId& prev) {
  fetch_prev_ = prev;
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;
  core->Send(source_, Fetch{ballot_, prev, core->config.message_bytes_max});
  return Outcome::kGoing;
}

Candidacy::Outcome Candidacy::OnNack(Core* core, NodeId from, const Nack& m) {
  if (!prepared() || m.ballot != ballot_) return Outcome::kGoing;
  if (ballot_ < m.promised) return Outcome::kLost;
  refused_.insert(from);
  return QuorumOutOfReach(core->membership, refused_) ? Outcome::kLost : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::OnFetched(Core* core, NodeId from, const Fetched& m) {
  if (phase_ != Phase::kAdopt || m.ballot != ballot_ || from != source_) return Outcome::kGoing;
  // Once the source has promised higher, its log may be a later leader's.
  if (ballot_ < m.promised) return Outcome::kLost;
  if (!m.matched) {
    const EntryId prev = core->log.NewestAtMost(m.prev);
    // No step back: a late copy, or the source has truncated what this node lacks. The deadline
    // tells.
    if (prev.slot >= fetch_prev_.slot) return Outcome::kGoing;
    return Adopt(core, prev);
  }
  if (m.prev != fetch_prev_ || m.entries.empty()) return Outcome::kGoing;
  if (target_ < m.entries.back().id) return Outcome::kLost;  // not what was promised
  std::optional<std::vector<Entry>> taken = core->Adopt(m.entries, core->commit);
  if (!taken) return Outcome::kLost;
  // The Reign entry is written after these, and counted only when it is durable.
  if (!taken->empty()) core->Write(/*hard_state=*/false, *std::move(taken), {});
  if (core->log.Holds(target_)) return Outcome::kWon;
  return Adopt(core, m.entries.back().id);
}

Candidacy::Outcome Candidacy::OnTick(const Core& core) const {
  if (core.now_us < deadline_us_) return Outcome::kGoing;
  return phase_ == Phase::kAdopt ? Outcome::kGaveWay : Outcome::kLost;
}

void Candidacy::Feed(Hasher* hasher) const {
  hasher->Add(static_cast<uint64_t>(phase_));
  hasher->Add(ballot_);
  hasher->AddTime(deadline_us_);
  hasher->Add(granted_);
  hasher->Add(refused_);
  hasher->Add(promises_);
  hasher->Add(own_promise_);
  hasher->Add(source_);
  hasher->Add(target_);
  hasher->Add(fetch_prev_);
}

}  // namespace baton::consensus
