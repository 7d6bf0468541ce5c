#include "tests/sim/register_workload.h"

#include <set>
#include <utility>
#include <variant>

namespace baton::sim {
namespace {

using history::Kind;
using history::Operation;
using history::Outcome;

server::Request RequestOf(const Operation& operation, bool want_existed) {
  switch (operation.kind) {
    case Kind::kGet:
      return server::GetCall{kDefaultKeyspace, {operation.key}};
    case Kind::kPut:
      return engine::WriteRequest{kDefaultKeyspace,
                                  {engine::PutOp{operation.key, *operation.value}}};
    case Kind::kDelete:
      break;
  }
  return engine::WriteRequest{kDefaultKeyspace, {engine::DeleteOp{operation.key, want_existed}}};
}

}  // namespace

RegisterWorkload::RegisterWorkload(Cluster* cluster)
    : cluster_(cluster), clients_(cluster->plan().clients), keys_(cluster->plan().keys) {
  for (Client& client : clients_) client.name = ++last_name_;
}

void RegisterWorkload::Begin() {
  for (size_t i = 0; i < clients_.size(); ++i) NextSoon(i, cluster_->plan().think_us_max);
}

void RegisterWorkload::NextSoon(size_t client, int64_t us_max) {
  cluster_->schedule().After(cluster_->random().Skewed(1, us_max), [this, client] {
    if (!ended_) Next(client);
  });
}

uint32_t RegisterWorkload::Target(Client* client) {
  if (client->target != 0 && !cluster_->random().OneIn(12)) return client->target;
  return cluster_->AnyMachine().number();
}

std::string RegisterWorkload::PickKey() {
  const size_t i = cluster_->random().Below(keys_.size());
  Key& key = keys_[i];
  if (++key.operations > kKeyOperationsMax) key = Key{key.generation + 1, 1};
  return "k" + std::to_string(i) + "." + std::to_string(key.generation);
}

Operation RegisterWorkload::Draw(Client* client, const std::string& key) {
  Random& random = cluster_->random();
  Operation operation;
  operation.client = client->name;
  operation.key = key;
  const uint64_t kind = random.Below(10);
  if (kind < 5) {
    operation.kind = Kind::kPut;
    operation.value = std::to_string(client->name) + "." + std::to_string(++client->asked);
    const uint32_t padding_max = cluster_->plan().value_bytes_max;
    if (padding_max != 0 && random.OneIn(8)) {
      *operation.value += "." + std::string(random.Below(padding_max), 'x');
    }
  } else if (kind == 5) {
    operation.kind = Kind::kDelete;
  }
  return operation;
}

void RegisterWorkload::Next(size_t client) {
  Operation operation = Draw(&clients_[client], PickKey());
  server::ReadLevel level;
  if (operation.kind == Kind::kGet) level = levels_.Draw(&cluster_->random());
  const uint32_t node = level.named() ? cluster_->AnyMachine().number() : Target(&clients_[client]);
  if (!cluster_->machine(node).up()) {  // the connection is refused
    clients_[client].target = 0;
    return NextSoon(client, kRetryUsMax);
  }
  Ask(client, node, std::move(operation), level);
}

void RegisterWorkload::Ask(size_t client, uint32_t node, Operation operation,
                           const server::ReadLevel& level) {
  operation.invoked_us = cluster_->now_us();
  operation.outcome = Outcome::kUnknown;
  const server::Request request = RequestOf(operation, cluster_->random().OneIn(2));
  const size_t place = history_.size();
  history_.push_back(std::move(operation));
  clients_[client].open = place;
  clients_[client].level = level;
  ++busy_;
  cluster_->schedule().After(kGiveUpUs,
                             [this, client, place] { Answered(client, place, nullptr); });
  Machine& machine = cluster_->machine(node);
  const auto done = [this, client, place, &machine](const server::Answer* answer) {
    Answered(client, place, answer);
    const Operation& settled = history_[place];
    if (settled.kind == Kind::kGet && settled.outcome == Outcome::kOk && machine.DiskFull()) {
      cluster_->coverage().Add(Path::kReadWhileFull);
    }
  };
  machine.Call(request, kTimeoutUs, done, level);
}

void RegisterWorkload::Answered(size_t client, size_t operation, const server::Answer* answer) {
  Client& who = clients_[client];
  if (who.open != operation) return;  // it gave up before, or was answered
  who.open = kNone;
  --busy_;
  Operation& settled = history_[operation];
  settled.returned_us = cluster_->now_us();
  Settle(&settled, answer, &who);
  cluster_->trace().Say(cluster_->now_us(), 0, Name(settled.outcome), settled.client,
                        settled.revision, settled.slot);
  if (settled.outcome == Outcome::kUnknown) who.name = ++last_name_;
  if (!ended_) {
    const int64_t think_us_max = cluster_->plan().think_us_max;
    NextSoon(client, settled.outcome == Outcome::kOk ? think_us_max : kRetryUsMax);
  }
}

void RegisterWorkload::Settle(Operation* operation, const server::Answer* answer, Client* client) {
  if (answer == nullptr) {
    client->target = 0;
    return;
  }
  const std::string wrong = levels_.Judge(client->level, operation->invoked_us, *answer);
  if (!wrong.empty()) cluster_->Violated(wrong);
  if (!answer->failure.ok()) {
    if (answer->failure.reason != server::Reason::kOutcomeUnknown) {
      operation->outcome = Outcome::kFailed;
    }
    return Refused(answer->failure, client);
  }
  operation->outcome = Outcome::kOk;
  operation->slot = answer->position.slot.value;
  operation->revision = answer->position.revision.value;
  if (const auto* get = std::get_if<server::GetResult>(&answer->result)) {
    if (get->records.at(0)) operation->value = get->records[0]->value;
    SettleLevel(operation, client->level);
  }
  if (operation->outcome == Outcome::kOk) levels_.Answered(cluster_->now_us(), answer->position);
  if (operation->kind == Kind::kGet) return;
  newest_acked_us_ = std::max(newest_acked_us_, operation->invoked_us);
}

void RegisterWorkload::SettleLevel(Operation* operation, const server::ReadLevel& level) {
  switch (level.kind) {
    case server::ReadLevel::Kind::kUnnamed:
      return;
    case server::ReadLevel::Kind::kLinearizable:
      return cluster_->coverage().Add(Path::kReadThroughSlot);
    case server::ReadLevel::Kind::kBoundedStaleness:
      cluster_->coverage().Add(Path::kReadBounded);
      break;
    case server::ReadLevel::Kind::kAtLeast:
      cluster_->coverage().Add(Path::kReadAtLeast);
      break;
  }
  operation->outcome = Outcome::kFailed;  // no matter of linearizability
}

void RegisterWorkload::Refused(const server::Failure& failure, Client* client) {
  client->target = 0;
  Coverage& coverage = cluster_->coverage();
  switch (failure.reason) {
    case server::Reason::kNotLeader:
      coverage.Add(Path::kRedirected);
      client->target = static_cast<uint32_t>(std::stoul(failure.leader->name.substr(1)));
      break;
    case server::Reason::kTooStale:
      coverage.Add(Path::kReadTooStale);
      break;
    case server::Reason::kOutcomeUnknown:
      coverage.Add(Path::kOutcomeUnknown);
      break;
    case server::Reason::kDeadline:
      coverage.Add(Path::kDeadlinePassed);
      break;
    case server::Reason::kDiskFull:
      coverage.Add(Path::kDiskFullRefused);
      if (failure.code != absl::StatusCode::kResourceExhausted) {
        cluster_->Violated("a write refused for a full disk has another code");
      }
      break;
    default:
      break;
  }
}

void RegisterWorkload::Finish() {
  std::set<std::string> keys;
  for (const Operation& operation : history_) keys.insert(operation.key);
  for (const std::string& key : keys) {
    if (!ReadOne(key)) return cluster_->Violated("key " + key + " cannot be read in the end");
  }
}

// By one more client, until it succeeds.
bool RegisterWorkload::ReadOne(const std::string& key) {
  constexpr int kTriesMax = 50;
  for (int i = 0; i < kTriesMax; ++i) {
    const uint32_t leader = cluster_->Leader();
    if (leader == 0) {
      cluster_->RunFor(50'000);
      continue;
    }
    Operation operation;
    operation.client = clients_[0].name;
    operation.key = key;
    const size_t place = history_.size();
    Ask(0, leader, std::move(operation));
    cluster_->RunUntil([&] { return clients_[0].open != place; }, kGiveUpUs + 1);
    if (history_[place].outcome == Outcome::kOk) return true;
    if (!cluster_->violation().empty()) return false;
    cluster_->RunFor(20'000);
  }
  return false;
}

}  // namespace baton::sim
