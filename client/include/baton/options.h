// How to reach a cluster, and what every call may say. Plain values, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace baton {

struct ClientOptions {
  // HOST:PORT of some nodes, at least one; the others are learned. At most 64.
  std::vector<std::string> endpoints;
  // Calls that have not been answered: more are refused with RESOURCE_EXHAUSTED (kOverloaded).
  size_t in_flight_max = 65536;
  size_t in_flight_bytes_max = 256u << 20;
  // Silence after which a node that owes answers is asked whether it still leads, and another
  // leader is looked for. Also how long an old leader that fell silent is waited for once there is
  // a new one.
  std::chrono::milliseconds silence{250};
  // Writes are numbered in sessions of this client, so that one that is sent again takes effect at
  // most once. Off: a write whose fate is unknown is never sent again.
  bool exactly_once = true;
  // How long the cluster remembers a session of which nothing comes: 1 s to a day.
  std::chrono::milliseconds session_ttl{600'000};
};

// What an acknowledged write survives.
enum class Durability : uint8_t {
  kDefault = 0,  // in a call: what the keyspace gives
  kLocal = 1,    // fsynced on the leader
  kQuorum = 2,   // fsynced on a quorum: survives the loss of any minority
};
const char* DurabilityName(Durability durability);  // "default", "local", "quorum"

// A place in the history of the cluster: results state theirs, reads may ask for one.
struct Position {
  uint64_t reign = 0;
  uint64_t slot = 0;
};

// What a read may miss.
enum class ReadLevel : uint8_t {
  // What the keyspace gives: linearizable, unless its owner has chosen a staleness; at other nodes
  // than the leader always linearizable.
  kDefault = 0,
  kLinearizable = 1,      // nothing that was acknowledged before it began
  kBoundedStaleness = 2,  // what the last max_staleness before it arrived at a node brought
  kAtLeast = 3,           // what came after the position at_least
};

// Which node answers a read.
enum class ReadFrom : uint8_t {
  kLeader = 0,
  kNearest = 1,  // the one that was quickest to say who it is
  kAny = 2,      // one of all, drawn by each client: spreads load
};

// How a read is done. A node other than the leader answers from its own state: linearizably after
// asking the leader how far to go; within a staleness of about three heartbeats (150 ms on a LAN)
// or more, and at a position that it has reached, without asking anyone. One that breaks off, or
// says that it cannot, is passed over for another within the call's timeout. One that leaves a read
// waiting until its time is up fails that read, and is passed over by those that come after.
struct ReadOptions {
  ReadLevel level = ReadLevel::kDefault;
  std::chrono::milliseconds max_staleness{0};  // with kBoundedStaleness: 1 ms to a day
  // With kAtLeast. If what was acknowledged there was lost, the read fails with FAILED_PRECONDITION
  // and Reason::kPositionLost.
  Position at_least;
  ReadFrom from = ReadFrom::kLeader;
  std::string node;  // HOST:PORT: this node alone answers; empty: as `from` says
};

// What must be so of a key before a write; else the write fails with FAILED_PRECONDITION and
// Reason::kConditionNotMet, changes nothing, and ErrorInfo says how the key is.
class Condition {
 public:
  enum class Kind : uint8_t { kNone, kAbsent, kExists, kRevision, kValue };

  Condition() = default;  // nothing
  static Condition Absent() { return Condition(Kind::kAbsent); }
  static Condition Exists() { return Condition(Kind::kExists); }
  // The key's last change has this revision; 0: there is no such key.
  static Condition AtRevision(uint64_t revision) {
    Condition condition(Kind::kRevision);
    condition.revision_ = revision;
    return condition;
  }
  static Condition HasValue(std::string value) {
    Condition condition(Kind::kValue);
    condition.value_ = std::move(value);
    return condition;
  }

  Kind kind() const { return kind_; }
  uint64_t revision() const { return revision_; }
  const std::string& value() const { return value_; }

 private:
  explicit Condition(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kNone;
  uint64_t revision_ = 0;
  std::string value_;
};

struct CallOptions {
  // The call is completed, one way or the other, within this time. At least 1 ms, at most a day.
  std::chrono::milliseconds timeout{5000};
  std::string keyspace;  // empty: "default"
  // A write may ask for more than its keyspace gives, never for less.
  Durability durability = Durability::kDefault;
  Condition condition;      // of Put, Delete, Increment and Append, on their key
  ReadOptions read;         // of Get, MultiGet and Scan
  std::string actor;        // on whose behalf; recorded where changes are audited
  std::string traceparent;  // W3C trace context
};

// Splits "a:1,b:2" and checks each part: HOST:PORT, [IPV6]:PORT. INVALID_ARGUMENT names the part
// that is wrong.
absl::StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view list);

}  // namespace baton
