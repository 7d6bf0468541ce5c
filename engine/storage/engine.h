// Engine: the ordered map of bytes that holds the state, with the slot it was applied up to.
// RocksDbEngine is the real one, MemoryEngine its model; tests/engine/ holds both to one suite.
//
// Threads: Apply from one thread at a time (the applier); Flush, Checkpoint and every read from any
// thread, beside Apply; Restore alone. An iterator must be destroyed before its snapshot, a
// snapshot before its engine: the engine checks it and stops the process otherwise.
//
// Errors: INTERNAL and DATA_LOSS are final for the process. FAILED_PRECONDITION: the stored state
// is of a newer version. UNAVAILABLE from a read with ReadTier::kMemory means only: the answer is
// not in memory, ask again with kAny where you may wait.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "engine/storage/image.h"

namespace baton::engine {

inline constexpr uint64_t kMultiGetBytesMax = 8 << 20;

enum class ReadTier : uint8_t {
  kAny,     // may wait for the disk
  kMemory,  // memtable and block cache only: never waits
  kSweep,   // may wait for the disk, and leaves the cache to others: for a pass over everything
};

// An ordered list of changes that take effect together. Copies what it is given.
class WriteBatch {
 public:
  virtual ~WriteBatch() = default;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
  virtual void DeleteRange(std::string_view begin, std::string_view end) = 0;  // [begin, end)
  virtual uint64_t bytes() const = 0;  // held by the batch, about
};

// Moves over [lower, upper) of a snapshot. key() and value() are valid until the next move and need
// Valid(), as Next() and Prev() do. Starts nowhere: seek first.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool Valid() const = 0;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(std::string_view key) = 0;         // first key >= key
  virtual void SeekForPrev(std::string_view key) = 0;  // last key <= key
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual absl::Status status() const = 0;  // !Valid() and ok: the range ended
};

// The state as of one applied slot; does not change.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Slot applied() const = 0;
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key,
                                                         ReadTier tier) const = 0;
  // An empty upper means: no bound.
  virtual std::unique_ptr<Iterator> NewIterator(std::string_view lower, std::string_view upper,
                                                ReadTier tier) const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key,
                                                         ReadTier tier) const = 0;
  // One result a key, in order, all from one point in time. Once the values pass
  // kMultiGetBytesMax the keys left over answer RESOURCE_EXHAUSTED.
  virtual std::vector<absl::StatusOr<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys, ReadTier tier) const = 0;
  virtual std::unique_ptr<Snapshot> NewSnapshot() const = 0;

  virtual std::unique_ptr<WriteBatch> NewBatch() const = 0;
  // Applies the batch and records `applied` in the same atomic write. REQUIRES: applied >
  // applied().
  virtual absl::Status Apply(std::unique_ptr<WriteBatch> batch, Slot applied) = 0;
  virtual Slot applied() const = 0;

  // Makes everything applied before the call survive a power cut; flushed() says so afterwards.
  // flushed() <= applied() also rises by itself, when a memtable is full.
  virtual absl::Status Flush() = 0;
  virtual Slot flushed() const = 0;

  // Writes an image of the state, at an applied slot that it returns, into a directory that must
  // not exist yet.
  virtual absl::StatusOr<Slot> Checkpoint(const std::string& directory) = 0;
  // Replaces the state by an image; a crash leaves either the old state or the new one.
  // REQUIRES: no snapshot is alive and no other call runs.
  virtual absl::Status Restore(const std::string& directory) = 0;

  // The image in a directory as bytes, to read, or to write into a directory that is made for it;
  // what was there is removed. The readers and writers live no longer than the engine.
  virtual absl::StatusOr<std::unique_ptr<ImageReader>> OpenImage(const std::string& directory) = 0;
  virtual absl::StatusOr<std::unique_ptr<ImageWriter>> NewImage(const std::string& directory) = 0;
  virtual absl::Status RemoveImage(const std::string& directory) = 0;  // there may be none
  // The slot that the image in a directory is applied up to. Opens it: what cannot be restored is
  // an error here already.
  virtual absl::StatusOr<Slot> ImageApplied(const std::string& directory) const = 0;

  // What the rows of [begin, end) take, about: on disk and in memtables.
  virtual uint64_t ApproximateBytes(std::string_view begin, std::string_view end) const = 0;
  // Gives back the space of [begin, end): drops the files that hold nothing else, rewrites the few
  // that do. The worker's work. REQUIRES: the range was deleted, and is flushed. A snapshot from
  // before then may miss rows of it.
  virtual absl::Status Reclaim(std::string_view begin, std::string_view end) = 0;

  // name, value: for metrics and status.
  virtual std::vector<std::pair<std::string, uint64_t>> Properties() const = 0;
};

}  // namespace baton::engine
