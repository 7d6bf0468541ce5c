#include "tests/sim/session_workload.h"

#include <utility>
#include <variant>

namespace baton::sim {
namespace {

using Outcome = engine::SessionResult::Outcome;
using server::Reason;

std::string CounterOf(size_t client) { return "s" + std::to_string(client); }

}  // namespace

void SessionWorkload::Begin() {
  for (size_t i = 0; i < clients_.size(); ++i) OpenSession(i);
}

void SessionWorkload::Later(int64_t us_max, size_t client, void (SessionWorkload::*step)(size_t)) {
  cluster_->schedule().After(cluster_->random().Skewed(1, us_max), [this, client, step] {
    if (!ended_) (this->*step)(client);
  });
}

void SessionWorkload::Call(uint32_t node, server::Request request,
                           const engine::SessionStamp& stamp, Machine::Done done) {
  Machine& machine = cluster_->machine(node);
  if (!machine.up()) return done(nullptr);
  machine.Call(std::move(request), kTimeoutUs, std::move(done), {}, stamp);
}

void SessionWorkload::OpenSession(size_t client) {
  const uint32_t node = cluster_->AnyMachine().number();
  const engine::SessionRequest open = engine::OpenSession{kTtlMs};
  const auto opened = [this, client](const server::Answer* answer) {
    Client& who = clients_[client];
    if (who.session != 0) return;  // by another attempt
    if (answer == nullptr || !answer->failure.ok()) {
      return Later(kRetryUsMax, client, &SessionWorkload::OpenSession);
    }
    who.session = std::get<engine::SessionResult>(answer->result).session;
    for (size_t i = 0; i < kOpenMax; ++i) {
      Later(cluster_->plan().think_us_max, client, &SessionWorkload::Start);
    }
  };
  Call(node, open, {}, opened);
}

void SessionWorkload::Start(size_t client) {
  Client& who = clients_[client];
  if (cluster_->random().OneIn(16)) ++who.next;  // gaps are allowed
  const uint64_t number = who.next++;
  who.open.emplace(number, 0);
  Try(client, number);
}

void SessionWorkload::Try(size_t client, uint64_t number) {
  Client& who = clients_[client];
  const auto open = who.open.find(number);
  if (open == who.open.end()) return;
  const uint64_t attempt = ++open->second;
  Random& random = cluster_->random();
  if (attempt > 1 && random.OneIn(8)) {
    Ask(client, number, attempt);
  } else {
    Send(client, number, attempt);
    if (random.OneIn(6)) Send(client, number, kCopy);
  }
  cluster_->schedule().After(kGiveUpUs, [this, client, number, attempt] {
    const auto still = clients_[client].open.find(number);
    if (ended_ || still == clients_[client].open.end() || still->second != attempt) return;
    Try(client, number);
  });
}

void SessionWorkload::Send(size_t client, uint64_t number, uint64_t attempt) {
  const Client& who = clients_[client];
  const uint64_t lowest = who.open.empty() ? who.next : who.open.begin()->first;
  const engine::SessionStamp stamp{who.session, number, std::min(lowest, number)};
  const engine::WriteRequest add{kDefaultKeyspace, {engine::IncrementOp{CounterOf(client), 1}}, {}};
  const int64_t now_us = cluster_->now_us();
  Call(cluster_->AnyMachine().number(), add, stamp,
       [this, client, number, attempt, now_us](const server::Answer* answer) {
         Answered(client, number, attempt, now_us, answer);
       });
}

void SessionWorkload::Ask(size_t client, uint64_t number, uint64_t attempt) {
  const engine::SessionRequest ask = engine::GetOutcome{clients_[client].session, number};
  const int64_t now_us = cluster_->now_us();
  Call(cluster_->AnyMachine().number(), ask, {},
       [this, client, number, attempt, now_us](const server::Answer* answer) {
         Answered(client, number, attempt, now_us, answer);
       });
}

void SessionWorkload::Answered(size_t client, uint64_t number, uint64_t attempt, int64_t invoked_us,
                               const server::Answer* answer) {
  if (answer == nullptr) return;  // sent again once its time is up
  if (!answer->failure.ok()) return Refused(client, number, attempt, answer->failure.reason);
  newest_acked_us_ = std::max(newest_acked_us_, invoked_us);
  if (const auto* write = std::get_if<engine::WriteResult>(&answer->result)) {
    return Settle(client, number, write->numbers.at(0));
  }
  const auto& told = std::get<engine::SessionResult>(answer->result);
  const bool open = clients_[client].open.count(number) != 0;
  switch (told.outcome) {
    case Outcome::kApplied:
      return Settle(client, number, told.result.numbers.at(0));
    case Outcome::kNotApplied:
      cluster_->coverage().Add(Path::kWriteFenced);
      return Settle(client, number, std::nullopt);
    case Outcome::kExpired:
      if (open) Wrong(client, number, "has expired before it was acknowledged");
      return;
    default:
      return Wrong(client, number, "is told to be lost, in a sync keyspace");
  }
}

void SessionWorkload::Refused(size_t client, uint64_t number, uint64_t attempt, Reason reason) {
  const bool open = clients_[client].open.count(number) != 0;
  switch (reason) {
    case Reason::kFenced:
      return Settle(client, number, std::nullopt);
    case Reason::kSessionTooOld:
      if (open) Wrong(client, number, "is too old before it was acknowledged");
      return;
    case Reason::kSessionUnknown:
      return Wrong(client, number, "is of a session that is not known any more");
    default:
      break;  // of this attempt
  }
  if (!open || ended_ || clients_[client].open.at(number) != attempt) return;
  cluster_->schedule().After(cluster_->random().Skewed(1, kRetryUsMax), [this, client, number] {
    if (!ended_) Try(client, number);
  });
}

void SessionWorkload::Settle(size_t client, uint64_t number, Fate fate) {
  Client& who = clients_[client];
  if (const auto known = who.settled.find(number); known != who.settled.end()) {
    cluster_->coverage().Add(Path::kWriteRepeated);
    if (known->second != fate) Wrong(client, number, "was told two things");
    return;
  }
  who.settled.emplace(number, fate);
  who.open.erase(number);
  cluster_->trace().Say(cluster_->now_us(), 0, "settled", client, number,
                        static_cast<uint64_t>(fate.value_or(0)));
  if (ended_) return;
  if (cluster_->random().OneIn(6)) {  // a late copy
    cluster_->schedule().After(cluster_->random().Skewed(1, 2'000'000),
                               [this, client, number] { Send(client, number, kCopy); });
  }
  Later(cluster_->plan().think_us_max, client, &SessionWorkload::Start);
}

void SessionWorkload::Wrong(size_t client, uint64_t number, const std::string& what) {
  cluster_->Violated("sessions: number " + std::to_string(number) + " of client " +
                     std::to_string(client) + " " + what);
}

void SessionWorkload::Finish() {
  for (size_t client = 0; client < clients_.size(); ++client) {
    if (!SettleRest(client)) return;
    std::set<int64_t> sums;
    int64_t applied = 0;
    for (const auto& [number, fate] : clients_[client].settled) {
      if (!fate) continue;
      ++applied;
      if (!sums.insert(*fate).second) Wrong(client, number, "was told the sum of another");
    }
    const std::optional<int64_t> sum = ReadCounter(client);
    if (sum != applied) {
      return cluster_->Violated("sessions: client " + std::to_string(client) + " has " +
                                std::to_string(applied) + " increments applied, its counter is " +
                                (sum ? std::to_string(*sum) : "not readable"));
    }
  }
}

// Asks for the outcome of all that are open.
bool SessionWorkload::SettleRest(size_t client) {
  constexpr int kTriesMax = 200;
  Client& who = clients_[client];
  for (int i = 0; i < kTriesMax && !who.open.empty(); ++i) {
    Ask(client, who.open.begin()->first, kCopy);
    cluster_->RunFor(20'000);
    if (!cluster_->violation().empty()) return false;
  }
  if (who.open.empty()) return true;
  Wrong(client, who.open.begin()->first, "cannot be settled in the end");
  return false;
}

std::optional<int64_t> SessionWorkload::ReadCounter(size_t client) {
  constexpr int kTriesMax = 50;
  std::optional<int64_t> sum;
  const auto read = [&sum](const server::Answer* answer) {
    if (answer == nullptr || !answer->failure.ok()) return;
    const auto& record = std::get<server::GetResult>(answer->result).records.at(0);
    sum = record ? std::stoll(record->value) : 0;
  };
  for (int i = 0; i < kTriesMax && !sum; ++i) {
    if (const uint32_t leader = cluster_->Leader(); leader != 0) {
      Call(leader, server::GetCall{kDefaultKeyspace, {CounterOf(client)}}, {}, read);
    }
    cluster_->RunUntil([&] { return sum.has_value(); }, kGiveUpUs);
  }
  return sum;
}

}  // namespace baton::sim
