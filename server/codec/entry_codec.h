// Entries of the replicated log as bytes. docs/entry-format.md gives the grammar and an example.
//
// An entry is encoded once, by the leader; the same bytes travel to every node and lie in every
// log. Whoever receives them from outside verifies their hash once, here. Functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "consensus/entry.h"
#include "engine/state/request.h"

namespace baton::server {

inline constexpr uint8_t kEntryVersion = 1;
// One request with all its effects, after others that nearly fill an entry. An entry is never
// split: a message between peers must take one.
inline constexpr uint64_t kEntryBytesMax = 12 << 20;
static_assert(kEntryBytesMax > engine::kRequestEffectsBytesMax + (2 << 20));

// What the driver knows of an entry beside its id and its core part.
struct EntryStamp {
  int64_t log_time_us = 0;     // drives leases and expiry; continues from reign to reign
  int64_t wall_time_us = 0;    // for people; never goes back
  uint32_t request_count = 0;  // that have effects
  Revision base_revision;      // of the first of them
  // Leaders give revisions below the newest chosen ceiling only, and begin above it, or, if they
  // take over, behind the Seal: none is given twice. base_revision + request_count <= the ceiling
  // that an earlier entry states, and 1: a change takes a revision for its audit too.
  Revision revision_ceiling;
  // Every member holds the chosen log up to here on its disk: what lies below may be truncated.
  Slot log_floor;
  friend bool operator==(const EntryStamp&, const EntryStamp&) = default;
};

// A view of an encoded entry. `effects` points into the bytes that were decoded.
struct DecodedEntry {
  GroupId group;
  EntryId id;
  consensus::CorePart core;
  EntryStamp stamp;
  std::string_view effects;
};

// REQUIRES: the encoded size is at most kEntryBytesMax.
std::shared_ptr<const std::string> EncodeEntry(GroupId group, EntryId id,
                                               const consensus::CorePart& core,
                                               const EntryStamp& stamp, std::string_view effects);

// Whether the bytes' own hash has been checked already (the log does so when it reads).
enum class EntryHash : uint8_t { kVerify, kVerified };

// Errors: DATA_LOSS (hash or shape is wrong), FAILED_PRECONDITION (a newer version or an unknown
// kind: the message names the slot; a newer build can read it).
absl::StatusOr<DecodedEntry> DecodeEntry(std::string_view bytes, EntryHash hash);

// The same, as the core wants it. Also refuses another group than `group`.
absl::StatusOr<consensus::Entry> ParseEntry(std::shared_ptr<const std::string> bytes, GroupId group,
                                            EntryHash hash);

}  // namespace baton::server
