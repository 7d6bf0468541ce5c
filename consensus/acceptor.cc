#include "consensus/acceptor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::consensus {

void Acceptor::OnPrepare(Core* core, const Prepare& m) {
  const Promise promise{m.ballot, core->log.last(), core->commit};
  if (m.ballot == core->hard.promised) {  // asked again
    core->SendAfterWrites(m.ballot.node, promise);
    return;
  }
  core->RaisePromise(m.ballot);
  // Writes are ordered, so everything up to promise.last is durable too when this leaves.
  core->Write(/*hard_state=*/true, {}, {core->To(m.ballot.node, promise)});
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

  bool save = false;
  if (core->hard.promised < m.ballot) {
    core->RaisePromise(m.ballot);
    save = true;
  }
  if (following_ != m.ballot) {
    following_ = m.ballot;
    matched_ = core->commit;
  }
  if (matched) matched_ = std::max(matched_, Slot{m.prev.slot.value + m.entries.size()});
  stated_durable_ = stated_by_ == m.ballot ? std::max(stated_durable_, m.durable) : m.durable;
  stated_by_ = m.ballot;

  // Granted whether or not `prev` matched: the lease says who leads, not what this log lacks.
  Accepted reply{.ballot = m.ballot,
                 .matched = matched,
                 .sent_at_us = m.sent_at_us,
                 .read_round = m.read_round};
  reply.lease_granted = lease_.Grant(m.ballot, core->now_us, m.lease_us);
  if (reply.lease_granted && m.lease_us > core->hard.longest_lease_us) {
    core->hard.longest_lease_us = m.lease_us;
    save = true;
  }
  if (!matched) reply.hint = core->log.NewestAtMost(m.prev);

  if (save || !taken.empty() || !core->disk.hard_state_durable()) {
    reply.match = matched_;  // true once this Persist, and all before it, are done
    core->Write(save, std::move(taken), {core->To(m.ballot.node, reply)});
  } else {
    reply.match = std::min(matched_, core->disk.durable());
    core->Send(m.ballot.node, reply);
  }
  core->CommitTo(std::min(m.commit, matched_));
  return reply.lease_granted;
}

void Acceptor::OnFetch(Core* core, NodeId from, const Fetch& m) {
  const Ballot promised = core->hard.promised;
  if (m.ballot < promised) core->Send(from, Nack{m.ballot, promised, Refusal::kPromisedHigher, 0});
  // While the promise is m.ballot, and its reign has not begun, this log does not change.
  if (m.ballot != promised) return;
  const EntryId last = core->log.last();
  if (!core->log.Holds(m.prev)) {
    core->Send(from, Fetched{m.ballot, promised, false, core->log.NewestAtMost(m.prev), last, {}});
    return;
  }
  const uint64_t bytes_max = std::min(m.bytes_max, core->config.message_bytes_max);
  std::vector<Entry> entries = core->log.Take(m.prev.slot.Next(), bytes_max);
  if (entries.empty() && m.prev != last) {
    serving_ = Serving{core->Read(m.prev.slot.Next(), bytes_max), m};
    return;
  }
  core->Send(from, Fetched{m.ballot, promised, true, m.prev, last, std::move(entries)});
}

bool Acceptor::OnLogRead(Core* core, const LogRead& read) {
  if (!serving_ || serving_->read_id != read.read_id) return false;
  const Fetch fetch = std::exchange(serving_, std::nullopt)->fetch;
  if (fetch.ballot != core->hard.promised || read.missing) return true;
  if (!core->StillHolds(fetch.prev.slot.Next(), read.entries)) return true;
  core->Send(fetch.ballot.node, Fetched{fetch.ballot, core->hard.promised, true, fetch.prev,
                                        core->log.last(), read.entries});
  return true;
}

bool Acceptor::OnAbdicate(const Core& core, const Abdicate& m) {
  const bool left = Leader(core) == m.ballot.node && following_ == m.ballot;
  lease_.Release(m.ballot, core.now_us);
  return left;
}

std::optional<NodeId> Acceptor::Leader(const Core& core) const {
  if (following_ == Ballot{} || following_ != core.hard.promised) return std::nullopt;
  if (lease_.Abdicated(following_)) return std::nullopt;
  return following_.node;
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
  hasher->Add(uint64_t{serving_.has_value()});
  if (serving_) {
    hasher->Add(serving_->read_id);
    hasher->Add(serving_->fetch.ballot);
    hasher->Add(serving_->fetch.prev);
    hasher->Add(serving_->fetch.bytes_max);
  }
}

}  // namespace baton::consensus
