// Installing a snapshot: replacing state, log and hard state by what was received, so that a crash
// leaves all of it or nothing.
//
//   1. the image lies whole beside the state
//   2. the intent is noted: a file with the image's last entry and the hard state
//   3. at the next opening: restore the image, begin the log anew with its last entry, drop the
//   intent
//
// Step 2 is the point of no return, also where its last part, to sync the directory, has failed:
// step 3 begins with that. Step 3 is repeated after a crash until it is done; each part of it
// changes nothing when it is done already. docs/storage.md gives the bytes of the intent.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "consensus/action.h"
#include "engine/storage/engine.h"
#include "server/replica/dropped_entries.h"
#include "wal/file_system.h"
#include "wal/wal.h"

namespace baton::server {

struct SnapshotIntent {
  EntryId prev;                              // the new log begins after this one ...
  EntryId last;                              // ... with this, the last that the state has
  std::shared_ptr<const std::string> entry;  // encoded
  consensus::HardState hard_state;
};

// Where a node keeps snapshots that come and go, below one directory.
std::string IncomingImage(const std::string& snapshots);
std::string OutgoingImage(const std::string& snapshots);

// Durable when it returns. Blocks on the disk.
absl::Status NoteIntent(wal::FileSystem* fs, const std::string& snapshots,
                        const SnapshotIntent& intent);
// nullopt: nothing is to be installed. Errors: DATA_LOSS, FAILED_PRECONDITION (a newer version).
absl::StatusOr<std::optional<SnapshotIntent>> ReadIntent(wal::FileSystem* fs,
                                                         const std::string& snapshots);

// Step 3. `engine` and `dropped` are null at a witness. What the log has above the state that is
// replaced goes to `dropped`. REQUIRES: the log was opened without a fault.
absl::Status Install(wal::FileSystem* fs, const std::string& snapshots,
                     const SnapshotIntent& intent, const wal::Recovery& found, wal::Wal* wal,
                     engine::Engine* engine, DroppedEntries* dropped);

}  // namespace baton::server
