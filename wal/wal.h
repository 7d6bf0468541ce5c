// Wal: the segmented, checksummed log on disk. It knows nothing of what it stores: an entry is an
// id and bytes that end in their own XXH3-64; a state is opaque bytes of which the newest counts.
// docs/wal-format.md gives the bytes.
//
//   auto opened = Wal::Open(fs, directory, identity, options);
//   opened->wal->Append(records);  opened->wal->Sync();      // appender, syncer
//
// Threads: one thread at a time appends, one at a time syncs; the two may overlap (group commit:
// the next batch is appended while the previous fdatasync runs). Read and PrepareSegments may run
// on any thread beside them, PrepareSegments on one at a time. The destructor must run after all of
// these have returned.
//
// An error from Append or Sync is final: the caller must stop the process. Nothing is retried on a
// page cache that may have dropped the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "wal/file_system.h"
#include "wal/record.h"

namespace baton::wal {

struct Options {
  // Of new segments: a multiple of 4 KiB, from 4 KiB to 1 GiB. A segment is recycled only into one
  // of the same size. An entry that does not fit a fresh segment makes that segment's file longer.
  uint64_t segment_bytes = 64 << 20;
  bool create_if_missing = true;
  uint32_t segments_ahead = 2;                // zero-filled before they are needed
  uint64_t zero_fill_bytes_per_s = 64 << 20;  // 0: unbounded (never waits, for simulated time)
};

class Wal {
 public:
  struct Opened;

  // Recovers the log in `directory`, creating an empty one if there is none. A torn tail is cut.
  // What is recovered is on disk when this returns. Errors: FAILED_PRECONDITION (another cluster,
  // node or directory; a newer format), DATA_LOSS (there is no log, and none is to be created),
  // INVALID_ARGUMENT (options), else I/O.
  // With a fault the log opens for reading only, nothing on disk is changed, and Append is refused.
  static absl::StatusOr<Opened> Open(FileSystem* fs, const std::string& directory,
                                     const Identity& identity, const Options& options);
  virtual ~Wal() = default;

  // Writes the records as one batch, in order. Durable only after a Sync that began afterwards; a
  // crash before that keeps a prefix of them. INVALID_ARGUMENT, with nothing written and nothing
  // final, when a payload passes kPayloadBytesMax (32 MiB).
  virtual absl::Status Append(absl::Span<const Record> records) = 0;

  // fdatasync of all that was appended before the call.
  virtual absl::Status Sync() = 0;

  // Appends a Synced frame, for which nobody waits, if the log's end is not known to be synced on
  // disk. The appender calls it when it falls idle.
  virtual absl::Status MarkSynced() = 0;

  // Overwrites one block of a file beside the log and syncs it, to learn whether the disk completes
  // writes. Called by whoever calls Sync, when nothing is appended. RESOURCE_EXHAUSTED: the file is
  // not there yet and there is no space for it; nothing is final. Any other error is.
  virtual absl::Status Probe() = 0;

  // Entries of `group` from `first` on, consecutive, up to `last` or the log's end, cut before they
  // pass bytes_max (at least one). Each entry's hash is verified. NOT_FOUND: `first` was truncated
  // or never there. DATA_LOSS: one of them is damaged; says which and where.
  virtual absl::StatusOr<std::vector<EntryRecord>> Read(GroupId group, Slot first, Slot last,
                                                        uint64_t bytes_max) const = 0;

  // Zero-fills segments ahead and recycles (or removes, when enough are ahead) those wholly below
  // every group's synced base. Called by the worker when NeedsSegments(); runs at the bounded rate.
  // RESOURCE_EXHAUSTED: no space on disk; call again later. Any other error is final.
  virtual bool NeedsSegments() const = 0;
  virtual absl::Status PrepareSegments() = 0;
  // Makes a PrepareSegments that runs, and all later ones, return soon. For a prompt shutdown.
  virtual void StopPreparing() = 0;

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
