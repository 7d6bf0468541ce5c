// Wal: the segmented, checksummed log on disk. It knows nothing of what it stores: an entry is an
// id and bytes that end in their own XXH3-64; a state is opaque bytes of which the newest counts.
// docs/wal-format.md gives the bytes.
//
//   auto opened = Wal::Open(fs, directory, identity, options);
//   opened->wal->Append(records);  opened->wal->Sync();      // appender, syncer
//
// Threads: one thread at a time appends, one at a time syncs; the two may overlap (group commit: the
// next batch is appended while the previous fdatasync runs). Read and PrepareSegments may run on
// any thread beside them. The destructor must run after all of these have returned.
//
// An error from Append or Sync is final: the caller must stop the process. Nothing is retried on a
// page cache that may have dropped the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "wal/file_system.h"

namespace baton::wal {

// Whose log this is. Written into every segment; another identity is refused with the reason.
struct Identity {
  Id128 cluster;
  NodeId node;
  Id128 directory;
};

struct Options {
  uint64_t segment_bytes = 64 << 20;    // fixed for the life of a log directory's segments
  uint32_t segments_ahead = 2;          // zero-filled before they are needed
  uint64_t zero_fill_bytes_per_s = 64 << 20;
};

// An entry. It voids every earlier entry of its group at and above its slot.
struct EntryRecord {
  GroupId group;
  EntryId id;
  std::shared_ptr<const std::string> bytes;  // the last 8 are the XXH3-64 of the rest, little-endian
};
// The group's state; the newest one counts and is restated in each new segment.
struct StateRecord {
  GroupId group;
  std::string bytes;
};
// Everything at or below `base` may be forgotten.
struct BaseRecord {
  GroupId group;
  EntryId base;
};
using Record = std::variant<EntryRecord, StateRecord, BaseRecord>;

// What recovery found of one group.
struct RecoveredGroup {
  GroupId group;
  std::string state;  // empty: none was written
  EntryId base;
  Slot last;                   // base.slot when there is no entry
  std::vector<BornRun> runs;   // cover (base.slot, last], ascending
};

// Damage below the last offset known to be synced: not a torn tail. The log must not be trusted.
struct Fault {
  GroupId group;
  Slot slot;         // the first entry that cannot be trusted; Slot{0} when no entry can be named
  std::string what;  // segment, offset and what is wrong with it, for people
};

struct Recovery {
  std::vector<RecoveredGroup> groups;
  std::optional<Fault> fault;
  uint64_t torn_bytes = 0;  // cut from the tail
};

class Wal {
 public:
  struct Opened;

  // Recovers the log in `directory`, creating an empty one if there is none. A torn tail is cut.
  // Errors: FAILED_PRECONDITION (another cluster, node or directory; a newer format), else I/O.
  // With a fault the log opens for reading only: Append is refused.
  static absl::StatusOr<Opened> Open(FileSystem* fs, const std::string& directory,
                                     const Identity& identity, const Options& options);
  virtual ~Wal() = default;

  // Writes the records as one batch, in order. Durable only after a Sync that began afterwards.
  virtual absl::Status Append(absl::Span<const Record> records) = 0;

  // fdatasync of all that was appended before the call.
  virtual absl::Status Sync() = 0;

  // Appends a Synced frame, for which nobody waits, if the log's end is not known to be synced on
  // disk. The appender calls it when it falls idle.
  virtual absl::Status MarkSynced() = 0;

  // Entries of `group` in [first, last] in order, cut once they pass bytes_max (at least one). Each entry's
  // hash is verified. NOT_FOUND: truncated, replaced or never there. DATA_LOSS: damaged; says where.
  virtual absl::StatusOr<std::vector<EntryRecord>> Read(GroupId group, Slot first, Slot last,
                                                        uint64_t bytes_max) const = 0;

  // Zero-fills segments ahead and recycles those wholly below every group's base. Called by the
  // worker when NeedsSegments(); runs at the bounded rate. RESOURCE_EXHAUSTED: no space on disk.
  virtual bool NeedsSegments() const = 0;
  virtual absl::Status PrepareSegments() = 0;

  // Bytes that can be appended before a segment must be found; client writes are refused below two
  // segments when the disk is full. When none is ready, Append makes one itself.
  virtual uint64_t RoomBytes() const = 0;

  // Bytes on disk of segments in use.
  virtual uint64_t SizeBytes() const = 0;
};

struct Wal::Opened {
  std::unique_ptr<Wal> wal;
  Recovery recovery;
};

}  // namespace baton::wal
