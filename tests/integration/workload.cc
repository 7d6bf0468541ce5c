#include "tests/integration/workload.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace baton::testing {
namespace {

using history::Kind;
using history::Operation;
using history::Outcome;
using std::chrono::milliseconds;

// One clock for all threads.
int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string KeyName(uint64_t number) { return absl::StrCat("history/", number); }

// A write that was refused surely had no effect; one that the client gave up on may have.
Outcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return Outcome::kOk;
  return IsOutcomeUnknown(status) || absl::IsCancelled(status) ? Outcome::kUnknown
                                                               : Outcome::kFailed;
}

template <class Result>
absl::Status NoteWrite(const absl::StatusOr<Result>& result, Operation* operation) {
  if (!result.ok()) return result.status();
  operation->revision = result->revision;
  operation->slot = result->slot;
  return absl::OkStatus();
}

absl::Status NoteGet(const absl::StatusOr<GetResult>& result, Operation* operation) {
  if (!result.ok()) return result.status();
  if (result->record) {
    operation->value = result->record->value;
    operation->revision = result->record->revision;
  }
  operation->slot = result->slot;
  return absl::OkStatus();
}

}  // namespace

Workload::Workload(const std::vector<std::string>& endpoints, const WorkloadOptions& options)
    : options_(options) {
  for (int i = 0; i < kClientsPerKey; ++i) {
    ClientOptions to;
    to.endpoints = endpoints;
    clients_.push_back(*Client::Connect(to));
  }
  std::mt19937_64 random(options_.seed);
  for (int k = 0; k < options_.keys; ++k) {
    seats_.push_back(std::make_unique<Seat>());
    {
      MutexLock lock(&seats_.back()->mutex);
      seats_.back()->key = next_key_++;
    }
    for (const auto& client : clients_) {
      auto worker = std::make_unique<Worker>();
      worker->id = workers_.size() + 1;
      worker->seat = seats_.back().get();
      worker->client = client.get();
      worker->random.seed(random());
      workers_.push_back(std::move(worker));
    }
  }
  for (const auto& worker : workers_) {
    worker->thread = std::thread([this, w = worker.get()] { Run(w); });
  }
}

void Workload::Stop() {
  stop_ = true;
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

uint64_t Workload::TakeKey(Seat* seat) {
  MutexLock lock(&seat->mutex);
  if (seat->operations >= kOperationsPerKey || seat->unknown >= kUnknownPerKey) {
    seat->key = next_key_++;
    seat->operations = 0;
    seat->unknown = 0;
  }
  ++seat->operations;
  return seat->key;
}

void Workload::NoteUnknown(Seat* seat, uint64_t key) {
  MutexLock lock(&seat->mutex);
  if (seat->key == key) ++seat->unknown;
}

Operation Workload::Choose(Worker* worker, uint64_t key, ReadOptions* read) {
  Operation operation;
  operation.client = worker->id;
  operation.key = KeyName(key);
  const uint64_t dice = worker->random() % 10;
  if (dice < 5) {
    operation.kind = Kind::kGet;
    if (worker->random() % 3 == 0) read->from = ReadFrom::kAny;
  } else if (dice < 9) {
    operation.kind = Kind::kPut;
    operation.value = absl::StrCat(worker->id, ".", ++worker->values);
  } else {
    operation.kind = Kind::kDelete;
  }
  return operation;
}

void Workload::Carry(Client* client, const CallOptions& options, Operation* operation) {
  absl::Status status;
  operation->invoked_us = NowUs();
  switch (operation->kind) {
    case Kind::kGet:
      status = NoteGet(client->Get(operation->key, options), operation);
      break;
    case Kind::kPut:
      status = NoteWrite(client->Put(operation->key, *operation->value, options), operation);
      break;
    case Kind::kDelete:
      status = NoteWrite(client->Delete(operation->key, {}, options), operation);
      break;
  }
  operation->returned_us = NowUs();
  operation->outcome = OutcomeOf(status);
}

void Workload::Run(Worker* worker) {
  while (!stop_) {
    const uint64_t key = TakeKey(worker->seat);
    CallOptions options{.timeout = options_.timeout};
    Operation operation = Choose(worker, key, &options.read);
    Carry(worker->client, options, &operation);
    const bool write = operation.kind != Kind::kGet;
    const bool anywhere = options.read.from == ReadFrom::kAny;
    if (operation.outcome == Outcome::kOk && anywhere) ++reads_anywhere_;
    if (operation.outcome == Outcome::kOk && write) ++writes_acknowledged_;
    if (operation.outcome == Outcome::kUnknown && write) NoteUnknown(worker->seat, key);
    worker->history.push_back(std::move(operation));
    const uint64_t rest_ms = worker->random() % (2 * options_.pace.count() + 1);
    std::this_thread::sleep_for(milliseconds(rest_ms));
  }
}

std::vector<Operation> Workload::Finish(milliseconds patience, std::vector<std::string>* unread) {
  Stop();
  std::vector<Operation> history;
  for (const auto& worker : workers_) {
    history.insert(history.end(), std::make_move_iterator(worker->history.begin()),
                   std::make_move_iterator(worker->history.end()));
    worker->history.clear();
  }
  const int64_t end_us = NowUs() + std::chrono::microseconds(patience).count();
  for (uint64_t key = 0; key < next_key_; ++key) {
    Operation read;
    read.client = workers_.size() + 1;
    read.key = KeyName(key);
    do {
      Carry(clients_[0].get(), {.timeout = options_.timeout}, &read);
    } while (read.outcome != Outcome::kOk && NowUs() < end_us);
    if (read.outcome != Outcome::kOk) unread->push_back(read.key);
    history.push_back(std::move(read));
  }
  return history;
}

}  // namespace baton::testing
