// RocksDbEngine: the engine on disk. RocksDB's own log is off: what its memtables hold is lost in a
// crash and comes back by replaying the replicated log from applied().
//
// One column family, in which the applied slot is a row of each batch: a memtable is one cut of the
// log, so what is flushed is the state of exactly one slot. docs/storage.md has each option and
// why.
//
// Threads: as Engine. Closing does not flush.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/storage/engine.h"

namespace rocksdb {
class Cache;
class DB;
}  // namespace rocksdb

namespace baton::engine {

struct RocksDbOptions {
  uint64_t block_cache_bytes = 32 << 20;
  uint64_t write_buffer_bytes = 16 << 20;  // a memtable; up to four at once under load
  // Flushes and compactions together, per second, so that they do not starve the log's fdatasync.
  // 0: no limit.
  uint64_t background_bytes_per_second = 128 << 20;
};

// Ranges deleted in one memtable before it is flushed: reads must look through them.
inline constexpr uint64_t kRangeDeletesPerMemtableMax = 1024;

class RocksDbEngine : public Engine {
 public:
  // Opens the state in `directory`, or an empty one. Ends a Restore that a crash interrupted.
  // Errors: FAILED_PRECONDITION if a newer version wrote it; DATA_LOSS, INTERNAL, with the path.
  static absl::StatusOr<std::unique_ptr<RocksDbEngine>> Open(const std::string& directory,
                                                             const RocksDbOptions& options);
  ~RocksDbEngine() override;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key,
                                                 ReadTier tier) const override;
  std::vector<absl::StatusOr<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys, ReadTier tier) const override;
  std::unique_ptr<Snapshot> NewSnapshot() const override;
  std::unique_ptr<WriteBatch> NewBatch() const override;
  absl::Status Apply(std::unique_ptr<WriteBatch> batch, Slot applied) override;
  Slot applied() const override;
  absl::Status Flush() override;
  Slot flushed() const override;
  absl::StatusOr<Slot> Checkpoint(const std::string& directory) override;
  absl::Status Restore(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<ImageReader>> OpenImage(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<ImageWriter>> NewImage(const std::string& directory) override;
  absl::Status RemoveImage(const std::string& directory) override;
  absl::StatusOr<Slot> ImageApplied(const std::string& directory) const override;
  uint64_t ApproximateBytes(std::string_view begin, std::string_view end) const override;
  absl::Status Reclaim(std::string_view begin, std::string_view end) override;
  std::vector<std::pair<std::string, uint64_t>> Properties() const override;

 private:
  class Batch;
  class RocksDbSnapshot;
  class RocksDbIterator;
  class FlushListener;

  RocksDbEngine(std::string directory, const RocksDbOptions& options);
  absl::Status OpenDb();
  // Reads the flushed slot back from what is persisted.
  absl::Status RefreshFlushed(rocksdb::DB* db);

  const std::string directory_;
  const RocksDbOptions options_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::atomic<uint64_t> applied_{0};
  std::atomic<uint64_t> flushed_{0};           // flushed_ <= applied_, ascending
  std::atomic<uint64_t> range_deletes_{0};     // in the current memtable, about
  mutable std::atomic<int64_t> snapshots_{0};  // alive
  std::unique_ptr<rocksdb::DB> db_;  // last: closing it ends the threads that use the above
};

}  // namespace baton::engine
