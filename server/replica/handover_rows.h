// Handover rows: what the state remembers of handovers. One row for each, by number, and its number
// by its id, in the system keyspace.
//
// Functions, any thread; they may wait for a disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/state/effects.h"
#include "engine/state/view.h"
#include "server/codec/handover_row.h"

namespace baton::server {

// The one that was begun last; nullopt: there was none yet.
absl::StatusOr<std::optional<HandoverRow>> NewestHandover(const engine::View& view);
absl::StatusOr<std::optional<HandoverRow>> FindHandover(const engine::View& view,
                                                        std::string_view id);

// Its row anew, and if it is the first what finds it by its id. Within a request of the writer.
void PutHandover(const HandoverRow& row, bool first, engine::EffectsWriter* to);

}  // namespace baton::server
