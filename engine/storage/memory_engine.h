// MemoryEngine: the engine as an ordered map of versions. The model of the conformance suite, and
// the engine of the simulator: it survives its node, and falls back to its last flush when told to.
//
// Any thread; one lock. It keeps all versions that a snapshot or the last flush needs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/storage/engine.h"

namespace baton::engine {

struct MemoryEngineOptions {
  // Whether ReadTier::kMemory misses keys that no one has read or written since the start, or since
  // LoseUnflushed: what a cold block cache does.
  bool cold_cache = false;
};

class MemoryEngine : public Engine {
 public:
  explicit MemoryEngine(MemoryEngineOptions options = {});
  ~MemoryEngine() override;

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

  // Its images are kept in memory, by directory, and survive a power cut once they are whole.
  // What a power cut does: the state is again that of the last flush. REQUIRES: no snapshot is
  // alive.
  void LoseUnflushed();

 private:
  class Batch;
  class MemorySnapshot;
  class MemoryIterator;
  class MemoryImageReader;
  class MemoryImageWriter;

  // The state after the n-th Apply has number n.
  struct Version {
    uint64_t number = 0;
    std::optional<std::string> value;  // nullopt: deleted
  };
  using Versions = std::vector<Version>;  // ascending by number, never empty
  using Rows = std::map<std::string, Versions, std::less<>>;

  // The value in state `number`, or null.
  static const std::string* Visible(const Versions& versions, uint64_t number);
  absl::StatusOr<std::optional<std::string>> GetAt(std::string_view key, uint64_t number,
                                                   ReadTier tier) const BATON_REQUIRES(mutex_);
  // Whether a read of the key would wait; reading it with another tier warms it.
  bool Misses(std::string_view key, ReadTier tier) const BATON_REQUIRES(mutex_);
  void Set(std::string key, std::optional<std::string> value) BATON_REQUIRES(mutex_);
  // Drops versions that neither a snapshot, nor the last flush, nor the present state needs.
  // Returns whether nothing is left.
  bool Prune(Versions* versions) const BATON_REQUIRES(mutex_);
  void PruneAll() BATON_REQUIRES(mutex_);

  const MemoryEngineOptions options_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> images_ BATON_GUARDED_BY(mutex_);
  Rows rows_ BATON_GUARDED_BY(mutex_);
  uint64_t number_ BATON_GUARDED_BY(mutex_) = 0;          // of the present state
  uint64_t flushed_number_ BATON_GUARDED_BY(mutex_) = 0;  // <= number_
  Slot applied_ BATON_GUARDED_BY(mutex_);
  Slot flushed_ BATON_GUARDED_BY(mutex_);                               // <= applied_
  mutable std::multiset<uint64_t> snapshots_ BATON_GUARDED_BY(mutex_);  // their numbers
  mutable std::set<std::string, std::less<>> warm_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::engine
