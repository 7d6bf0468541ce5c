// View: the state at one moment, which does not change: an engine snapshot with its applied slot A,
// and the overlay's slots in (A, read slot] over it. If A >= read slot the overlay is not looked
// at.
//
// A view belongs to one thread at a time. It holds a RocksDB snapshot and pins overlay slots: keep
// it for one answer, or one client's pages within a time limit. Engine and overlay outlive it.
//
// With ReadTier::kMemory every read may answer UNAVAILABLE: run it again elsewhere with kAny.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "engine/state/merge_cursor.h"
#include "engine/state/overlay.h"
#include "engine/state/request.h"
#include "engine/storage/engine.h"

namespace baton::engine {

// What a record counts for in a page beside its key and value.
inline constexpr uint64_t kRecordOverheadBytes = 32;

class View {
 public:
  // `read_slot`: the newest slot to be seen; Slot{}: the engine's state alone. `newest`, if given,
  // lies over everything and outlives the view.
  View(const Engine& engine, const Overlay& overlay, Slot read_slot, const Layer* newest = nullptr);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  // The slot whose state this is: max(A, read slot).
  Slot slot() const { return slot_; }

  // nullopt: no such key. Record::key is left empty.
  absl::StatusOr<std::optional<Record>> Get(KeyspaceId keyspace, std::string_view key,
                                            ReadTier tier) const;
  // One item a key, in order. RESOURCE_EXHAUSTED: values of more than kMultiGetBytesMax.
  absl::StatusOr<std::vector<std::optional<Record>>> MultiGet(KeyspaceId keyspace,
                                                              absl::Span<const std::string> keys,
                                                              ReadTier tier) const;

  // One page of at most spec.limit records (0: kPageRecordsDefault) and kPageBytesMax bytes, but at
  // least one record. Only spec.begin and spec.end bound the work of finding them.
  absl::StatusOr<ScanPage> Scan(const ScanSpec& spec, ReadTier tier) const;

  // Moves over the engine keys of [lower, upper). Destroy it before the view.
  MergeCursor NewCursor(KeyRange range, bool reverse, ReadTier tier) const;

 private:
  std::unique_ptr<Overlay::Pin> pin_;
  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<Layer> overlay_layer_;  // null: nothing to see there
  std::vector<const Layer*> layers_;      // newest first
  Slot slot_;
};

// One key at or after `read_slot`, without a snapshot: the overlay first, then the engine. Right
// even when the slot is applied and forgotten in between, since it is in the engine by then. May
// see a committed state newer than read_slot. Any thread; never waits with ReadTier::kMemory.
absl::StatusOr<std::optional<Record>> GetNow(const Engine& engine, const Overlay& overlay,
                                             KeyspaceId keyspace, std::string_view key,
                                             Slot read_slot, ReadTier tier);

// As View::MultiGet: several keys at or after `read_slot`, all from one moment. Without a snapshot
// if the engine has applied read_slot, else from a View.
absl::StatusOr<std::vector<std::optional<Record>>> MultiGetNow(const Engine& engine,
                                                               const Overlay& overlay,
                                                               KeyspaceId keyspace,
                                                               absl::Span<const std::string> keys,
                                                               Slot read_slot, ReadTier tier);

}  // namespace baton::engine
