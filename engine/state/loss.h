// Losses: writes that a node had in its log and a later leader's log has not. One row for each, in
// the system keyspace, for ever: what was acknowledged before a quorum had it (a keyspace of mode
// async) can be looked up here if it was lost, and put back.
//
// A row is named by its effect: the entry it stood in, and its place there. So the same loss, told
// by several nodes or several times, is one row. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/effects.h"

namespace baton::engine {

struct Loss {
  enum class Kind : uint8_t { kPut = 1, kDelete = 2, kDeleteRange = 3 };
  // Whether a client may have been told that it is done.
  enum class Acknowledged : uint8_t {
    kNo = 1,       // no: the keyspace was sync
    kUnknown = 2,  // perhaps: the keyspace was async
    kAgain = 3,    // another attempt counts: it took effect after all, or has a row of its own
  };

  EntryId entry;       // as its leader had written it ...
  uint32_t index = 0;  // ... and which of its effects, from 0
  Kind kind = Kind::kPut;
  Acknowledged acknowledged = Acknowledged::kUnknown;
  KeyspaceId keyspace;
  std::string keyspace_name;  // as it was called then
  std::string key;            // begin, of a range
  std::string end;            // of a range; empty: to the end of the keyspace
  std::string value;          // of a put
  Revision revision;          // that its client was told; given to nothing else
  uint64_t session = 0;       // 0: none
  uint64_t sequence = 0;
  int64_t wall_time_us = 0;  // of the entry
  NodeId found_on;           // the node whose log had it
  friend bool operator==(const Loss&, const Loss&) = default;
};

// Of one node's report, and of what one request logs, in bytes; but for the losses of one write
// request, which may have more.
inline constexpr uint64_t kLossReportBytesMax = 1 << 20;
// What one takes in them, at the most.
uint64_t LossBytes(const Loss& loss);

// Where it lies in the table of losses: born round (big64), born node (big32), slot (big64), index
// (big32).
std::string LossSuffix(const EntryId& entry, uint32_t index);
std::string EncodeLoss(const Loss& loss);
// FAILED_PRECONDITION: written by a newer version; DATA_LOSS.
absl::StatusOr<Loss> DecodeLoss(std::string_view suffix, std::string_view value);

// A request to log them; writes their rows.
struct LossRequest {
  std::vector<Loss> losses;
};
// As a node reports them to its leader.
std::string EncodeLosses(const LossRequest& request);
// From untrusted bytes.
absl::StatusOr<LossRequest> DecodeLosses(std::string_view bytes);
Revision LogLosses(const LossRequest& request, EffectsWriter* writer);

}  // namespace baton::engine
