#include "consensus/replica.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "consensus/prng.h"
#include "consensus/quorum.h"
#include "consensus/rank.h"
#include "consensus/well_formed.h"

namespace baton::consensus {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

Replica::Replica(const Config& config, const Recovered& recovered, int64_t now_us)
    : core_(config, recovered, now_us),
      acceptor_(config, now_us, now_us + recovered.hard_state.longest_lease_us),
      election_(config, now_us + recovered.hard_state.longest_lease_us,
                Rank(core_.configurations(), HealthTable{}, core_.self(), NodeId{})),
      reads_(Prng(config.seed).Next() >> 1) {}

Actions Replica::Step(const Event& event) {
  BATON_CHECK(core_.now_us <= event.now_us)
      << "time went from " << core_.now_us << " to " << event.now_us;
  if (installing_) return {};
  core_.now_us = event.now_us;
  std::visit([this](const auto& body) { On(body); }, event.body);
  AdvanceFollowerReads();
  BATON_CHECK(core_.disk.durable() <= core_.log.last().slot) << "durable beyond the log";
  BATON_CHECK(!(candidacy_ && leadership_)) << "a candidate leads";
  return std::exchange(core_.actions, {});
}

// ---- Time and the disk

void Replica::On(const Tick&) {
  if (leadership_) {
    LeadOn();
  } else if (candidacy_) {
    Conclude(candidacy_->OnTick(core_));
  } else if (MayStand() && StandAtUs() <= core_.now_us) {
    Stand();
  }
}

// A leader goes on while a quorum follows it and its disk completes writes.
void Replica::LeadOn() {
  const Timing& timing = core_.config.timing;
  if (leadership_->QuorumLostAtUs(core_) <= core_.now_us) {
    election_.Bar(core_.now_us + timing.lease_us);
    StopLeading("no quorum for " + std::to_string(timing.lease_us / 1000) + " ms",
                /*abdicate=*/true);
    return;
  }
  if (core_.gate.StuckAtUs(timing) <= core_.now_us) {
    StopLeading(
        "its disk has completed no write for " + std::to_string(timing.stall_us / 1000) + " ms",
        /*abdicate=*/true);
    return;
  }
  if (core_.gate.ProbeAtUs(timing) <= core_.now_us) core_.Probe();
  leadership_->OnTick(&core_);
}

void Replica::On(const Persisted& persisted) {
  core_.Wrote(persisted.persist_id);
  Evict();
  if (candidacy_) {
    Conclude(candidacy_->OnPersisted(&core_));
  } else if (leadership_) {
    leadership_->OnPersisted(&core_);
    EndIfDue();
  }
}

void Replica::On(const WriteProved&) {
  core_.gate.ProbeCompleted(core_.now_us, core_.disk.writing());
}

void Replica::On(const LogRead& read) {
  if (acceptor_.OnLogRead(&core_, read)) return;
  if (leadership_) leadership_->OnLogRead(&core_, read);
}

void Replica::On(const Applied& applied) {
  BATON_CHECK(applied.slot <= core_.commit)
      << "applied " << applied.slot.value << " above commit " << core_.commit.value;
  core_.applied = std::max(core_.applied, applied.slot);
  Evict();
}

// What is on disk may leave memory: it is read back from there. But a leader's own entries stay
// until they are chosen.
void Replica::Evict() {
  Slot upto = core_.disk.durable();
  if (leadership_) upto = std::min(upto, std::max(core_.commit, leadership_->reign_slot().Prev()));
  core_.log.Evict(upto, core_.config.log_cache_bytes_max);
}

void Replica::On(const Truncated& truncated) {
  BATON_CHECK(truncated.base.slot <= core_.applied)
      << "truncated " << truncated.base.slot.value << " above applied " << core_.applied.value;
  if (truncated.base.slot > core_.log.base().slot) core_.log.TruncateTo(truncated.base);
}

// ---- The driver's requests

void Replica::On(const Proposed& proposed) {
  if (!leadership_ || proposed.entry.id.born != leadership_->ballot()) return;
  leadership_->OnProposed(&core_, proposed);
}

void Replica::On(const ReadRequested& request) {
  if (leadership_) {
    leadership_->OnReadRequested(&core_, request.read_id);
  } else if (leader() && !reads_.Full()) {
    reads_.Add(request.read_id);
  } else {
    core_.actions.push_back(ReadRefused{request.read_id});
  }
}

void Replica::On(const MembersRequested& request) {
  if (leadership_) {
    leadership_->OnMembersRequested(&core_, request);
  } else {
    core_.actions.push_back(MembersRefused{request.request_id, "this node does not lead"});
  }
}

void Replica::On(const HandoverGivenUp&) {
  if (!leadership_ || !leadership_->sealed()) return;
  ended_ = leadership_->ballot();
  StopLeading("the handover was given up", /*abdicate=*/false);
  if (MayStand()) Stand();
}

void Replica::On(const Measured& measured) { core_.measured = measured; }

void Replica::On(const SnapshotEnded& ended) {
  if (leadership_) leadership_->OnSnapshotEnded(&core_, ended);
}

// What the log holds is at least as new as a snapshot of it. Anything else that the log has from
// there on conflicts with what is chosen, or there is nothing.
void Replica::On(const SnapshotReceived& received) {
  const bool known = received.last.slot <= core_.commit || core_.log.Holds(received.last);
  if (known || received.ballot != promised() || leadership_ || candidacy_) {
    core_.actions.push_back(DropSnapshot{});
    return;
  }
  HardState after = core_.hard;
  const Configuration& front = core_.configurations().all().front();
  const bool older = received.configuration.membership.epoch < front.membership.epoch;
  after.configurations = Configurations({older ? front : received.configuration});
  installing_ = true;
  core_.actions.push_back(InstallSnapshot{received.last, std::move(after)});
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
  if (message.from == core_.self() || !WellFormed(message)) return;
  std::visit([&](const auto& body) { On(message.from, body); }, message.body);
}

// Canvass and Prepare are answered whatever this log says of either node's vote: who counts is for
// the candidate to know, whose log may be ahead. A node that a configuration has just made a voter
// could otherwise be missing in the quorum that is to choose it.
void Replica::On(NodeId from, const Canvass& m) {
  const Refusal refusal = RefusesCanvass(from, m);
  core_.Send(from, CanvassReply{m.ballot, refusal == Refusal::kNone, refusal, core_.Promised()});
}

void Replica::On(NodeId from, const CanvassReply& m) {
  core_.SawRound(m.promised);
  if (candidacy_) Conclude(candidacy_->OnCanvassReply(&core_, from, m));
}

void Replica::On(NodeId from, const Prepare& m) {
  core_.SawRound(m.ballot);
  if (m.succeeds != Ballot{}) acceptor_.OnAbdicate(core_, Abdicate{m.succeeds});
  if (const Refusal refusal = RefusesPrepare(m.ballot); refusal != Refusal::kNone) {
    core_.Send(from, Nack{m.ballot, core_.Promised(), refusal});
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
  // The one that was to take over does not.
  const bool waits = !candidacy_ && !leadership_ && ended_ == promised();
  if (waits && m.refusal == Refusal::kUnable && m.ballot == ended_) {
    election_.LeaderGone(core_.now_us, /*rank=*/0);
  }
}

void Replica::On(NodeId from, const Fetch& m) {
  acceptor_.OnFetch(&core_, from, m);
  // It goes on from here: its own deadline does too.
  if (m.ballot == promised() && !leader()) {
    election_.GiveTime(from, core_.now_us, RankWithout(from));
  }
}

void Replica::On(NodeId from, const Fetched& m) {
  core_.SawRound(m.promised);
  if (candidacy_) Conclude(candidacy_->OnFetched(&core_, from, m));
}

void Replica::On(NodeId from, const Accept& m) {
  if (!core_.MayAcceptIn(m.ballot)) {
    core_.Send(from, Nack{m.ballot, core_.Promised(), Refusal::kPromisedHigher});
    return;
  }
  YieldTo(m.ballot);
  if (acceptor_.OnAccept(&core_, m)) {
    election_.LeaseRuns(acceptor_.lease().BoundUntilUs(), RankWithout(from));
  }
}

void Replica::On(NodeId from, const Accepted& m) {
  if (!leadership_) return;
  leadership_->OnAccepted(&core_, from, m);
  EndIfDue();
}

void Replica::On(NodeId from, const Abdicate& m) {
  if (acceptor_.OnAbdicate(core_, m)) election_.LeaderGone(core_.now_us, RankWithout(from));
}

// It is sent once the Seal is chosen. A late or repeated one names a ballot that is over for long,
// and changes nothing else.
void Replica::On(NodeId from, const TakeOver& m) {
  const Seal* seal = core_.SealAtEnd();
  const bool meant = seal != nullptr && seal->to == core_.self() && core_.log.last() == m.seal;
  if (!meant || candidacy_ || leadership_) return;
  if (core_.commit < m.seal.slot) core_.CommitTo(m.seal.slot);
  if (!acceptor_.OnAbdicate(core_, Abdicate{m.ballot})) return;  // of the ballot promised, once
  ended_ = m.ballot;
  if (MayStand() && acceptor_.lease().BoundUntilUs() <= core_.now_us) {
    return core_.sealed->fresh ? Succeed() : Stand();
  }
  election_.LeaderGone(core_.now_us, RankWithout(from));
  core_.Send(from, Nack{m.ballot, promised(), Refusal::kUnable});
}

void Replica::On(NodeId from, const AskSlot& m) {
  if (leadership_) {
    leadership_->OnAskSlot(&core_, from, m);
  } else {
    core_.Send(from, TellSlot{m.ask, false, Slot{}});
  }
}

void Replica::On(NodeId, const TellSlot& m) {
  for (const uint64_t read_id : reads_.Told(m.ask)) {
    if (m.granted) {
      core_.actions.push_back(ReadReady{read_id, m.slot});
    } else {
      core_.actions.push_back(ReadRefused{read_id});
    }
  }
}

// ---- Standing, leading, yielding

bool Replica::MayStand() const {
  if (stopping_ || candidacy_ || leadership_) return false;
  return core_.configurations().MayLead(core_.self()) &&
         core_.now_us < core_.gate.StuckAtUs(core_.config.timing);
}

// Not while a lease that this node gave binds it, whatever else it waits for.
int64_t Replica::StandAtUs() const {
  return std::max(election_.StandAtUs(), acceptor_.lease().BoundUntilUs());
}

// One that succeeds a ballot it knows to be over need not ask around, once: nobody else is to lead.
void Replica::Stand() {
  candidacy_.emplace(core_);
  const bool succeeds = ended_ != Ballot{} && ended_ == promised();
  Conclude(succeeds ? candidacy_->Succeed(&core_, ended_) : candidacy_->Begin(&core_));
}

// Phase 1 is over: a quorum has accepted the Seal and so promised the ballot, with logs that end
// where this one does. A life of this process that began with the Seal may have used it already.
void Replica::Succeed() {
  core_.RaisePromise(core_.Promised());  // on disk with the Reign
  Lead(promised(), /*takes_over=*/true);
}

void Replica::Lead(const Ballot& ballot, bool takes_over) {
  leadership_.emplace(core_, ballot);
  leadership_->Begin(&core_, acceptor_.DurableStatedBy(core_.log.last().born), takes_over);
}

void Replica::Conclude(Candidacy::Outcome outcome) {
  switch (outcome) {
    case Candidacy::Outcome::kGoing:
      return;
    case Candidacy::Outcome::kGaveWay:
      GiveWay(candidacy_->ballot());
      [[fallthrough]];
    case Candidacy::Outcome::kLost:
      candidacy_.reset();
      election_.BackOff(core_.now_us);
      return;
    case Candidacy::Outcome::kWon: {
      const Ballot ballot = std::exchange(candidacy_, std::nullopt)->ballot();
      BATON_CHECK(ballot == promised()) << "won " << ToString(ballot);
      return Lead(ballot, /*takes_over=*/false);
    }
  }
}

// Those who promised need not be patient until their time is up.
void Replica::GiveWay(const Ballot& ballot) {
  election_.Bar(core_.now_us + core_.config.timing.lease_us);
  for (NodeId node : core_.configurations().Voters()) {
    if (node != core_.self()) core_.Send(node, Abdicate{ballot});
  }
}

// Another node's ballot, which this node is about to promise or to accept in, is above its own.
void Replica::YieldTo(const Ballot& ballot) {
  if (candidacy_ && (!candidacy_->prepared() || candidacy_->ballot() < ballot)) candidacy_.reset();
  if (leadership_) StopLeading("promised " + ToString(ballot), /*abdicate=*/false);
}

void Replica::EndIfDue() {
  if (leadership_->Removed(core_)) {
    StopLeading("it is no voter any more", /*abdicate=*/true);
  } else if (const std::optional<NodeId> to = leadership_->Successor(core_)) {
    HandOver(*to);
  }
}

// The lease is gone before the message that says so. Others stay bound to it, so that they do not
// stand meanwhile; and if the successor does not begin in time, this node succeeds itself.
void Replica::HandOver(NodeId to) {
  ended_ = leadership_->ballot();
  StopLeading("handed over to node " + std::to_string(to.value), /*abdicate=*/false);
  core_.Send(to, TakeOver{ended_, core_.log.last()});
  election_.GiveTime(to, core_.now_us, /*rank=*/0);
}

void Replica::StopLeading(const std::string& reason, bool abdicate) {
  leadership_->Stop(&core_, reason, abdicate);
  acceptor_.OnHealth(leadership_->ballot(), leadership_->health());
  leadership_.reset();
  election_.LeaderGone(core_.now_us, RankWithout(core_.self()));
}

// Reads that wait for another's answer are refused when that leader is followed no more.
void Replica::AdvanceFollowerReads() {
  if (reads_.empty()) return;
  const bool followed = !leadership_ && leader().has_value();
  const bool same = reads_.OverdueAtUs() == kNever || reads_.asked() == promised();
  if (!followed || !same) {
    for (const uint64_t read_id : reads_.TakeAll()) {
      core_.actions.push_back(ReadRefused{read_id});
    }
    return;
  }
  const int64_t patience_us = core_.config.timing.lease_us;
  if (const uint64_t ask = reads_.BeginAsk(promised(), core_.now_us, patience_us); ask != 0) {
    core_.Send(*leader(), AskSlot{ask});
  }
}

Refusal Replica::RefusesCanvass(NodeId candidate, const Canvass& m) const {
  if (leadership_) return Refusal::kLeading;
  const Refusal bound = acceptor_.lease().Binds(m.ballot, core_.now_us);
  if (bound != Refusal::kNone) return bound;
  // One that was removed may not know it; one whose log is ahead may know better.
  if (!core_.configurations().MayLead(candidate) && m.last <= core_.log.last()) {
    return Refusal::kNotAMember;
  }
  const bool busy = candidacy_ && candidacy_->prepared();
  if (busy || election_.GivesTimeToAnother(candidate, core_.now_us)) {
    return Refusal::kPromisedHigher;
  }
  return Refusal::kNone;
}

// A leader refuses while it leads: without a quorum that is at most one lease.
Refusal Replica::RefusesPrepare(const Ballot& ballot) const {
  if (!core_.MayAcceptIn(ballot)) return Refusal::kPromisedHigher;
  if (leadership_) return Refusal::kLeading;
  return acceptor_.lease().Binds(ballot, core_.now_us);
}

uint32_t Replica::RankWithout(NodeId lapsed) const {
  return Rank(core_.configurations(), health(), core_.self(), lapsed);
}

// ---- What others see

const HealthTable& Replica::health() const {
  return leadership_ ? leadership_->health() : acceptor_.health();
}

int64_t Replica::NextDeadlineUs() const {
  if (installing_) return kNever;
  if (leadership_) {
    const Timing& timing = core_.config.timing;
    return std::min({leadership_->NextHeartbeatUs(), leadership_->QuorumLostAtUs(core_),
                     core_.gate.ProbeAtUs(timing), core_.gate.StuckAtUs(timing)});
  }
  if (candidacy_) return candidacy_->deadline_us();
  if (MayStand()) {
    return std::min(StandAtUs(), reads_.OverdueAtUs());
  }
  // One that does not stand wakes to see that its leader is silent.
  return std::min(leader() ? acceptor_.LeaderSilentAtUs(core_) : kNever, reads_.OverdueAtUs());
}

Standing Replica::standing() const {
  if (leadership_) return Standing::kLeader;
  return candidacy_ ? Standing::kCandidate : Standing::kFollower;
}

int64_t Replica::LeaderSilentAtUs() const {
  return leadership_ ? kNever : acceptor_.LeaderSilentAtUs(core_);
}

std::optional<NodeId> Replica::leader() const {
  if (leadership_) return core_.self();
  if (candidacy_) return std::nullopt;
  return acceptor_.Leader(core_);
}

bool Replica::reign_open() const { return leadership_ && leadership_->open(); }

int64_t Replica::LeaseEndUs() const { return leadership_ ? leadership_->LeaseEndUs(core_) : 0; }

bool Replica::sealed() const { return leadership_ && leadership_->sealed(); }

bool Replica::MayPropose() const { return leadership_ && leadership_->MayPropose(core_); }

EntryId Replica::NextEntryId() const {
  BATON_CHECK(leadership_.has_value()) << "only a leader proposes";
  return leadership_->NextEntryId(core_);
}

Slot Replica::MatchOf(NodeId peer) const {
  return leadership_ ? leadership_->MatchOf(peer) : Slot{};
}

bool Replica::LeftMayGo() const { return leadership_ && leadership_->LeftMayGo(core_); }

void Replica::Feed(Hasher* hasher) const {
  core_.Feed(hasher);
  acceptor_.Feed(hasher);
  election_.Feed(hasher);
  hasher->Add(uint64_t{candidacy_.has_value()} << 1 | uint64_t{leadership_.has_value()});
  if (candidacy_) candidacy_->Feed(hasher);
  if (leadership_) leadership_->Feed(hasher);
  hasher->Add(ended_);
  reads_.Feed(hasher);
  hasher->Add(uint64_t{stopping_} << 1 | uint64_t{installing_});
}

uint64_t Replica::Hash64() const {
  Hasher hasher;
  Feed(&hasher);
  return hasher.Digest();
}

}  // namespace baton::consensus
