#include "tests/sim/async_workload.h"

#include <algorithm>
#include <utility>
#include <variant>

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
                 for (size_t i = 0; i < clients_.size(); ++i) Later(i, kRetryUsMax);
               });
}

void AsyncWorkload::Later(size_t client, int64_t us_max) {
  cluster_->schedule().After(cluster_->random().Skewed(1, us_max), [this, client] {
    if (!ended_) Next(client);
  });
}

void AsyncWorkload::Next(size_t client) {
  Client& who = clients_[client];
  const bool elsewhere = who.target == 0 || cluster_->random().OneIn(20);
  const uint32_t node = elsewhere ? cluster_->AnyMachine().number() : who.target;
  Machine& machine = cluster_->machine(node);
  if (!machine.up()) {
    who.target = 0;
    return Later(client, kRetryUsMax);
  }
  const std::string key = "a" + std::to_string(client) + "." + std::to_string(++who.puts);
  puts_.emplace(key, Put{});
  const int64_t now_us = cluster_->now_us();
  machine.Call(engine::WriteRequest{keyspace_, {engine::PutOp{key, "v"}}, {}}, kTimeoutUs,
               [this, client, node, key, now_us](const server::Answer* answer) {
                 if (answer != nullptr) {
                   Answered(client, node, key, now_us, *answer);
                 } else {
                   clients_[client].target = 0;
                 }
                 if (!ended_) Later(client, cluster_->plan().think_us_max);
               });
}

void AsyncWorkload::Answered(size_t client, uint32_t node, const std::string& key,
                             int64_t invoked_us, const server::Answer& answer) {
  if (closed_) return;
  Put& put = puts_.at(key);
  Client& who = clients_[client];
  if (!answer.failure.ok()) {
    put.refused = answer.failure.reason != Reason::kOutcomeUnknown;
    who.target = 0;
    if (answer.failure.reason == Reason::kNotLeader) {
      who.target = static_cast<uint32_t>(std::stoul(answer.failure.leader->name.substr(1)));
    }
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
    if (present && listed) {
      const std::string wrong = Contradiction(*present, *listed);
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
    if (!listed.emplace(key, *std::move(loss)).second) {
      cluster_->Violated("async: " + key + " is listed twice");
      return std::nullopt;
    }
  }
  return listed;
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
    if (!put.acked || present.contains(key) || listed.contains(key)) continue;
    return "async: " + key + ", acknowledged at slot " + std::to_string(put.position.slot.value) +
           " in round " + std::to_string(put.position.reign_round) +
           ", is neither readable nor listed";
  }
  return "";
}

std::string AsyncWorkload::Contradiction(const Present& present, const Listed& listed) const {
  std::map<Ballot, uint64_t> lost;  // acknowledged ones, by who had them
  for (const auto& [key, loss] : listed) {
    const Put& put = puts_.at(key);
    if (present.contains(key)) return key + " is readable and listed";
    if (put.refused) return key + " is listed, and was refused";
    if (loss.acknowledged != Loss::Acknowledged::kUnknown) return key + " is listed as sync";
    if (!put.acked) continue;
    if (put.durability == Durability::kQuorum) return key + " is lost, and had a quorum";
    if (loss.revision != put.position.revision) return key + " is listed at another revision";
    if (++lost[loss.entry.born] > kBudgetOps) return "more is lost than the budget allows";
  }
  if (!listed.empty()) cluster_->coverage().Add(Path::kLossListed);
  for (const auto& [key, revision] : present) {
    const Put& put = puts_.at(key);
    if (put.refused) return key + " is readable, and was refused";
    if (put.acked && put.position.revision != revision) return key + " has another revision";
  }
  for (const auto& [key, put] : puts_) {
    const bool quorum = put.acked && put.durability == Durability::kQuorum;
    if (quorum && !present.contains(key)) return key + " had a quorum and is not readable";
  }
  return "";
}

}  // namespace baton::sim
