#include "server/replica/unreplicated.h"

#include <algorithm>
#include <iterator>

namespace baton::server {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

}  // namespace

void RecentHigh::Note(uint64_t value, int64_t now_us) {
  const int64_t number = now_us / kSecondUs;
  Second& second = seconds_[static_cast<size_t>(number % kSeconds)];
  if (second.number != number) second = Second{number, 0};
  second.high = std::max(second.high, value);
}

uint64_t RecentHigh::Get(int64_t now_us) const {
  const int64_t oldest = now_us / kSecondUs - kSeconds + 1;
  uint64_t high = 0;
  for (const Second& second : seconds_) {
    if (second.number >= oldest) high = std::max(high, second.high);
  }
  return high;
}

Unreplicated::Budget Unreplicated::BudgetOf(const engine::KeyspaceInfo& info) {
  const engine::KeyspaceSettings& settings = info.settings;
  return Budget{settings.max_unreplicated_bytes, settings.max_unreplicated_ops,
                static_cast<int64_t>(settings.max_unreplicated_ms) * 1'000};
}

void Unreplicated::Tail::Add(Slot slot, const Charge& charge, int64_t since_us) {
  auto at = pieces.end();
  while (at != pieces.begin() && std::prev(at)->slot >= slot) --at;
  if (at == pieces.end() || at->slot != slot) at = pieces.insert(at, Piece{slot, 0, 0, since_us});
  at->ops += charge.ops;
  at->bytes += charge.bytes;
  at->since_us = std::min(at->since_us, since_us);
  ops += charge.ops;
  bytes += charge.bytes;
}

void Unreplicated::Tail::DropUpTo(Slot slot) {
  while (!pieces.empty() && pieces.front().slot <= slot) {
    ops -= pieces.front().ops;
    bytes -= pieces.front().bytes;
    pieces.pop_front();
  }
}

void Unreplicated::BeginReign(const engine::Keyspaces& keyspaces) {
  MutexLock lock(&mutex_);
  accounts_.clear();
  busy_.clear();
  for (const engine::KeyspacePtr& info : keyspaces.List()) {
    Account& account = accounts_[info->id];
    account.info = info;
    account.budget = BudgetOf(*info);
  }
}

void Unreplicated::EndReign() {
  MutexLock lock(&mutex_);
  accounts_.clear();
  busy_.clear();
}

void Unreplicated::Changed(const engine::KeyspacePtr& keyspace, Slot slot) {
  MutexLock lock(&mutex_);
  Account& account = accounts_[keyspace->id];
  const bool same_mode =
      account.info != nullptr && account.info->settings.mode == keyspace->settings.mode;
  if (!same_mode) account.since = slot;
  const Budget after = BudgetOf(*keyspace);
  const Budget before = account.info == nullptr ? after : account.budget;
  account.budget = Budget{std::min(before.bytes, after.bytes), std::min(before.ops, after.ops),
                          std::min(before.age_us, after.age_us)};
  account.changed = slot;
  account.info = keyspace;
}

void Unreplicated::Dropped(KeyspaceId keyspace) {
  MutexLock lock(&mutex_);
  accounts_.erase(keyspace);
  busy_.erase(keyspace);
}

bool Unreplicated::IsAsync(KeyspaceId keyspace) const {
  MutexLock lock(&mutex_);
  const auto found = accounts_.find(keyspace);
  return found != accounts_.end() &&
         found->second.info->settings.mode == engine::KeyspaceMode::kAsync;
}

bool Unreplicated::Refuses(const Charge& charge, int64_t now_us) {
  MutexLock lock(&mutex_);
  const auto found = accounts_.find(charge.keyspace);
  if (found == accounts_.end() || charge.ops == 0) return false;
  Account& account = found->second;
  const engine::KeyspaceSettings& settings = account.info->settings;
  if (settings.mode != engine::KeyspaceMode::kAsync ||
      settings.on_budget != engine::OnBudget::kFail) {
    return false;
  }
  const Tail& tail = account.sequenced;
  const Budget& budget = account.budget;
  const bool fits = tail.ops + charge.ops <= budget.ops &&
                    tail.bytes + charge.bytes <= budget.bytes &&
                    tail.AgeUs(now_us) <= budget.age_us;
  if (!fits) ++counts_[charge.keyspace].failed;
  return !fits;
}

void Unreplicated::Sequenced(Slot slot, const Charges& charges, int64_t now_us) {
  MutexLock lock(&mutex_);
  for (const Charge& charge : charges) {
    const auto found = accounts_.find(charge.keyspace);
    if (found == accounts_.end() || charge.ops == 0) continue;
    found->second.sequenced.Add(slot, charge, now_us);
    busy_.insert(charge.keyspace);
  }
}

bool Unreplicated::Fits(const Account& account, const Charge& charge, int64_t sequenced_us,
                        int64_t now_us) {
  if (charge.ops == 0) return true;
  const int64_t age_us = std::max(now_us - sequenced_us, account.acked.AgeUs(now_us));
  return account.acked.ops + charge.ops <= account.budget.ops &&
         account.acked.bytes + charge.bytes <= account.budget.bytes &&
         age_us <= account.budget.age_us;
}

void Unreplicated::Applied(Slot applied) {
  MutexLock lock(&mutex_);
  if (applied <= applied_) return;
  applied_ = applied;
  for (auto& [id, account] : accounts_) {
    if (account.changed <= applied_) account.budget = BudgetOf(*account.info);
  }
}

Unreplicated::Verdict Unreplicated::MayAck(const Charges& charges, int64_t sequenced_us,
                                           int64_t now_us) {
  MutexLock lock(&mutex_);
  const auto async = [&](const Charge& charge) { return FindAsync(charge.keyspace) != nullptr; };
  if (!std::all_of(charges.begin(), charges.end(), async)) return {};
  for (const Charge& charge : charges) {
    const Account& account = *FindAsync(charge.keyspace);
    if (!Fits(account, charge, sequenced_us, now_us)) return {false, charge.keyspace};
  }
  return {true};
}

const Unreplicated::Account* Unreplicated::FindAsync(KeyspaceId keyspace) const {
  const auto found = accounts_.find(keyspace);
  if (found == accounts_.end()) return nullptr;
  const Account& account = found->second;
  const bool async = account.info->settings.mode == engine::KeyspaceMode::kAsync;
  return async && account.since <= applied_ ? &account : nullptr;
}

void Unreplicated::NoteHighs(Account* account, int64_t now_us) {
  account->ops_high.Note(account->acked.ops, now_us);
  account->bytes_high.Note(account->acked.bytes, now_us);
  account->age_high_us.Note(static_cast<uint64_t>(account->acked.AgeUs(now_us)), now_us);
}

void Unreplicated::Acked(Slot slot, const Charges& charges, int64_t sequenced_us, int64_t now_us) {
  MutexLock lock(&mutex_);
  for (const Charge& charge : charges) {
    if (charge.ops == 0) continue;
    Account& account = accounts_.at(charge.keyspace);
    account.acked.Add(slot, charge, sequenced_us);
    NoteHighs(&account, now_us);
  }
}

void Unreplicated::Waited(KeyspaceId keyspace) {
  MutexLock lock(&mutex_);
  ++counts_[keyspace].waited;
}

void Unreplicated::Committed(Slot commit, int64_t now_us) {
  MutexLock lock(&mutex_);
  for (auto at = busy_.begin(); at != busy_.end();) {
    Account& account = accounts_.at(*at);
    account.sequenced.DropUpTo(commit);
    if (!account.acked.pieces.empty()) {
      NoteHighs(&account, now_us);
      account.acked.DropUpTo(commit);
    }
    at = account.sequenced.pieces.empty() ? busy_.erase(at) : std::next(at);
  }
}

std::map<KeyspaceId, UnreplicatedStats> Unreplicated::Stats(int64_t now_us) const {
  MutexLock lock(&mutex_);
  std::map<KeyspaceId, UnreplicatedStats> all;
  for (const auto& [id, account] : accounts_) {
    UnreplicatedStats& stats = all[id];
    stats.ops = account.acked.ops;
    stats.bytes = account.acked.bytes;
    stats.age_us = account.acked.AgeUs(now_us);
    stats.ops_high = account.ops_high.Get(now_us);
    stats.bytes_high = account.bytes_high.Get(now_us);
    stats.age_high_us =
        std::max(static_cast<int64_t>(account.age_high_us.Get(now_us)), stats.age_us);
    if (const auto counts = counts_.find(id); counts != counts_.end()) {
      stats.waited = counts->second.waited;
      stats.failed = counts->second.failed;
    }
  }
  return all;
}

}  // namespace baton::server
