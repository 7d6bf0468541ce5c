// Reign rows: which reign wrote which slot, as the state itself remembers it. One row a reign, in
// the system keyspace, in force from its Reign entry on; they outlast the log below the base.
//
// Functions, any thread. With ReadTier::kMemory each may answer UNAVAILABLE: ask again with kAny.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/view.h"
#include "server/codec/stored_rows.h"

namespace baton::server {

// The reign that wrote view.slot(), the newest there; nullopt: none has begun.
absl::StatusOr<std::optional<ReignRow>> NewestReign(const engine::View& view,
                                                    engine::ReadTier tier);
// The round of the reign that wrote view.slot(), the newest there; 0: no reign has begun.
absl::StatusOr<uint64_t> NewestRound(const engine::View& view, engine::ReadTier tier);

// The reign that followed that one; nullopt: none has yet.
absl::StatusOr<std::optional<ReignRow>> ReignAfter(const engine::View& view, const Ballot& ballot,
                                                   engine::ReadTier tier);

// Whether a reign of that round wrote that slot. REQUIRES: position.slot <= view.slot().
absl::StatusOr<bool> Contains(const engine::View& view, const Position& position,
                              engine::ReadTier tier);

// What became of the entry that `born` wrote at a slot. It is lost once a later reign has begun at
// or below that slot: whatever is chosen there follows that reign.
enum class Fate : uint8_t { kUndecided, kChosen, kLost };
absl::StatusOr<Fate> FateOf(const engine::View& view, const EntryId& entry, engine::ReadTier tier);

}  // namespace baton::server
