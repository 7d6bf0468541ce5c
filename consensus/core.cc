#include "consensus/core.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"

namespace baton::consensus {
namespace {

// The first was chosen when it was written, and so is what is applied: of these only the newest
// counts. Above it the log tells, entry by entry: a crash may have left the hard state of a write
// without its entries, or an entry that the hard state already had as replaced.
Configurations InForce(const Recovered& recovered) {
  const std::vector<Configuration>& written = recovered.hard_state.configurations.all();
  std::vector<Configuration> known{written.front()};
  for (const Configuration& each : written) {
    if (each.at.slot <= recovered.applied) known = {each};
  }
  const Epoch chosen = known.front().membership.epoch;
  for (const Configuration& each : recovered.in_log) {
    if (chosen < each.membership.epoch) known.push_back(each);
  }
  return Configurations(std::move(known));
}

}  // namespace

Core::Core(const Config& config, const Recovered& recovered, int64_t now_us)
    : config(config),
      now_us(now_us),
      hard(recovered.hard_state),
      log(recovered.base, recovered.last, recovered.runs),
      disk(recovered.last),
      gate(now_us),
      commit(recovered.applied),
      applied(recovered.applied),
      round_seen(recovered.hard_state.promised.round) {
  BATON_CHECK(recovered.base.slot <= applied && applied <= recovered.last)
      << "applied " << applied.value << " outside the log";
  hard.configurations = InForce(recovered);
  if (recovered.seal) {
    sealed = Sealed{log.last(), *recovered.seal};
    SawRound(SuccessorOf(log.last().born, *recovered.seal));
  }
}

const Seal* Core::SealAtEnd() const {
  return sealed && sealed->at == log.last() ? &sealed->seal : nullptr;
}

Ballot Core::Promised() const {
  const Seal* seal = SealAtEnd();
  if (seal == nullptr || log.last().born != hard.promised) return hard.promised;
  return SuccessorOf(hard.promised, *seal);
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
    Write({}, {To(to, std::move(body))});
  }
}

void Core::RaisePromise(const Ballot& ballot) {
  BATON_CHECK(hard.promised < ballot)
      << "promise " << ToString(ballot) << " after " << ToString(hard.promised);
  hard.promised = ballot;
  hard_changed = true;
  SawRound(ballot);
}

uint64_t Core::Write(std::vector<Entry> entries, std::vector<Message> then_send) {
  const bool with_state = std::exchange(hard_changed, false);
  std::optional<Slot> last;
  if (!entries.empty()) last = entries.back().id.slot;
  const uint64_t persist_id = disk.Issue(with_state, last);
  if (with_state || last) gate.Issued(now_us);
  actions.push_back(Persist{persist_id, with_state ? std::optional(hard) : std::nullopt,
                            std::move(entries), std::move(then_send)});
  return persist_id;
}

void Core::Append(const Entry& entry) {
  log.Append(entry);
  if (const auto* seal = std::get_if<Seal>(&entry.core)) {
    sealed = Sealed{entry.id, *seal, /*fresh=*/true};
    SawRound(SuccessorOf(entry.id.born, *seal));
  }
  hard_changed |= hard.configurations.Appended(entry);
}

void Core::Wrote(uint64_t persist_id) {
  if (disk.Done(persist_id)) gate.Completed(now_us, disk.writing());
}

void Core::Probe() {
  gate.ProbeIssued(now_us);
  actions.push_back(ProveWrite{});
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
    hard_changed |= hard.configurations.CutFrom(first);
    actions.push_back(SuffixReplaced{first});
  }
  for (auto entry = next; entry != entries.end(); ++entry) Append(*entry);
  return std::vector<Entry>(next, entries.end());
}

void Core::CommitTo(Slot slot) {
  if (slot <= commit) return;
  BATON_CHECK(slot <= log.last().slot)
      << "commit " << slot.value << " above the log's end " << log.last().slot.value;
  commit = slot;
  hard.configurations.Chosen(commit);
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
  hard.configurations.Feed(hasher);
  hasher->Add(uint64_t{hard_changed});
  log.Feed(hasher);
  disk.Feed(hasher);
  gate.Feed(hasher);
  hasher->Add(commit);
  hasher->Add(applied);
  hasher->Add(data_floor);
  hasher->Add(uint64_t{sealed.has_value()});
  if (sealed) {
    hasher->Add(sealed->at);
    hasher->Add(sealed->seal.handover);
    hasher->Add(sealed->seal.to);
    hasher->Add(uint64_t{sealed->fresh});
  }
  hasher->Add(round_seen);
  hasher->Add(log_reads);
  HealthTable{0, {{self(), measured.health}}, measured.order}.Feed(hasher);
  hasher->Add(measured.policy_version);
  hasher->Add(measured.state_bytes);
  hasher->Add(measured.log_bytes);
}

}  // namespace baton::consensus
