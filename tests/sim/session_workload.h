// SessionWorkload: clients that increment counters in sessions, several numbers at a time, and send
// each again, to anybody, until they know what became of it. Copies that nobody waits for go out
// too, some long after. Now and then a client asks for the outcome instead, which settles it.
//
// Each client has a counter of its own. Whatever a number is told twice is the same; no two numbers
// are told one sum; in the end the counter is the number of those that were applied.
//
// The checker of sessions. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/workload.h"

namespace baton::sim {

class SessionWorkload : public Workload {
 public:
  static constexpr uint32_t kClients = 2;
  static constexpr size_t kOpenMax = 4;           // numbers of a client under way
  static constexpr uint64_t kTtlMs = 86'400'000;  // none ends by itself
  static constexpr int64_t kTimeoutUs = 400'000;
  static constexpr int64_t kGiveUpUs = 500'000;  // then it is sent again
  static constexpr int64_t kRetryUsMax = 60'000;

  explicit SessionWorkload(Cluster* cluster) : cluster_(cluster), clients_(kClients) {}

  void Begin() override;
  void End() override { ended_ = true; }
  bool Idle() const override { return true; }  // Finish settles what is open
  void Finish() override;
  int64_t NewestAckedUs() const override { return newest_acked_us_; }
  const std::vector<history::Operation>& history() const override { return none_; }

 private:
  static constexpr uint64_t kCopy = 0;  // an attempt that nobody waits for
  // Applied with that sum, or fenced.
  using Fate = std::optional<int64_t>;
  struct Client {
    uint64_t session = 0;
    uint64_t next = 1;
    std::map<uint64_t, uint64_t> open;  // number to how often it was sent
    std::map<uint64_t, Fate> settled;
  };

  void Later(int64_t us_max, size_t client, void (SessionWorkload::*step)(size_t));
  void OpenSession(size_t client);
  void Start(size_t client);
  // Sends the number, or asks what became of it.
  void Try(size_t client, uint64_t number);
  void Send(size_t client, uint64_t number, uint64_t attempt);
  void Ask(size_t client, uint64_t number, uint64_t attempt);
  void Call(uint32_t node, server::Request request, const engine::SessionStamp& stamp,
            Machine::Done done);
  void Answered(size_t client, uint64_t number, uint64_t attempt, int64_t invoked_us,
                const server::Answer* answer);
  void Refused(size_t client, uint64_t number, uint64_t attempt, server::Reason reason);
  void Settle(size_t client, uint64_t number, Fate fate);
  void Wrong(size_t client, uint64_t number, const std::string& what);
  bool SettleRest(size_t client);
  std::optional<int64_t> ReadCounter(size_t client);

  Cluster* const cluster_;
  std::vector<Client> clients_;
  bool ended_ = false;
  int64_t newest_acked_us_ = -1;
  const std::vector<history::Operation> none_;
};

}  // namespace baton::sim
