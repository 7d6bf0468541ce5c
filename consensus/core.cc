#include "consensus/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::consensus {

Core::Core(const Config& config, const Recovered& recovered, int64_t now_us)
    : config(config),
      membership(recovered.membership),
      now_us(now_us),
      hard(recovered.hard_state),
      log(recovered.base, recovered.last, recovered.runs),
      disk(recovered.last),
      commit(recovered.applied),
      applied(recovered.applied),
      round_seen(recovered.hard_state.promised.round) {
  BATON_CHECK(recovered.base.slot <= applied && applied <= recovered.last)
      << "applied " << applied.value << " outside the log";
}

void Core::SawRound(const Ballot& ballot) { round_seen = std::max(round_seen, ballot.round); }

Message Core::To(NodeId to, MessageBody body) const {
  return Message{self(), to, config.group, std::move(body)};
}

void Core::Send(NodeId to, MessageBody body) {
  actions.push_back(consensus::Send{To(to, std::move(body))});
}

void Core::SendAfterWrites(NodeId to, MessageBody body) {
  if (disk.idle()) {
    Send(to, std::move(body));
  } else {
    Write(false, {}, {To(to, std::move(body))});
  }
}

void Core::RaisePromise(const Ballot& ballot) {
  BATON_CHECK(hard.promised < ballot)
      << "promise " << ToString(ballot) << " after " << ToString(hard.promised);
  hard.promised = ballot;
  SawRound(ballot);
}

uint64_t Core::Write(bool hard_state, std::vector<Entry> entries, std::vector<Message> then_send) {
  std::optional<Slot> last;
  if (!entries.empty()) last = entries.back().id.slot;
  const uint64_t persist_id = disk.Issue(hard_state, last);
  actions.push_back(Persist{persist_id, hard_state ? std::optional(hard) : std::nullopt,
                            std::move(entries), std::move(then_send)});
  return persist_id;
}

std::optional<std::vector<Entry>> Core::Adopt(const std::vector<Entry>& entries, Slot fixed) {
  // What lies at or below the base is chosen, and so the same in every leader's log.
  auto next = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.id.slot > log.base().slot && !log.Holds(entry.id);
  });
  if (next == entries.end()) return std::vector<Entry>();
  const Slot first = next->id.slot;
  if (first <= fixed || next->id.born < log.IdAt(first.Prev()).born) return std::nullopt;
  if (first <= log.last().slot) {
    log.CutFrom(first);
    disk.Cut(first);
    actions.push_back(SuffixReplaced{first});
  }
  for (auto entry = next; entry != entries.end(); ++entry) log.Append(*entry);
  return std::vector<Entry>(next, entries.end());
}

void Core::CommitTo(Slot slot) {
  if (slot <= commit) return;
  BATON_CHECK(slot <= log.last().slot)
      << "commit " << slot.value << " above the log's end " << log.last().slot.value;
  commit = slot;
  actions.push_back(Commit{slot});
}

uint64_t Core::Read(Slot first, uint64_t bytes_max) {
  actions.push_back(ReadLog{++log_reads, first, log.first_cached().Prev(), bytes_max});
  return log_reads;
}

bool Core::StillHolds(Slot first, const std::vector<Entry>& entries) const {
  Slot slot = first;
  for (const Entry& entry : entries) {
    if (entry.id.slot != slot || entry.bytes == nullptr || !log.Holds(entry.id)) return false;
    slot = slot.Next();
  }
  return !entries.empty();
}

void Core::Feed(Hasher* hasher) const {
  hasher->AddTime(now_us);
  hasher->Add(hard.promised);
  hasher->AddTime(hard.longest_lease_us);
  hasher->Add(hard.epoch.value);
  hasher->Add(membership.epoch.value);
  hasher->Add(uint64_t{membership.members.size()});
  for (const Member& member : membership.members) {
    hasher->Add(member.node);
    hasher->Add(static_cast<uint64_t>(member.role));
  }
  log.Feed(hasher);
  disk.Feed(hasher);
  hasher->Add(commit);
  hasher->Add(applied);
  hasher->Add(round_seen);
  hasher->Add(log_reads);
}

}  // namespace baton::consensus
