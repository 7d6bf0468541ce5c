// KeyWriter: puts ever new keys into one keyspace, so many in flight, until it is ended, and keeps
// what was acknowledged, how, and when. A put that fails is a failure of the test: the SDK has time
// for any failover. But where a keyspace may be async, one may be refused because it is listed as
// lost by then.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"
#include "baton/client.h"
#include "tests/integration/in_flight.h"

namespace baton::testing {

class KeyWriter {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ack {
    uint64_t revision = 0;
    Durability durability = Durability::kDefault;
    Clock::time_point begun, told;
  };

  // `prefix` begins each key. `client` outlives this.
  KeyWriter(Client* client, std::string keyspace, std::string prefix, int in_flight);
  ~KeyWriter() { End(); }
  KeyWriter(const KeyWriter&) = delete;
  KeyWriter& operator=(const KeyWriter&) = delete;

  // Returns once the last is answered.
  void End();
  // How many were acknowledged with this durability.
  uint64_t Count(Durability durability) const {
    return durability == Durability::kLocal ? local_ : quorum_;
  }
  // By key. REQUIRES: it is ended.
  const std::map<std::string, Ack>& acknowledged() const { return acknowledged_; }

 private:
  void Next();

  Client* const client_;
  const std::string keyspace_;
  const std::string prefix_;
  std::atomic<bool> ended_ = false;
  InFlight running_;
  std::atomic<uint64_t> keys_ = 0;
  std::atomic<uint64_t> local_ = 0, quorum_ = 0;
  Mutex mutex_;  // until it is ended
  std::map<std::string, Ack> acknowledged_;
};

}  // namespace baton::testing
