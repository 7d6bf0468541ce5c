// RegisterWorkload: clients that put, get and delete single keys, each with one operation under way
// at a time. Every value is written once, and a key is retired after some hundred operations, which
// keeps the history checkable.
//
// A client asks who it believes to lead, follows redirects, and sometimes asks anybody. Some reads
// name a level and are anybody's to answer; those that need not be linearizable have a check of
// their own and count as failed in the history. It waits
// for an answer somewhat longer than the node does; then the outcome is unknown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/check_read_levels.h"
#include "tests/sim/workload.h"

namespace baton::sim {

class RegisterWorkload : public Workload {
 public:
  static constexpr uint32_t kKeyOperationsMax = 200;
  static constexpr int64_t kTimeoutUs = 400'000;
  static constexpr int64_t kGiveUpUs = 500'000;
  static constexpr int64_t kRetryUsMax = 60'000;  // after a refusal

  explicit RegisterWorkload(Cluster* cluster);

  void Begin() override;
  void End() override { ended_ = true; }
  bool Idle() const override { return busy_ == 0; }
  void Finish() override;
  int64_t NewestAckedUs() const override { return newest_acked_us_; }
  const std::vector<history::Operation>& history() const override { return history_; }

 private:
  struct Client {
    uint64_t name = 0;        // in the history; a new one after an unknown outcome
    uint32_t target = 0;      // who leads, it believes; 0: no idea
    size_t open = kNone;      // its operation under way, in history_
    uint64_t asked = 0;       // operations so far
    server::ReadLevel level;  // of its operation under way
  };
  struct Key {
    uint32_t generation = 0;
    uint32_t operations = 0;
  };
  static constexpr size_t kNone = ~size_t{0};

  void NextSoon(size_t client, int64_t us_max);
  void Next(size_t client);
  uint32_t Target(Client* client);
  std::string PickKey();
  history::Operation Draw(Client* client, const std::string& key);
  void Ask(size_t client, uint32_t node, history::Operation operation,
           const server::ReadLevel& level = {});
  void Answered(size_t client, size_t operation, const server::Answer* answer);
  void Settle(history::Operation* operation, const server::Answer* answer, Client* client);
  void SettleLevel(history::Operation* operation, const server::ReadLevel& level);
  void Refused(const server::Failure& failure, Client* client);
  bool ReadOne(const std::string& key);

  Cluster* const cluster_;
  std::vector<Client> clients_;
  std::vector<Key> keys_;
  ReadLevelCheck levels_;
  std::vector<history::Operation> history_;
  uint64_t last_name_ = 0;
  uint32_t busy_ = 0;  // clients with an operation under way
  bool ended_ = false;
  int64_t newest_acked_us_ = -1;
};

}  // namespace baton::sim
