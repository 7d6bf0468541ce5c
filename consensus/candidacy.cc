#include "consensus/candidacy.h"

#include <utility>

#include "base/check.h"
#include "consensus/quorum.h"

namespace baton::consensus {

Candidacy::Candidacy(const Core& core)
    : ballot_{core.round_seen + 1, core.self()},
      deadline_us_(core.now_us + 2 * core.config.timing.heartbeat_us) {}

Candidacy::Outcome Candidacy::Begin(Core* core) {
  for (NodeId node : core->configurations().Voters()) {
    if (node != core->self()) core->Send(node, Canvass{ballot_, core->log.last()});
  }
  granted_.insert(core->self());
  return core->configurations().IsQuorum(granted_) ? Prepare(core) : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::Succeed(Core* core, const Ballot& ended) {
  succeeds_ = ended;
  return Prepare(core);
}

Candidacy::Outcome Candidacy::OnCanvassReply(Core* core, NodeId from, const CanvassReply& m) {
  if (phase_ != Phase::kCanvass || m.ballot != ballot_) return Outcome::kGoing;
  if (!m.granted) {
    refused_.insert(from);
    return OutOfReach(*core);
  }
  granted_.insert(from);
  return core->configurations().IsQuorum(granted_) ? Prepare(core) : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::OutOfReach(const Core& core) const {
  return core.configurations().QuorumOutOfReach(refused_) ? Outcome::kLost : Outcome::kGoing;
}

Candidacy::Outcome Candidacy::Prepare(Core* core) {
  phase_ = Phase::kPrepare;
  refused_.clear();
  ballot_ = Ballot{core->round_seen + 1, core->self()};
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;
  core->RaisePromise(ballot_);
  own_promise_ = core->Write({}, Prepares(core));
  return Outcome::kGoing;
}

// For the voters that have not been asked yet.
std::vector<Message> Candidacy::Prepares(Core* core) {
  std::vector<Message> prepares;
  for (NodeId node : core->configurations().Voters()) {
    if (node == core->self() || !asked_.insert(node).second) continue;
    prepares.push_back(core->To(node, consensus::Prepare{ballot_, succeeds_}));
  }
  return prepares;
}

Candidacy::Outcome Candidacy::OnPersisted(Core* core) {
  if (phase_ == Phase::kAdopt && writing_) return AdoptMore(core);
  if (phase_ != Phase::kPrepare || !core->disk.IsDone(own_promise_)) return Outcome::kGoing;
  return CountPromise(core, core->self(), core->log.last());
}

Candidacy::Outcome Candidacy::OnPromise(Core* core, NodeId from, const Promise& m) {
  if (phase_ != Phase::kPrepare || m.ballot != ballot_) return Outcome::kGoing;
  return CountPromise(core, from, m.last);
}

Candidacy::Outcome Candidacy::CountPromise(Core* core, NodeId from, const EntryId& last) {
  promises_[from] = last;
  // Without its own promise on disk this node would not remember whom it leads.
  if (!promises_.contains(core->self()) || !QuorumPromised(*core)) return Outcome::kGoing;

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
  if (source_ == core->self()) return Adopted(core);
  return Adopt(core, core->log.NewestAtMost(target_));
}

bool Candidacy::QuorumPromised(const Core& core) const {
  std::set<NodeId> promisers;
  for (const auto& [node, end] : promises_) promisers.insert(node);
  return core.configurations().IsQuorum(promisers);
}

// The best log is here. A configuration that came with it may ask for more promises, which may
// bring a better log yet.
Candidacy::Outcome Candidacy::Adopted(Core* core) {
  if (!core->configurations().MayLead(core->self())) return Outcome::kGaveWay;
  if (QuorumPromised(*core)) return Outcome::kWon;
  phase_ = Phase::kPrepare;
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;
  for (Message& prepare : Prepares(core)) {
    core->actions.push_back(consensus::Send{std::move(prepare)});
  }
  return Outcome::kGoing;
}

// Asks the source for what follows `prev`, an entry of this log.
Candidacy::Outcome Candidacy::Adopt(Core* core, const EntryId& prev) {
  fetch_prev_ = prev;
  writing_ = false;
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;
  core->Send(source_, Fetch{ballot_, prev, core->config.message_bytes_max});
  return Outcome::kGoing;
}

// A log of any length passes through a bounded part of memory.
Candidacy::Outcome Candidacy::AdoptMore(Core* core) {
  writing_ = core->disk.durable() < fetch_prev_.slot;
  return writing_ ? Outcome::kGoing : Adopt(core, fetch_prev_);
}

Candidacy::Outcome Candidacy::OnNack(Core* core, NodeId from, const Nack& m) {
  if (!prepared() || m.ballot != ballot_) return Outcome::kGoing;
  if (ballot_ < m.promised) return Outcome::kLost;
  refused_.insert(from);
  return OutOfReach(*core);
}

Candidacy::Outcome Candidacy::OnFetched(Core* core, NodeId from, const Fetched& m) {
  if (phase_ != Phase::kAdopt || m.ballot != ballot_ || from != source_) return Outcome::kGoing;
  // Once the source has promised higher, its log may be a later leader's.
  if (ballot_ < m.promised) return Outcome::kLost;
  if (!m.matched) {
    if (core->log.base().slot < m.base.slot && !core->log.Holds(m.base)) return Outcome::kGaveWay;
    const EntryId prev = core->log.NewestAtMost(m.prev);
    // No step back: a late copy.
    if (prev.slot >= fetch_prev_.slot) return Outcome::kGoing;
    return Adopt(core, prev);
  }
  if (m.prev != fetch_prev_ || m.entries.empty()) return Outcome::kGoing;
  if (target_ < m.entries.back().id) return Outcome::kLost;  // not what was promised
  std::optional<std::vector<Entry>> taken = core->Adopt(m.entries, core->commit);
  if (!taken) return Outcome::kLost;
  // The Reign entry is written after these, and counted only when it is durable.
  if (!taken->empty()) core->Write(*std::move(taken), {});
  if (core->log.Holds(target_)) return Adopted(core);
  fetch_prev_ = m.entries.back().id;
  deadline_us_ = core->now_us + core->config.timing.lease_us / 2;  // of this disk, now
  return AdoptMore(core);
}

Candidacy::Outcome Candidacy::OnTick(const Core& core) const {
  if (core.now_us < deadline_us_) return Outcome::kGoing;
  return phase_ == Phase::kAdopt ? Outcome::kGaveWay : Outcome::kLost;
}

void Candidacy::Feed(Hasher* hasher) const {
  hasher->Add(static_cast<uint64_t>(phase_));
  hasher->Add(ballot_);
  hasher->AddTime(deadline_us_);
  hasher->Add(succeeds_);
  hasher->Add(granted_);
  hasher->Add(refused_);
  hasher->Add(asked_);
  hasher->Add(promises_);
  hasher->Add(own_promise_);
  hasher->Add(source_);
  hasher->Add(target_);
  hasher->Add(fetch_prev_);
  hasher->Add(uint64_t{writing_});
}

}  // namespace baton::consensus
