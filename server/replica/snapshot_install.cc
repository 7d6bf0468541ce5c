#include "server/replica/snapshot_install.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/stored_rows.h"

namespace baton::server {
namespace {

constexpr uint8_t kIntentVersion = 1;
constexpr size_t kChecksumBytes = 8;

std::string IntentPath(const std::string& snapshots) { return snapshots + "/install"; }

void PutId(std::string* to, const EntryId& id) {
  PutFixed64(to, id.slot.value);
  PutFixed64(to, id.born.round);
  PutFixed32(to, id.born.node.value);
}

EntryId ReadId(Decoder* from) {
  EntryId id;
  id.slot = Slot{from->ReadFixed64()};
  id.born.round = from->ReadFixed64();
  id.born.node = NodeId{from->ReadFixed32()};
  return id;
}

std::string EncodeIntent(const SnapshotIntent& intent) {
  std::string bytes;
  PutByte(&bytes, kIntentVersion);
  PutId(&bytes, intent.prev);
  PutId(&bytes, intent.last);
  PutString(&bytes, *intent.entry);
  PutString(&bytes, EncodeHardState(intent.hard_state));
  PutFixed64(&bytes, Checksum(bytes));
  return bytes;
}

absl::StatusOr<SnapshotIntent> DecodeIntent(std::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("the note of a snapshot to install is damaged");
  if (bytes.size() < kChecksumBytes) return damaged;
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Checksum(body) != LoadFixed64(body.data() + body.size())) return damaged;
  Decoder from(body);
  if (from.ReadByte() != kIntentVersion) {
    return absl::FailedPreconditionError(
        "the note of a snapshot to install is of another version: start the build that wrote it");
  }
  SnapshotIntent intent;
  intent.prev = ReadId(&from);
  intent.last = ReadId(&from);
  intent.entry = std::make_shared<const std::string>(from.ReadString());
  const std::string_view state = from.ReadString();
  if (!from.Done()) return damaged;
  absl::StatusOr<consensus::HardState> hard_state = DecodeHardState(state);
  if (!hard_state.ok()) return hard_state.status();
  intent.hard_state = *std::move(hard_state);
  return intent;
}

// Whether the log begins with the snapshot's last entry already. Both were written at once, in this
// order, and a torn tail may have kept the first alone.
bool LogBegun(const wal::Recovery& found, const SnapshotIntent& intent) {
  return std::any_of(found.groups.begin(), found.groups.end(), [&](const auto& group) {
    return group.group == kFirstGroup && group.base == intent.prev &&
           group.last == intent.last.slot && group.runs.front().born == intent.last.born;
  });
}

Slot BaseOf(const wal::Recovery& found) {
  for (const wal::RecoveredGroup& group : found.groups) {
    if (group.group == kFirstGroup) return group.base.slot;
  }
  return Slot{};
}

}  // namespace

std::string IncomingImage(const std::string& snapshots) { return snapshots + "/incoming"; }
std::string OutgoingImage(const std::string& snapshots) { return snapshots + "/outgoing"; }

absl::Status NoteIntent(wal::FileSystem* fs, const std::string& snapshots,
                        const SnapshotIntent& intent) {
  return wal::WriteFileAtomically(fs, IntentPath(snapshots), EncodeIntent(intent));
}

absl::StatusOr<std::optional<SnapshotIntent>> ReadIntent(wal::FileSystem* fs,
                                                         const std::string& snapshots) {
  const absl::StatusOr<std::string> bytes = wal::ReadWholeFile(fs, IntentPath(snapshots));
  if (absl::IsNotFound(bytes.status())) return std::optional<SnapshotIntent>();
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<SnapshotIntent> intent = DecodeIntent(*bytes);
  if (!intent.ok()) return intent.status();
  return std::optional(*std::move(intent));
}

absl::Status Install(wal::FileSystem* fs, const std::string& snapshots,
                     const SnapshotIntent& intent, const wal::Recovery& found, wal::Wal* wal,
                     engine::Engine* engine, DroppedEntries* dropped) {
  // Whoever noted it may have failed in the end: it must last before anything is replaced.
  if (absl::Status s = fs->SyncDirectory(snapshots); !s.ok()) return s;
  const bool begun = LogBegun(found, intent);
  if (dropped != nullptr && !begun && engine->applied() < intent.last.slot) {
    const Slot first = std::max(engine->applied(), BaseOf(found)).Next();
    if (absl::Status s = dropped->Keep(*wal, first); !s.ok()) return s;
  }
  if (engine != nullptr && engine->applied() < intent.last.slot) {
    if (absl::Status s = engine->Restore(IncomingImage(snapshots)); !s.ok()) return s;
  }
  if (!begun) {
    const std::vector<wal::Record> records = {
        wal::StateRecord{kFirstGroup, EncodeHardState(intent.hard_state)},
        wal::BaseRecord{kFirstGroup, intent.prev, /*anew=*/true},
        wal::EntryRecord{kFirstGroup, intent.last, intent.entry}};
    if (absl::Status s = wal->Append(records); !s.ok()) return s;
    if (absl::Status s = wal->Sync(); !s.ok()) return s;
  }
  if (absl::Status s = fs->Remove(IntentPath(snapshots)); !s.ok()) return s;
  if (absl::Status s = fs->SyncDirectory(snapshots); !s.ok()) return s;
  spdlog::info("a snapshot is installed: the log goes on after slot {}", intent.last.slot.value);
  return absl::OkStatus();
}

}  // namespace baton::server
