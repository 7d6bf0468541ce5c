// ReadPlaces: which node is asked to answer a read that is not the leader's alone.
//
// Owned by the dispatcher and guarded by its mutex. Time and randomness are arguments; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "baton/options.h"

namespace baton::client {

// Where one read goes.
struct ReadPlace {
  ReadFrom from = ReadFrom::kLeader;
  std::string node;  // an address: this one alone; then `from` does not count

  bool leader() const { return node.empty() && from == ReadFrom::kLeader; }
};

class ReadPlaces {
 public:
  // A node that failed a read is passed over for this long.
  static constexpr int64_t kAvoidUs = 200'000;
  // Nodes remembered at most; all are forgotten above it.
  static constexpr size_t kNodesMax = 256;

  // The address to ask; nullopt: each of them failed lately, so wait until RetryAtUs. A node once
  // chosen is kept while it answers, so that the reads of a client share a stream and see time go
  // forward. REQUIRES: !place.leader(), addresses is not empty.
  std::optional<std::string> Choose(const ReadPlace& place,
                                    const std::vector<std::string>& addresses, int64_t now_us,
                                    uint64_t random);
  int64_t RetryAtUs(const ReadPlace& place, const std::vector<std::string>& addresses) const;

  // The node answered a question for its status after this time.
  void Answered(const std::string& address, int64_t round_trip_us);
  // The node refused a read or left it unanswered, or its stream broke, or it fell silent.
  void Failed(const std::string& address, int64_t now_us);

 private:
  struct Node {
    int64_t round_trip_us = INT64_MAX;  // as measured last
    int64_t avoid_until_us = 0;
  };
  const Node& Known(const std::string& address) const;
  Node& Remember(const std::string& address);

  absl::flat_hash_map<std::string, Node> nodes_;
  std::string nearest_;  // as chosen last, by the places they are chosen for; empty: none
  std::string any_;
};

}  // namespace baton::client
