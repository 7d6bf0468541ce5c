// Workload: clients that read and write a cluster from threads of their own and record what they
// asked and were told, as a history that a checker can judge.
//
//   Workload workload(cluster.addresses(), {.seed = 7});
//   ... break and mend the cluster ...
//   const std::vector<history::Operation> history = workload.Finish(patience, &unread);
//
// The search for an order of a history is exponential in what overlaps, so: kClientsPerKey clients
// share a key; a key is retired, and another takes its place, after kOperationsPerKey operations,
// or when kUnknownPerKey of its writes have an unknown outcome; no value is written twice. Finish
// reads every key once more: an acknowledged write that was lost is a history without an order.
//
// All reads are linearizable; a third of them may be answered by any node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "baton/client.h"
#include "tests/history/history.h"

namespace baton::testing {

struct WorkloadOptions {
  uint64_t seed = 1;
  int keys = 4;                              // at a time
  std::chrono::milliseconds pace{8};         // a client rests up to twice this between operations
  std::chrono::milliseconds timeout{1'000};  // of an operation
};

class Workload {
 public:
  static constexpr int kClientsPerKey = 5;
  static constexpr int kOperationsPerKey = 200;
  static constexpr int kUnknownPerKey = 4;

  // Begins at once.
  Workload(const std::vector<std::string>& endpoints, const WorkloadOptions& options);
  ~Workload() { Stop(); }

  // So far. Any thread.
  uint64_t writes_acknowledged() const { return writes_acknowledged_; }
  // Answered, of those that any node may answer.
  uint64_t reads_anywhere() const { return reads_anywhere_; }

  // Ends the clients and reads every key that was ever used. Keys that could not be read within
  // `patience` are added to `*unread`. One thread, once.
  std::vector<history::Operation> Finish(std::chrono::milliseconds patience,
                                         std::vector<std::string>* unread);

 private:
  // A place that keys take, one after the other.
  struct Seat {
    Mutex mutex;
    uint64_t key BATON_GUARDED_BY(mutex) = 0;  // number of the key that sits here
    int operations BATON_GUARDED_BY(mutex) = 0;
    int unknown BATON_GUARDED_BY(mutex) = 0;
  };
  struct Worker {
    uint64_t id = 0;
    Seat* seat = nullptr;
    Client* client = nullptr;
    std::mt19937_64 random;
    uint64_t values = 0;  // written so far
    std::vector<history::Operation> history;
    std::thread thread;
  };

  void Run(Worker* worker);
  void Stop();
  uint64_t TakeKey(Seat* seat);
  void NoteUnknown(Seat* seat, uint64_t key);
  history::Operation Choose(Worker* worker, uint64_t key, ReadOptions* read);
  void Carry(Client* client, const CallOptions& options, history::Operation* operation);

  const WorkloadOptions options_;
  std::vector<std::unique_ptr<Client>> clients_;  // kClientsPerKey, each shared by all seats
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint64_t> next_key_{0};
  std::atomic<uint64_t> writes_acknowledged_{0};
  std::atomic<uint64_t> reads_anywhere_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace baton::testing
