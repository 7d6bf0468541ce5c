#include "server/replica/applier.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/storage/key_encoding.h"
#include "server/codec/entry_codec.h"

namespace baton::server {

Applier::Applier(engine::Engine* engine, engine::Catalog* catalog, engine::Sessions* sessions,
                 OrderBook* orders, engine::KeyspaceSizes* sizes, const wal::Wal* wal,
                 const Clock* clock, Metrics* metrics, const Limits& limits, Hooks hooks)
    : engine_(engine),
      catalog_(catalog),
      orders_(orders),
      sizes_(sizes),
      wal_(wal),
      clock_(clock),
      metrics_(metrics),
      limits_(limits),
      hooks_(std::move(hooks)),
      batch_(engine, catalog, sessions),
      added_(engine->applied()),
      flush_mark_(engine->flushed()) {
  NoteSizes();
}

void Applier::Submit(std::vector<ApplyItem> items) {
  if (items.empty()) return;
  uint64_t bytes = 0;
  for (const ApplyItem& item : items) bytes += item.bytes ? item.bytes->size() : 0;
  backlog_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  {
    MutexLock lock(&mutex_);
    if (items_.empty()) {
      items_.swap(items);
    } else {
      for (ApplyItem& item : items) items_.push_back(std::move(item));
    }
  }
  wakeup().Notify();
}

void Applier::KeepLogAbove(Slot slot) {
  keep_above_.store(slot.value, std::memory_order_relaxed);
  if (slot != kSlotNone) return;
  released_.store(true, std::memory_order_release);
  wakeup().Notify();
}

bool Applier::RunOnce() {
  std::vector<ApplyItem> items;
  {
    MutexLock lock(&mutex_);
    items.swap(items_);
  }
  const bool released = released_.exchange(false, std::memory_order_acquire);
  if (failed_) return false;
  if (items.empty() && !released) {
    if (clock_->LeaseNowUs() < NextDeadlineUs()) return false;
    NoteSizes();
    return true;
  }
  if (released) untrimmed_bytes_ = std::max(untrimmed_bytes_, limits_.truncate_bytes_min);
  uint64_t bytes = 0;
  absl::Status status;
  for (const ApplyItem& item : items) {
    if (item.bytes) bytes += item.bytes->size();
    if (status.ok() && !stopping_.load(std::memory_order_relaxed)) status = Apply(item);
  }
  if (status.ok()) status = Commit();
  if (status.ok()) status = Maintain();
  backlog_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  if (!status.ok()) {
    failed_ = true;
    hooks_.fatal("cannot apply the log: " + std::string(status.message()));
  }
  return true;
}

absl::Status Applier::Apply(const ApplyItem& item) {
  if (item.bytes) {
    BATON_CHECK(item.first == item.last);
    return AddEntry(*item.bytes);
  }
  for (Slot next = item.first; next <= item.last;) {
    absl::StatusOr<std::vector<wal::EntryRecord>> records =
        wal_->Read(kFirstGroup, next, item.last, kReadBytes);
    if (!records.ok()) return records.status();
    for (const wal::EntryRecord& record : *records) {
      if (absl::Status s = AddEntry(*record.bytes); !s.ok()) return s;
    }
    next = Slot{next.value + records->size()};
    if (stopping_.load(std::memory_order_relaxed)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Applier::AddEntry(std::string_view bytes) {
  absl::StatusOr<DecodedEntry> entry = DecodeEntry(bytes, EntryHash::kVerified);
  if (!entry.ok()) return entry.status();
  BATON_CHECK(entry->id.slot == added_.Next())
      << "slot " << entry->id.slot.value << " after " << added_.value;
  if (absl::Status s = batch_.Add(entry->id.slot, entry->effects, entry->stamp.base_revision,
                                  entry->stamp.log_time_us);
      !s.ok()) {
    return s;
  }
  added_ = entry->id.slot;
  log_floor_ = std::max(log_floor_, entry->stamp.log_floor);
  replay_bytes_ += bytes.size();
  untrimmed_bytes_ += bytes.size();
  const uint64_t added = added_bytes() + bytes.size();
  added_bytes_.store(added, std::memory_order_relaxed);
  if (marks_.empty() || added - marks_.back().second > limits_.log_retention_bytes / kMarksMax) {
    marks_.emplace_back(added_, added);
  }
  return batch_.bytes() >= engine::kApplyBatchBytesMax ? Commit() : absl::OkStatus();
}

absl::Status Applier::Commit() {
  if (batch_.entries() == 0) return absl::OkStatus();
  const int64_t began_us = clock_->LeaseNowUs();
  if (absl::Status s = batch_.Commit(); !s.ok()) return s;
  bool ordered = false;
  for (const engine::SystemTable table : OrderBook::kTables) ordered |= batch_.TakeWrote(table);
  if (ordered) {
    if (absl::Status s = orders_->Load(*engine_); !s.ok()) return s;
  }
  metrics_->apply_us.Observe(static_cast<uint64_t>(clock_->LeaseNowUs() - began_us));
  metrics_->applied_slot.Set(added_.value);
  hooks_.applied(added_);
  return absl::OkStatus();
}

void Applier::NoteSizes() {
  const int64_t now_us = clock_->LeaseNowUs();
  if (now_us < next_size_look_us_) return;
  next_size_look_us_ = now_us + kSizeLookUs;
  uint64_t bytes = 0;
  for (const auto& [name, value] : engine_->Properties()) {
    if (name == "files_bytes" || name == "memtables_bytes") bytes += value;
  }
  metrics_->state_bytes.Set(bytes);
  std::map<KeyspaceId, uint64_t> sizes;
  full_ = false;
  for (const engine::KeyspacePtr& keyspace : catalog_->Read().List()) {
    if (keyspace->settings.size_bytes_max == 0) continue;
    const engine::KeyRange rows = engine::EngineRange(keyspace->id, {}, {});
    const uint64_t size = engine_->ApproximateBytes(rows.begin, rows.end);
    sizes[keyspace->id] = size;
    full_ |= size >= keyspace->settings.size_bytes_max;
  }
  sizes_->Set(std::move(sizes));
}

Slot Applier::MayTruncateTo() {
  // What is older than the retention limit is kept for nobody.
  while (!marks_.empty() && added_bytes() - marks_.front().second > limits_.log_retention_bytes) {
    retained_above_ = marks_.front().first;
    marks_.pop_front();
  }
  const Slot needed = std::max(log_floor_, retained_above_);
  const Slot kept{keep_above_.load(std::memory_order_relaxed)};
  // The last entry that a crash leaves applied stays: its stamp says what the next reign continues,
  // and a snapshot goes with it.
  const Slot flushed = flush_mark_ == Slot{} ? Slot{} : flush_mark_.Prev();
  return std::min({needed, kept, flushed, added_.Prev()});
}

absl::Status Applier::Maintain() {
  NoteSizes();
  if (std::vector<KeyspaceId> dropped = batch_.TakeDropped(); !dropped.empty()) {
    hooks_.dropped(std::move(dropped));
  }
  const Slot flushed = engine_->flushed();
  metrics_->flushed_slot.Set(flushed.value);
  if (flushed > flush_mark_) {
    flush_mark_ = flushed;
    replay_bytes_ = 0;
  } else if (replay_bytes_ >= limits_.replay_bytes_max) {
    if (absl::Status s = engine_->Flush(); !s.ok()) return s;
    flush_mark_ = engine_->flushed();
    replay_bytes_ = 0;
  }
  if (untrimmed_bytes_ < limits_.truncate_bytes_min || added_ == Slot{}) return absl::OkStatus();
  untrimmed_bytes_ = 0;
  const Slot upto = MayTruncateTo();
  if (upto > trimmed_) {
    trimmed_ = upto;
    hooks_.trim(upto);
  }
  return absl::OkStatus();
}

}  // namespace baton::server
