#include "consensus/replica.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/quorum.h"
#include "consensus/well_formed.h"

namespace baton::consensus {

Replica::Replica(const Config& config, const Recovered& recovered, int64_t now_us)
    : core_(config, recovered, now_us),
      acceptor_(now_us + recovered.hard_state.longest_lease_us),
      election_(config, now_us + recovered.hard_state.longest_lease_us, RankWithout(NodeId{})) {}

Actions Replica::Step(const Event& event) {
  BATON_CHECK(core_.now_us <= event.now_us)
      << "time went from " << core_.now_us << " to " << event.now_us;
  core_.now_us = event.now_us;
  std::visit([this](const auto& body) { On(body); }, event.body);
  BATON_CHECK(core_.disk.durable() <= core_.log.last().slot) << "durable beyond the log";
  BATON_CHECK(!(candidacy_ && leadership_)) << "a candidate leads";
  return std::exchange(core_.actions, {});
}

// ---- Time and the disk

void Replica::On(const Tick&) {
  if (leadership_) {
    if (leadership_->QuorumLostAtUs(core_) <= core_.now_us) {
      const int64_t lease_us = core_.config.timing.lease_us;
      election_.Bar(core_.now_us + lease_us);
      StopLeading("no quorum for " + std::to_string(lease_us / 1000) + " ms", /*abdicate=*/true);
    } else {
      leadership_->OnTick(&core_);
    }
  } else if (candidacy_) {
    Conclude(candidacy_->OnTick(core_));
  } else if (MayStand() && NextDeadlineUs() <= core_.now_us) {
    Stand();
  }
}

void Replica::On(const Persisted& persisted) {
  core_.disk.Done(persisted.persist_id);
  if (candidacy_) {
    Conclude(candidacy_->OnPersisted(&core_));
  } else if (leadership_) {
    leadership_->OnPersisted(&core_);
  }
}

void Replica::On(const LogRead& read) {
  if (acceptor_.OnLogRead(&core_, read)) return;
  if (leadership_) leadership_->OnLogRead(&core_, read);
}

void Replica::On(const Applied& applied) {
  BATON_CHECK(applied.slot <= core_.commit)
      << "applied " << applied.slot.value << " above commit " << core_.commit.value;
  core_.applied = std::max(core_.applied, applied.slot);
  core_.log.Evict(core_.applied, core_.config.log_cache_bytes_max);
}

void Replica::On(const Truncated& truncated) {
  BATON_CHECK(truncated.base.slot <= core_.applied)
      << "truncated " << truncated.base.slot.value << " above applied " << core_.applied.value;
  if (truncated.base.slot > core_.log.base().slot) core_.log.TruncateTo(truncated.base);
}

// ---- The driver's requests

void Replica::On(const Proposed& proposed) {
  if (!leadership_ || proposed.entry.id.born != leadership_->ballot()) return;
  leadership_->OnProposed(&core_, proposed.entry);
}

void Replica::On(const ReadRequested& request) {
  if (leadership_) {
    leadership_->OnReadRequested(&core_, request.read_id);
  } else {
    core_.actions.push_back(ReadRefused{request.read_id});
  }
}

void Replica::On(const Stopping&) {
  stopping_ = true;
  candidacy_.reset();
  if (leadership_) StopLeading("stopping", /*abdicate=*/true);
}

// ---- Messages

void Replica::On(const Received& received) {
  const Message& message = received.message;
  if (message.to != core_.self() || message.group != core_.config.group) return;
  if (message.from == core_.self() || !IsMember(core_.membership, message.from)) return;
  if (!WellFormed(core_.membership, message)) return;
  std::visit([&](const auto& body) { On(message.from, body); }, message.body);
}

void Replica::On(NodeId from, const Canvass& m) {
  if (!Votes(core_.membership, core_.self())) return;
  const Refusal refusal = RefusesCanvass(from, m.ballot);
  core_.Send(from, CanvassReply{m.ballot, refusal == Refusal::kNone, refusal, promised()});
}

void Replica::On(NodeId from, const CanvassReply& m) {
  core_.SawRound(m.promised);
  if (candidacy_) Conclude(candidacy_->OnCanvassReply(&core_, from, m));
}

void Replica::On(NodeId from, const Prepare& m) {
  if (!Votes(core_.membership, core_.self())) return;
  core_.SawRound(m.ballot);
  if (const Refusal refusal = RefusesPrepare(m.ballot); refusal != Refusal::kNone) {
    const int64_t remaining_us = acceptor_.lease().BoundUntilUs() - core_.now_us;
    core_.Send(from, Nack{m.ballot, promised(), refusal, std::max<int64_t>(remaining_us, 0)});
    return;
  }
  if (promised() < m.ballot) {
    YieldTo(m.ballot);
    election_.GiveTime(from, core_.now_us, RankWithout(from));
  }
  acceptor_.OnPrepare(&core_, m);
}

void Replica::On(NodeId from, const Promise& m) {
  if (candidacy_) Conclude(candidacy_->OnPromise(&core_, from, m));
}

void Replica::On(NodeId from, const Nack& m) {
  core_.SawRound(m.promised);
  if (candidacy_) Conclude(candidacy_->OnNack(&core_, from, m));
  // A node that promised higher can never accept in this reign: end it, so that all can go on.
  if (leadership_ && m.ballot == leadership_->ballot() && m.ballot < m.promised) {
    StopLeading("promised " + ToString(m.promised), /*abdicate=*/true);
  }
}

void Replica::On(NodeId from, const Fetch& m) { acceptor_.OnFetch(&core_, from, m); }

void Replica::On(NodeId from, const Fetched& m) {
  core_.SawRound(m.promised);
  if (candidacy_) Conclude(candidacy_->OnFetched(&core_, from, m));
}

void Replica::On(NodeId from, const Accept& m) {
  if (m.ballot < promised()) {
    core_.Send(from, Nack{m.ballot, promised(), Refusal::kPromisedHigher, 0});
    return;
  }
  YieldTo(m.ballot);
  if (acceptor_.OnAccept(&core_, m)) {
    election_.LeaseRuns(acceptor_.lease().BoundUntilUs(), RankWithout(from));
  }
}

void Replica::On(NodeId from, const Accepted& m) {
  if (leadership_) leadership_->OnAccepted(&core_, from, m);
}

void Replica::On(NodeId from, const Abdicate& m) {
  if (acceptor_.OnAbdicate(core_, m)) election_.LeaderGone(core_.now_us, RankWithout(from));
}

// ---- Standing, leading, yielding

bool Replica::MayStand() const {
  return !stopping_ && !candidacy_ && !leadership_ && MayLead(core_.membership, core_.self());
}

void Replica::Stand() {
  candidacy_.emplace(core_);
  Conclude(candidacy_->Begin(&core_));
}

void Replica::Conclude(Candidacy::Outcome outcome) {
  switch (outcome) {
    case Candidacy::Outcome::kGoing:
      return;
    case Candidacy::Outcome::kGaveWay:
      election_.Bar(core_.now_us + core_.config.timing.lease_us);
      [[fallthrough]];
    case Candidacy::Outcome::kLost:
      candidacy_.reset();
      election_.BackOff(core_.now_us);
      return;
    case Candidacy::Outcome::kWon: {
      const Ballot ballot = std::exchange(candidacy_, std::nullopt)->ballot();
      BATON_CHECK(ballot == promised()) << "won " << ToString(ballot);
      leadership_.emplace(core_, ballot);
      leadership_->Begin(&core_, acceptor_.DurableStatedBy(core_.log.last().born));
      return;
    }
  }
}

// Another node's ballot, which this node is about to promise or to accept in, is above its own.
void Replica::YieldTo(const Ballot& ballot) {
  if (candidacy_ && (!candidacy_->prepared() || candidacy_->ballot() < ballot)) candidacy_.reset();
  if (leadership_) StopLeading("promised " + ToString(ballot), /*abdicate=*/false);
}

void Replica::StopLeading(const std::string& reason, bool abdicate) {
  leadership_->Stop(&core_, reason, abdicate);
  leadership_.reset();
  election_.LeaderGone(core_.now_us, RankWithout(core_.self()));
}

Refusal Replica::RefusesCanvass(NodeId candidate, const Ballot& ballot) const {
  if (leadership_) return Refusal::kLeading;
  const Refusal bound = acceptor_.lease().Binds(ballot, core_.now_us);
  if (bound != Refusal::kNone) return bound;
  const bool busy = candidacy_ && candidacy_->prepared();
  if (busy || election_.GivesTimeToAnother(candidate, core_.now_us)) {
    return Refusal::kPromisedHigher;
  }
  return Refusal::kNone;
}

// A leader refuses while it leads: without a quorum that is at most one lease.
Refusal Replica::RefusesPrepare(const Ballot& ballot) const {
  if (ballot < promised()) return Refusal::kPromisedHigher;
  if (leadership_) return Refusal::kLeading;
  return acceptor_.lease().Binds(ballot, core_.now_us);
}

uint32_t Replica::RankWithout(NodeId lapsed) const {
  return Rank(core_.membership, core_.self(), lapsed);
}

// ---- What others see

int64_t Replica::NextDeadlineUs() const {
  if (leadership_) {
    return std::min(leadership_->NextHeartbeatUs(), leadership_->QuorumLostAtUs(core_));
  }
  if (candidacy_) return candidacy_->deadline_us();
  if (!MayStand()) return std::numeric_limits<int64_t>::max();
  return std::max(election_.StandAtUs(), acceptor_.lease().BoundUntilUs());
}

Standing Replica::standing() const {
  if (leadership_) return Standing::kLeader;
  return candidacy_ ? Standing::kCandidate : Standing::kFollower;
}

std::optional<NodeId> Replica::leader() const {
  if (leadership_) return core_.self();
  if (candidacy_) return std::nullopt;
  return acceptor_.Leader(core_);
}

bool Replica::reign_open() const { return leadership_ && leadership_->open(); }

int64_t Replica::LeaseEndUs() const { return leadership_ ? leadership_->LeaseEndUs(core_) : 0; }

bool Replica::MayPropose() const { return leadership_ && leadership_->MayPropose(core_); }

EntryId Replica::NextEntryId() const {
  BATON_CHECK(leadership_.has_value()) << "only a leader proposes";
  return leadership_->NextEntryId(core_);
}

Slot Replica::MatchOf(NodeId peer) const {
  return leadership_ ? leadership_->MatchOf(peer) : Slot{};
}

uint64_t Replica::Hash64() const {
  Hasher hasher;
  core_.Feed(&hasher);
  acceptor_.Feed(&hasher);
  election_.Feed(&hasher);
  hasher.Add(uint64_t{candidacy_.has_value()} << 1 | uint64_t{leadership_.has_value()});
  if (candidacy_) candidacy_->Feed(&hasher);
  if (leadership_) leadership_->Feed(&hasher);
  hasher.Add(uint64_t{stopping_});
  return hasher.Digest();
}

}  // namespace baton::consensus
