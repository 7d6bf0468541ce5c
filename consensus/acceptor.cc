#include "consensus/acceptor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "consensus/prng.h"

namespace baton::consensus {

Acceptor::Acceptor(const Config& config, int64_t now_us, int64_t restart_wait_end_us)
    : lease_(restart_wait_end_us),
      started_us_(now_us),
      count_start_(static_cast<int64_t>(Prng(config.seed).Next() >> 2) + 1) {}

void Acceptor::OnPrepare(Core* core, const Prepare& m) {
  const Promise promise{m.ballot, core->log.last()};
  if (m.ballot == core->hard.promised) {  // asked again
    core->SendAfterWrites(m.ballot.node, promise);
    return;
  }
  core->RaisePromise(m.ballot);
  // Writes are ordered, so everything up to promise.last is durable too when this leaves.
  core->Write({}, {core->To(m.ballot.node, promise)});
}

bool Acceptor::OnAccept(Core* core, const Accept& m) {
  // What is at or below the commit slot is in every later leader's log: below the base it need not
  // be known by id.
  const bool matched = m.prev.slot < core->log.base().slot || core->log.Holds(m.prev);
  std::vector<Entry> taken;
  if (matched) {
    // A leader never replaces what it has sent.
    const Slot fixed = following_ == m.ballot ? std::max(matched_, core->commit) : core->commit;
    std::optional<std::vector<Entry>> adopted = core->Adopt(m.entries, fixed);
    if (!adopted) return false;
    taken = *std::move(adopted);
  }

  if (core->hard.promised < m.ballot) core->RaisePromise(m.ballot);
  if (following_ != m.ballot) {
    following_ = m.ballot;
    matched_ = core->commit;
  }
  if (matched) matched_ = std::max(matched_, Slot{m.prev.slot.value + m.entries.size()});
  stated_durable_ = stated_by_ == m.ballot ? std::max(stated_durable_, m.durable) : m.durable;
  stated_by_ = m.ballot;
  core->data_floor = std::max(core->data_floor, m.data_floor);
  OnHealth(m.ballot, m.health);

  Accepted reply{.ballot = m.ballot,
                 .matched = matched,
                 .sent_at_us = m.sent_at_us,
                 .lease_granted = Grant(core, m),
                 .read_round = m.read_round,
                 .clock_us = core->now_us - started_us_ + count_start_,
                 .health = core->measured.health};
  if (!matched) reply.hint = core->log.NewestAtMost(m.prev);

  if (core->hard_changed || !taken.empty() || !core->disk.hard_state_durable()) {
    reply.match = matched_;  // true once this Persist, and all before it, are done
    core->Write(std::move(taken), {core->To(m.ballot.node, reply)});
  } else {
    reply.match = std::min(matched_, core->disk.durable());
    core->Send(m.ballot.node, reply);
  }
  core->CommitTo(std::min(m.commit, matched_));
  NoteFreshness(*core, m);
  return reply.lease_granted;
}

void Acceptor::OnHealth(const Ballot& ballot, const HealthTable& table) {
  if (table.number == 0 || (health_of_ == ballot && table.number <= health_.number)) return;
  health_of_ = ballot;
  health_ = table;
}

// Whether or not `prev` matched: the lease says who leads, not what this log lacks. Not to a leader
// that cannot write, or no longer hears a quorum: it leads nobody.
bool Acceptor::Grant(Core* core, const Accept& m) {
  if (core->config.timing.stall_us < m.proof_age_us) return false;
  if (m.lease_us < m.quorum_age_us) return false;
  if (!lease_.Grant(m.ballot, core->now_us, m.lease_us)) return false;
  if (core->hard.longest_lease_us < m.lease_us) {
    core->hard.longest_lease_us = m.lease_us;
    core->hard_changed = true;
  }
  return true;
}

// The Accept left after its leader had got `echo_us` from here, and quorum_age_us before that a
// quorum followed it: what it calls committed is all that was committed then.
void Acceptor::NoteFreshness(const Core& core, const Accept& m) {
  const int64_t echoed_us = m.echo_us - count_start_ + started_us_;
  if (m.echo_us == 0 || echoed_us < started_us_ || core.now_us < echoed_us) return;
  // That age is by the leader's clock, and may be as much longer by this one.
  const int64_t drift_us = DriftUs(core.config.timing, m.quorum_age_us);
  const Fresh told{m.commit, echoed_us - m.quorum_age_us - drift_us};
  if (told.as_of_us <= fresher_.as_of_us) return;
  if (fresher_.slot <= core.applied) {
    fresh_ = fresher_;
    fresher_ = told;
  } else if (told.slot <= fresher_.slot) {
    fresher_ = told;
  }  // else the older one will be applied first: by the newest alone a busy node would never be
     // fresh
}

int64_t Acceptor::FreshAsOfUs(Slot applied) const {
  if (fresher_.slot <= applied) return fresher_.as_of_us;
  return fresh_.slot <= applied ? fresh_.as_of_us : 0;
}

void Acceptor::OnFetch(Core* core, NodeId from, const Fetch& m) {
  const Ballot promised = core->hard.promised;
  if (m.ballot < promised) core->Send(from, Nack{m.ballot, promised, Refusal::kPromisedHigher});
  // While the promise is m.ballot, and its reign has not begun, this log does not change.
  if (m.ballot != promised) return;
  const EntryId base = core->log.base();
  if (!core->log.Holds(m.prev)) {
    core->Send(from, Fetched{m.ballot, promised, false, core->log.NewestAtMost(m.prev), base, {}});
    return;
  }
  const uint64_t bytes_max = std::min(m.bytes_max, core->config.message_bytes_max);
  std::vector<Entry> entries = core->log.Take(m.prev.slot.Next(), bytes_max);
  if (entries.empty() && m.prev != core->log.last()) {
    serving_ = Serving{core->Read(m.prev.slot.Next(), bytes_max), m};
    return;
  }
  core->Send(from, Fetched{m.ballot, promised, true, m.prev, base, std::move(entries)});
}

bool Acceptor::OnLogRead(Core* core, const LogRead& read) {
  if (!serving_ || serving_->read_id != read.read_id) return false;
  const Fetch fetch = std::exchange(serving_, std::nullopt)->fetch;
  if (fetch.ballot != core->hard.promised || read.missing) return true;
  if (!core->StillHolds(fetch.prev.slot.Next(), read.entries)) return true;
  core->Send(fetch.ballot.node, Fetched{fetch.ballot, core->hard.promised, true, fetch.prev,
                                        core->log.base(), read.entries});
  return true;
}

bool Acceptor::OnAbdicate(const Core& core, const Abdicate& m) {
  const bool promised = m.ballot == core.hard.promised;
  if (!promised && !lease_.IsOf(m.ballot)) return false;
  const bool news = promised && !lease_.Abdicated(m.ballot);
  lease_.Release(m.ballot, core.now_us);
  return news;
}

std::optional<NodeId> Acceptor::Leader(const Core& core) const {
  if (following_ == Ballot{} || following_ != core.hard.promised) return std::nullopt;
  if (lease_.Abdicated(following_) || LeaderSilentAtUs(core) <= core.now_us) return std::nullopt;
  return following_.node;
}

int64_t Acceptor::LeaderSilentAtUs(const Core& core) const {
  return following_ == core.hard.promised ? lease_.EndUs(following_) : 0;
}

Slot Acceptor::DurableStatedBy(const Ballot& ballot) const {
  return ballot == stated_by_ ? stated_durable_ : Slot{};
}

void Acceptor::Feed(Hasher* hasher) const {
  hasher->Add(following_);
  hasher->Add(matched_);
  hasher->Add(stated_by_);
  hasher->Add(stated_durable_);
  lease_.Feed(hasher);
  hasher->Add(health_of_);
  health_.Feed(hasher);
  hasher->AddTime(started_us_);
  hasher->AddTime(count_start_);
  for (const Fresh& each : {fresh_, fresher_}) {
    hasher->Add(each.slot);
    hasher->AddTime(each.as_of_us);
  }
  hasher->Add(uint64_t{serving_.has_value()});
  if (serving_) {
    hasher->Add(serving_->read_id);
    hasher->Add(serving_->fetch.ballot);
    hasher->Add(serving_->fetch.prev);
    hasher->Add(serving_->fetch.bytes_max);
  }
}

}  // namespace baton::consensus
