#include "engine/state/view.h"

#include <algorithm>
#include <utility>

#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

using MaybeRecord = std::optional<Record>;

absl::StatusOr<MaybeRecord> ToRecord(std::string row) {
  const absl::StatusOr<Row> decoded = DecodeRow(row);
  if (!decoded.ok()) return decoded.status();
  Record record;
  record.revision = decoded->revision;
  row.erase(0, row.size() - decoded->value.size());  // the value stands last
  record.value = std::move(row);
  return MaybeRecord(std::move(record));
}

absl::StatusOr<MaybeRecord> ToRecord(absl::StatusOr<std::optional<std::string>> row) {
  if (!row.ok()) return row.status();
  if (!*row) return MaybeRecord();
  return ToRecord(**std::move(row));
}

absl::Status TooLarge() {
  return absl::ResourceExhaustedError("the values are too large together: ask for fewer keys");
}

}  // namespace

View::View(const Engine& engine, const Overlay& overlay, Slot read_slot, const Layer* newest)
    : pin_(overlay.NewPin()), snapshot_(engine.NewSnapshot()) {
  const Slot applied = snapshot_->applied();
  slot_ = std::max(applied, read_slot);
  if (newest != nullptr) layers_.push_back(newest);
  if (applied < read_slot) {
    overlay_layer_ = overlay.NewLayer(*pin_, applied, read_slot);
    layers_.push_back(overlay_layer_.get());
  } else {
    pin_.reset();
  }
}

View::~View() = default;

absl::StatusOr<MaybeRecord> View::Get(KeyspaceId keyspace, std::string_view key,
                                      ReadTier tier) const {
  const std::string engine_key = EngineKey(keyspace, key);
  for (const Layer* layer : layers_) {
    if (const std::optional<Change> change = layer->Find(engine_key)) {
      if (change->deleted) return MaybeRecord();
      return ToRecord(std::string(change->row));
    }
  }
  return ToRecord(snapshot_->Get(engine_key, tier));
}

absl::StatusOr<std::vector<MaybeRecord>> View::MultiGet(KeyspaceId keyspace,
                                                        absl::Span<const std::string> keys,
                                                        ReadTier tier) const {
  std::vector<MaybeRecord> records;
  records.reserve(keys.size());
  uint64_t bytes = 0;
  for (const std::string& key : keys) {
    if (bytes > kMultiGetBytesMax) return TooLarge();
    absl::StatusOr<MaybeRecord> record = Get(keyspace, key, tier);
    if (!record.ok()) return record.status();
    if (*record) bytes += (*record)->value.size();
    records.push_back(*std::move(record));
  }
  return records;
}

absl::StatusOr<ScanPage> View::Scan(const ScanSpec& spec, ReadTier tier) const {
  const uint64_t limit = spec.limit == 0 ? kPageRecordsDefault : spec.limit;
  ScanPage page;
  uint64_t bytes = 0;
  MergeCursor cursor =
      NewCursor(EngineRange(spec.keyspace, spec.begin, spec.end), spec.reverse, tier);
  while (cursor.Next()) {
    const absl::StatusOr<Row> row = DecodeRow(cursor.row());
    if (!row.ok()) return row.status();
    const std::string_view key = UserKey(cursor.key());
    const std::string_view value = spec.keys_only ? std::string_view() : row->value;
    bytes += key.size() + value.size() + kRecordOverheadBytes;
    if (page.records.size() == limit || (bytes > kPageBytesMax && !page.records.empty())) {
      page.next = spec.reverse ? page.records.back().key : std::string(key);
      break;
    }
    page.records.push_back(Record{std::string(key), std::string(value), row->revision});
  }
  if (!cursor.status().ok()) return cursor.status();
  return page;
}

MergeCursor View::NewCursor(KeyRange range, bool reverse, ReadTier tier) const {
  std::unique_ptr<Iterator> base = snapshot_->NewIterator(range.begin, range.end, tier);
  return MergeCursor(std::move(base), layers_, std::move(range), reverse);
}

absl::StatusOr<MaybeRecord> GetNow(const Engine& engine, const Overlay& overlay,
                                   KeyspaceId keyspace, std::string_view key, Slot read_slot,
                                   ReadTier tier) {
  const std::string engine_key = EngineKey(keyspace, key);
  if (engine.applied() < read_slot) {
    if (std::optional<Overlay::Found> found = overlay.Find(engine_key, read_slot)) {
      if (found->deleted) return MaybeRecord();
      return ToRecord(std::move(found->row));
    }
  }
  return ToRecord(engine.Get(engine_key, tier));
}

absl::StatusOr<std::vector<MaybeRecord>> MultiGetNow(const Engine& engine, const Overlay& overlay,
                                                     KeyspaceId keyspace,
                                                     absl::Span<const std::string> keys,
                                                     Slot read_slot, ReadTier tier) {
  if (engine.applied() < read_slot) {
    return View(engine, overlay, read_slot).MultiGet(keyspace, keys, tier);
  }
  std::vector<std::string> engine_keys;
  engine_keys.reserve(keys.size());
  for (const std::string& key : keys) engine_keys.push_back(EngineKey(keyspace, key));
  const std::vector<std::string_view> views(engine_keys.begin(), engine_keys.end());
  std::vector<MaybeRecord> records;
  records.reserve(keys.size());
  for (absl::StatusOr<std::optional<std::string>>& row : engine.MultiGet(views, tier)) {
    if (absl::IsResourceExhausted(row.status())) return TooLarge();
    absl::StatusOr<MaybeRecord> record = ToRecord(std::move(row));
    if (!record.ok()) return record.status();
    records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace baton::engine
