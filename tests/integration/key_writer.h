// KeyWriter: puts ever new keys into one keyspace, so many in flight, until it is ended, and keeps
// what was acknowledged. A put that fails is a failure of the test: the SDK has time for any
// failover.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"
#include "baton/client.h"

namespace baton::testing {

class KeyWriter {
 public:
  // `prefix` begins each key. `client` outlives this.
  KeyWriter(Client* client, std::string keyspace, std::string prefix, int in_flight);
  ~KeyWriter() { End(); }
  KeyWriter(const KeyWriter&) = delete;
  KeyWriter& operator=(const KeyWriter&) = delete;

  // Returns once the last is answered.
  void End();
  // By key: its revision. REQUIRES: it is ended.
  const std::map<std::string, uint64_t>& acknowledged() const { return acknowledged_; }

 private:
  void Next();

  Client* const client_;
  const std::string keyspace_;
  const std::string prefix_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> running_ = 0;
  std::atomic<uint64_t> keys_ = 0;
  Mutex mutex_;  // until it is ended
  std::map<std::string, uint64_t> acknowledged_;
};

}  // namespace baton::testing
