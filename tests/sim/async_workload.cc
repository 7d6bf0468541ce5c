#include "tests/sim/async_workload.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/state/keyspace_change.h"
#include "engine/state/system_rows.h"

namespace baton::sim {
namespace {

using engine::Durability;
using engine::Loss;
using server::Reason;

}  // namespace

void AsyncWorkload::Create() {
  const auto later = [this] { cluster_->schedule().After(kRetryUsMax, [this] { Create(); }); };
  if (keyspace_ != KeyspaceId{}) return;
  Machine& machine = cluster_->AnyMachine();
  if (!machine.up()) return later();
  engine::KeyspaceSettings settings;
  settings.mode = engine::KeyspaceMode::kAsync;
  settings.max_unreplicated_ops = kBudgetOps;
  machine.Call(engine::KeyspaceRequest{engine::CreateKeyspace{"fast", settings}, "", ""},
               kTimeoutUs, [this, later](const server::Answer* answer) {
                 if (keyspace_ != KeyspaceId{}) return;
                 if (answer == nullptr || !answer->failure.ok()) return later();
                 keyspace_ = std::get<engine::KeyspaceResult>(answer->result).info.id;
                 for (size_t i = 0; i < clients_.size(); ++i) {
                   clients_[i].numbers = cluster_->random().OneIn(2);
                   Later(i, kRetryUsMax);
                 }
                 Alter();
               });
}

void AsyncWorkload::Later(size_t client, int64_t us_max) {
  cluster_->schedule().After(cluster_->random().Skewed(1, us_max), [this, client] {
    if (!ended_) Next(client);
  });
}

void AsyncWorkload::Alter() {
  cluster_->schedule().After(cluster_->random().Skewed(20'000, kAlterUsMax), [this] {
    if (ended_) return;
    Random& random = cluster_->random();
    Machine& machine = cluster_->AnyMachine();
    if (machine.up()) {
      engine::AlterKeyspace change;
      change.name = "fast";
      change.max_unreplicated_ops = 1 + random.Below(2 * kBudgetOps);
      change.mode = random.OneIn(4) ? engine::KeyspaceMode::kSync : engine::KeyspaceMode::kAsync;
      machine.Call(engine::KeyspaceRequest{change, "", ""}, kTimeoutUs,
                   [](const server::Answer*) {});
    }
    Alter();
  });
}

void AsyncWorkload::Next(size_t client) {
  Client& who = clients_[client];
  if (who.numbers && who.session == 0) return OpenSession(client);
  const std::string key = "a" + std::to_string(client) + "." + std::to_string(++who.puts);
  Put put;
  // What it has left behind it never asks for again.
  if (who.numbers) put.stamp = {who.session, who.puts, who.puts};
  puts_.emplace(key, put);
  Send(client, key);
}

void AsyncWorkload::OpenSession(size_t client) {
  Machine& machine = cluster_->AnyMachine();
  if (!machine.up()) return Later(client, kRetryUsMax);
  machine.Call(engine::SessionRequest{engine::OpenSession{engine::kSessionTtlMsMax}}, kTimeoutUs,
               [this, client](const server::Answer* answer) {
                 if (answer != nullptr && answer->failure.ok()) {
                   clients_[client].session =
                       std::get<engine::SessionResult>(answer->result).session;
                 }
                 if (!ended_) Later(client, kRetryUsMax);
               });
}

void AsyncWorkload::Send(size_t client, const std::string& key) {
  Client& who = clients_[client];
  const bool elsewhere = who.target == 0 || cluster_->random().OneIn(20);
  const uint32_t node = elsewhere ? cluster_->AnyMachine().number() : who.target;
  Machine& machine = cluster_->machine(node);
  if (!machine.up()) {
    who.target = 0;
    return Unanswered(client, key);
  }
  const int64_t now_us = cluster_->now_us();
  machine.Call(
      engine::WriteRequest{keyspace_, {engine::PutOp{key, "v"}}, {}}, kTimeoutUs,
      [this, client, node, key, now_us](const server::Answer* answer) {
        if (answer != nullptr) return Answered(client, node, key, now_us, *answer);
        puts_.at(key).uncertain = true;
        clients_[client].target = 0;
        Unanswered(client, key);
      },
      {}, puts_.at(key).stamp);
}

void AsyncWorkload::Unanswered(size_t client, const std::string& key) {
  if (ended_) return;
  const bool again = puts_.at(key).stamp.session != 0 && !cluster_->random().OneIn(5);
  if (!again) return Later(client, cluster_->plan().think_us_max);
  cluster_->schedule().After(cluster_->random().Skewed(1, kRetryUsMax), [this, client, key] {
    if (!ended_) Send(client, key);
  });
}

void AsyncWorkload::Answered(size_t client, uint32_t node, const std::string& key,
                             int64_t invoked_us, const server::Answer& answer) {
  if (closed_) return;
  Put& put = puts_.at(key);
  Client& who = clients_[client];
  if (!answer.failure.ok()) {
    const Reason reason = answer.failure.reason;
    who.target = 0;
    if (reason == Reason::kNotLeader) {
      who.target = static_cast<uint32_t>(std::stoul(answer.failure.leader->name.substr(1)));
    }
    put.uncertain |= reason == Reason::kOutcomeUnknown;
    put.refused = !put.uncertain;
    if (put.uncertain && reason != Reason::kFenced) return Unanswered(client, key);
    if (!ended_) Later(client, cluster_->plan().think_us_max);
    return;
  }
  who.target = node;
  put.acked = true;
  put.durability = answer.durability;
  put.position = answer.position;
  newest_acked_us_ = std::max(newest_acked_us_, invoked_us);
  cluster_->trace().Say(cluster_->now_us(), node, "acknowledges", client, put.position.slot.value,
                        static_cast<uint64_t>(put.durability));
  const bool local = put.durability == Durability::kLocal;
  cluster_->coverage().Add(local ? Path::kAckedLocal : Path::kAckedQuorum);
  if (cluster_->random().OneIn(3)) ReadBack(node, key);
  if (!ended_) Later(client, cluster_->plan().think_us_max);
}

void AsyncWorkload::ReadBack(uint32_t node, const std::string& key) {
  const uint64_t round = puts_.at(key).position.reign_round;
  cluster_->machine(node).Call(
      server::GetCall{keyspace_, {key}}, kTimeoutUs,
      [this, key, round](const server::Answer* answer) {
        if (answer == nullptr || !answer->failure.ok()) return;
        const auto& record = std::get<server::GetResult>(answer->result).records.at(0);
        if (record || answer->position.reign_round != round) return;
        cluster_->Violated("async: " + key + " was acknowledged and is not seen in its own reign");
      });
}

// ---- In the end

void AsyncWorkload::Finish() {
  closed_ = true;
  if (keyspace_ == KeyspaceId{}) return;
  constexpr int kTriesMax = 100;
  std::string unexplained = "async: keys and ledger cannot be read";
  for (int i = 0; i < kTriesMax && cluster_->violation().empty(); ++i) {
    const std::optional<Present> present = ReadKeys();
    const std::optional<Listed> listed = ReadLedger();
    const std::optional<History> history = ReadHistory();
    if (present && listed && history) {
      const std::string wrong = Contradiction(*present, *listed, *history);
      if (!wrong.empty()) return cluster_->Violated("async: " + wrong);
      unexplained = Unexplained(*present, *listed);
      if (unexplained.empty()) return;
    }
    cluster_->RunFor(100'000);  // a loss is told once its node has applied all before it
  }
  if (cluster_->violation().empty()) cluster_->Violated(unexplained);
}

std::optional<std::vector<engine::Record>> AsyncWorkload::ScanAll(engine::ScanSpec spec) {
  std::vector<engine::Record> all;
  while (true) {
    const uint32_t leader = cluster_->Leader();
    if (leader == 0) return std::nullopt;
    bool answered = false;
    std::optional<engine::ScanPage> page;
    cluster_->machine(leader).Call(spec, kTimeoutUs, [&](const server::Answer* answer) {
      answered = true;
      if (answer != nullptr && answer->failure.ok()) {
        page = std::get<engine::ScanPage>(answer->result);
      }
    });
    cluster_->RunUntil([&] { return answered; }, 2 * kTimeoutUs);
    if (!page) return std::nullopt;
    all.insert(all.end(), page->records.begin(), page->records.end());
    if (!page->next) return all;
    spec.begin = *page->next;
  }
}

std::optional<AsyncWorkload::Present> AsyncWorkload::ReadKeys() {
  const auto records = ScanAll({.keyspace = keyspace_});
  if (!records) return std::nullopt;
  Present present;
  for (const engine::Record& record : *records) present.emplace(record.key, record.revision);
  return present;
}

std::optional<AsyncWorkload::Listed> AsyncWorkload::ReadLedger() {
  const engine::KeyRange rows = engine::SystemRows(engine::SystemTable::kLosses);
  const auto records = ScanAll({.keyspace = kSystemKeyspace, .begin = rows.begin, .end = rows.end});
  if (!records) return std::nullopt;
  Listed listed;
  for (const engine::Record& record : *records) {
    const auto suffix = std::string_view(record.key).substr(engine::kSystemTableBytes);
    auto loss = engine::DecodeLoss(suffix, record.value);
    if (!loss.ok()) {
      cluster_->Violated("async: a row of the ledger: " + loss.status().ToString());
      return std::nullopt;
    }
    if (loss->keyspace != keyspace_) continue;
    const std::string key = loss->key;
    listed.revisions[key].insert(loss->revision);
    if (loss->acknowledged == Loss::Acknowledged::kAgain) {
      listed.again.insert(key);
    } else if (loss->acknowledged == Loss::Acknowledged::kNo) {
      listed.untold[key].insert(loss->revision);
    } else if (!listed.lost.emplace(key, *std::move(loss)).second) {
      cluster_->Violated("async: " + key + " is listed twice");
      return std::nullopt;
    }
  }
  return listed;
}

std::optional<AsyncWorkload::History> AsyncWorkload::ReadHistory() {
  constexpr auto kTable = engine::SystemTable::kKeyspaceChanges;
  const std::string begin =
      engine::SystemRowKey(kTable, engine::KeyspaceChangeSuffix(keyspace_, Revision{}));
  const std::string end = engine::SystemRowKey(
      kTable, engine::KeyspaceChangeSuffix(KeyspaceId{keyspace_.value + 1}, Revision{}));
  const auto records = ScanAll({.keyspace = kSystemKeyspace, .begin = begin, .end = end});
  if (!records) return std::nullopt;
  History history;
  for (const engine::Record& record : *records) {
    const auto change = engine::DecodeKeyspaceChange(keyspace_, record.value);
    if (!change.ok()) {
      cluster_->Violated("async: a change of the keyspace: " + change.status().ToString());
      return std::nullopt;
    }
    const engine::KeyspaceSettings& settings = change->info.settings;
    history.modes[change->stamp.slot] = settings.mode;
    history.budget_ops = std::max(history.budget_ops, settings.max_unreplicated_ops);
  }
  return history;
}

// A node that is damaged or leaves may take the only copy with it.
bool AsyncWorkload::MayLoseTheLedger() const {
  const Plan& plan = cluster_->plan();
  const auto has = [](const std::vector<std::string>& names, const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(plan.nemeses, "damage") || has(plan.workloads, "membership");
}

std::string AsyncWorkload::Unexplained(const Present& present, const Listed& listed) const {
  if (MayLoseTheLedger()) return "";
  for (const auto& [key, put] : puts_) {
    if (!put.acked || present.contains(key) || listed.lost.contains(key)) continue;
    return "async: " + key + ", acknowledged at slot " + std::to_string(put.position.slot.value) +
           " in round " + std::to_string(put.position.reign_round) +
           ", is neither readable nor listed";
  }
  return "";
}

// What was acknowledged LOCAL, and is there, was written where the keyspace is async. A change in
// the same entry may come before or after it.
std::string AsyncWorkload::WrongMode(const std::string& key, const Put& put,
                                     const History& history) {
  const Slot slot = put.position.slot;
  if (put.durability != Durability::kLocal || history.modes.contains(slot)) return "";
  const auto after = history.modes.lower_bound(slot);
  if (after == history.modes.begin() || std::prev(after)->second == engine::KeyspaceMode::kAsync) {
    return "";
  }
  return key + " was acknowledged LOCAL where the keyspace is sync";
}

std::string AsyncWorkload::Contradiction(const Present& present, const Listed& listed,
                                         const History& history) const {
  std::map<Ballot, uint64_t> lost;  // acknowledged ones, by who had them
  for (const std::string& key : listed.again) {
    if (present.contains(key) || listed.lost.contains(key)) continue;
    return key + " is listed as sent again, and no attempt counts";
  }
  if (!listed.again.empty()) cluster_->coverage().Add(Path::kLossSentAgain);
  for (const auto& [key, loss] : listed.lost) {
    const Put& put = puts_.at(key);
    if (put.refused) return key + " is listed, and was refused";
    if (const auto found = present.find(key); found != present.end()) {
      return key + " is readable at revision " + std::to_string(found->second.value) +
             " and listed as lost: " + ToString(loss.entry) + " at revision " +
             std::to_string(loss.revision.value) + ", session " + std::to_string(loss.session) +
             ", number " + std::to_string(loss.sequence);
    }
    if (!put.acked) continue;
    if (put.durability == Durability::kQuorum) return key + " is lost, and had a quorum";
    // The row of what was acknowledged may be lost where that of an earlier attempt is not.
    if (!MayLoseTheLedger() && !listed.revisions.at(key).contains(put.position.revision)) {
      std::string revisions;
      for (const Revision& each : listed.revisions.at(key)) {
        revisions += " " + std::to_string(each.value);
      }
      return key + " was acknowledged at revision " + std::to_string(put.position.revision.value) +
             ", slot " + ToString(put.position.slot) + " of reign " +
             std::to_string(put.position.reign_round) + ", and is listed as lost at" + revisions;
    }
    if (loss.revision != put.position.revision) continue;  // of an attempt that was not answered
    if (++lost[loss.entry.born] > history.budget_ops) return "more is lost than the budget allows";
  }
  for (const auto& [key, revisions] : listed.untold) {
    const Put& put = puts_.at(key);
    if (put.refused) return key + " is listed, and was refused";
    if (put.acked && revisions.contains(put.position.revision)) {
      return key + " is listed as not acknowledged, and was";
    }
  }
  if (!listed.lost.empty()) cluster_->coverage().Add(Path::kLossListed);
  for (const auto& [key, revision] : present) {
    const Put& put = puts_.at(key);
    if (put.refused) return key + " is readable, and was refused";
    if (!put.acked) continue;
    if (put.position.revision != revision) return key + " has another revision";
    if (std::string wrong = WrongMode(key, put, history); !wrong.empty()) return wrong;
  }
  for (const auto& [key, put] : puts_) {
    const bool quorum = put.acked && put.durability == Durability::kQuorum;
    if (quorum && !present.contains(key)) return key + " had a quorum and is not readable";
  }
  return "";
}

}  // namespace baton::sim
