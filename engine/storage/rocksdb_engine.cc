#include "engine/storage/rocksdb_engine.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/storage/file_image.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/rocksdb_options.h"

namespace baton::engine {
namespace {

rocksdb::Slice ToSlice(std::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}
std::string_view ToView(const rocksdb::Slice& slice) {
  return std::string_view(slice.data(), slice.size());
}

absl::Status ToStatus(const rocksdb::Status& status, const char* what) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsIncomplete()) return absl::UnavailableError("not in memory: read it with kAny");
  if (status.IsAborted()) return absl::ResourceExhaustedError("the values are too large together");
  const std::string text = absl::StrCat("RocksDB, ", what, ": ", status.ToString());
  return status.IsCorruption() ? absl::DataLossError(text) : absl::InternalError(text);
}

absl::StatusOr<std::optional<std::string>> ToValue(const rocksdb::Status& status,
                                                   const rocksdb::PinnableSlice& value) {
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return ToStatus(status, "read");
  return std::optional<std::string>(std::in_place, value.data(), value.size());
}

absl::StatusOr<std::optional<std::string>> GetWith(rocksdb::DB* db,
                                                   const rocksdb::ReadOptions& options,
                                                   std::string_view key) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = db->Get(options, db->DefaultColumnFamily(), ToSlice(key), &value);
  return ToValue(status, value);
}

// The applied slot as these options see it; Slot{} in an empty state.
absl::StatusOr<Slot> ReadApplied(rocksdb::DB* db, const rocksdb::ReadOptions& options) {
  const auto value = GetWith(db, options, AppliedKey());
  if (!value.ok()) return value.status();
  return *value ? DecodeApplied(**value) : Slot{};
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) {
    return absl::InternalError(
        absl::StrCat("cannot rename ", from, " to ", to, ": ", error.message()));
  }
  return SyncFileDirectory(std::filesystem::absolute(to).parent_path().string());
}

// Restore goes through two names beside the directory: the new state, complete before the first
// rename, and the old one, which exists only from the first rename to the end.
std::string NewName(const std::string& directory) { return directory + ".restoring"; }
std::string OldName(const std::string& directory) { return directory + ".replaced"; }

absl::Status FinishRestore(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(directory, ignored) && fs::exists(OldName(directory), ignored) &&
      fs::exists(NewName(directory), ignored)) {
    if (absl::Status renamed = Rename(NewName(directory), directory); !renamed.ok()) return renamed;
  }
  if (fs::exists(directory, ignored)) {
    fs::remove_all(NewName(directory), ignored);
    fs::remove_all(OldName(directory), ignored);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenAt(const rocksdb::Options& options,
                                                    const std::string& directory) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  if (!status.ok()) return ToStatus(status, absl::StrCat("open ", directory).c_str());
  return std::unique_ptr<rocksdb::DB>(db);
}

absl::Status WriteImage(rocksdb::DB* db, const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db, &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // log_size_for_flush = 0: flush first. Anything else leaves out what only memtables hold.
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0);
  return ToStatus(status, absl::StrCat("checkpoint into ", directory).c_str());
}

}  // namespace

class RocksDbEngine::Batch : public WriteBatch {
 public:
  void Put(std::string_view key, std::string_view value) override {
    Check(rows.Put(ToSlice(key), ToSlice(value)));
  }
  void Delete(std::string_view key) override { Check(rows.Delete(ToSlice(key))); }
  void DeleteRange(std::string_view begin, std::string_view end) override {
    Check(rows.DeleteRange(ToSlice(begin), ToSlice(end)));
    ++ranges;
  }
  uint64_t bytes() const override { return rows.GetDataSize(); }

  rocksdb::WriteBatch rows;
  uint64_t ranges = 0;

 private:
  // Building a batch in memory fails only on keys of more than 4 GiB.
  void Check(const rocksdb::Status& status) { BATON_CHECK(status.ok()) << status.ToString(); }
};

// A snapshot whose applied slot cannot be read answers every read with that error.
class RocksDbEngine::RocksDbSnapshot : public Snapshot {
 public:
  explicit RocksDbSnapshot(const RocksDbEngine* engine)
      : engine_(engine), snapshot_(engine->db_->GetSnapshot()) {
    engine_->snapshots_.fetch_add(1);
    // In the memtable, or in the block that RefreshFlushed has read; hence in practice no wait.
    const absl::StatusOr<Slot> applied = ReadApplied(engine_->db_.get(), Options(ReadTier::kAny));
    status_ = applied.status();
    applied_ = applied.ok() ? *applied : engine_->applied();
  }
  ~RocksDbSnapshot() override {
    BATON_CHECK(iterators_ == 0) << "a snapshot was destroyed before its iterators";
    engine_->db_->ReleaseSnapshot(snapshot_);
    engine_->snapshots_.fetch_sub(1);
  }

  Slot applied() const override { return applied_; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key,
                                                 ReadTier tier) const override {
    if (!status_.ok()) return status_;
    return GetWith(engine_->db_.get(), Options(tier), key);
  }
  std::unique_ptr<Iterator> NewIterator(std::string_view lower, std::string_view upper,
                                        ReadTier tier) const override;

 private:
  friend class RocksDbIterator;

  rocksdb::ReadOptions Options(ReadTier tier) const {
    rocksdb::ReadOptions options = MakeReadOptions(tier);
    options.snapshot = snapshot_;
    return options;
  }

  const RocksDbEngine* const engine_;
  const rocksdb::Snapshot* const snapshot_;
  Slot applied_;
  absl::Status status_;
  mutable std::atomic<int64_t> iterators_{0};
};

class RocksDbEngine::RocksDbIterator : public Iterator {
 public:
  RocksDbIterator(const RocksDbSnapshot* snapshot, std::string_view lower, std::string_view upper,
                  ReadTier tier)
      : snapshot_(snapshot),
        lower_(lower),
        upper_(upper),
        lower_slice_(lower_),
        upper_slice_(upper_) {
    rocksdb::ReadOptions options = snapshot_->Options(tier);
    if (!lower_.empty()) options.iterate_lower_bound = &lower_slice_;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    snapshot_->iterators_.fetch_add(1);
    it_.reset(snapshot_->engine_->db_->NewIterator(options));
  }
  ~RocksDbIterator() override {
    it_.reset();
    snapshot_->iterators_.fetch_sub(1);
  }

  bool Valid() const override { return it_->Valid() && snapshot_->status_.ok(); }
  void SeekToFirst() override { it_->SeekToFirst(); }
  void SeekToLast() override { it_->SeekToLast(); }
  void Seek(std::string_view key) override { it_->Seek(ToSlice(key)); }
  void SeekForPrev(std::string_view key) override { it_->SeekForPrev(ToSlice(key)); }
  void Next() override { it_->Next(); }
  void Prev() override { it_->Prev(); }
  std::string_view key() const override { return ToView(it_->key()); }
  std::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override {
    return snapshot_->status_.ok() ? ToStatus(it_->status(), "iterate") : snapshot_->status_;
  }

 private:
  const RocksDbSnapshot* const snapshot_;
  const std::string lower_;
  const std::string upper_;
  const rocksdb::Slice lower_slice_;  // RocksDB keeps pointers to these two
  const rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

std::unique_ptr<Iterator> RocksDbEngine::RocksDbSnapshot::NewIterator(std::string_view lower,
                                                                      std::string_view upper,
                                                                      ReadTier tier) const {
  return std::make_unique<RocksDbIterator>(this, lower, upper, tier);
}

// Runs on RocksDB's flush thread, which ends before the engine does.
class RocksDbEngine::FlushListener : public rocksdb::EventListener {
 public:
  explicit FlushListener(RocksDbEngine* engine) : engine_(engine) {}
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo&) override {
    // A failure here shows in the next Flush or Apply.
    engine_->RefreshFlushed(db).IgnoreError();
  }

 private:
  RocksDbEngine* const engine_;
};

RocksDbEngine::RocksDbEngine(std::string directory, const RocksDbOptions& options)
    : directory_(std::move(directory)), options_(options), cache_(MakeBlockCache(options)) {}

RocksDbEngine::~RocksDbEngine() {
  BATON_CHECK(snapshots_ == 0) << "the engine was destroyed before its snapshots";
}

absl::StatusOr<std::unique_ptr<RocksDbEngine>> RocksDbEngine::Open(const std::string& directory,
                                                                   const RocksDbOptions& options) {
  std::unique_ptr<RocksDbEngine> engine(new RocksDbEngine(directory, options));
  if (absl::Status finished = FinishRestore(directory); !finished.ok()) return finished;
  if (absl::Status opened = engine->OpenDb(); !opened.ok()) return opened;
  return engine;
}

absl::Status RocksDbEngine::OpenDb() {
  rocksdb::Options options = MakeDbOptions(options_, cache_);
  options.listeners.push_back(std::make_shared<FlushListener>(this));
  absl::StatusOr<std::unique_ptr<rocksdb::DB>> db = OpenAt(options, directory_);
  if (!db.ok()) return db.status();
  const absl::StatusOr<Slot> applied = ReadApplied(db->get(), MakeReadOptions(ReadTier::kAny));
  if (!applied.ok()) return applied.status();
  db_ = *std::move(db);
  applied_ = flushed_ = applied->value;
  range_deletes_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> RocksDbEngine::Get(std::string_view key,
                                                              ReadTier tier) const {
  return GetWith(db_.get(), MakeReadOptions(tier), key);
}

std::vector<absl::StatusOr<std::optional<std::string>>> RocksDbEngine::MultiGet(
    absl::Span<const std::string_view> keys, ReadTier tier) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const std::string_view key : keys) slices.push_back(ToSlice(key));
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rocksdb::ReadOptions options = MakeReadOptions(tier);
  options.value_size_soft_limit = kMultiGetBytesMax;
  db_->MultiGet(options, db_->DefaultColumnFamily(), slices.size(), slices.data(), found.data(),
                statuses.data());
  std::vector<absl::StatusOr<std::optional<std::string>>> values;
  values.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) values.push_back(ToValue(statuses[i], found[i]));
  return values;
}

std::unique_ptr<Snapshot> RocksDbEngine::NewSnapshot() const {
  return std::make_unique<RocksDbSnapshot>(this);
}

std::unique_ptr<WriteBatch> RocksDbEngine::NewBatch() const { return std::make_unique<Batch>(); }

absl::Status RocksDbEngine::Apply(std::unique_ptr<WriteBatch> batch, Slot applied) {
  BATON_CHECK(applied.value > applied_) << applied.value << " after " << applied_;
  Batch& changes = static_cast<Batch&>(*batch);
  changes.Put(AppliedKey(), EncodeApplied(applied));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const rocksdb::Status written = db_->Write(options, &changes.rows);
  if (!written.ok()) return ToStatus(written, "write");
  applied_ = applied.value;
  if (changes.ranges > 0 &&
      range_deletes_.fetch_add(changes.ranges) + changes.ranges > kRangeDeletesPerMemtableMax) {
    range_deletes_ = 0;
    rocksdb::FlushOptions flush;
    flush.wait = false;
    flush.allow_write_stall = true;
    return ToStatus(db_->Flush(flush), "flush");
  }
  return absl::OkStatus();
}

Slot RocksDbEngine::applied() const { return Slot{applied_}; }

absl::Status RocksDbEngine::Flush() {
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  const rocksdb::Status flushed = db_->Flush(options);
  if (!flushed.ok()) return ToStatus(flushed, "flush");
  return RefreshFlushed(db_.get());
}

Slot RocksDbEngine::flushed() const { return Slot{flushed_}; }

absl::Status RocksDbEngine::RefreshFlushed(rocksdb::DB* db) {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kPersistedTier;
  const absl::StatusOr<Slot> slot = ReadApplied(db, options);
  if (!slot.ok()) return slot.status();
  uint64_t known = flushed_;
  while (known < slot->value && !flushed_.compare_exchange_weak(known, slot->value)) {
  }
  return absl::OkStatus();
}

absl::StatusOr<Slot> RocksDbEngine::Checkpoint(const std::string& directory) {
  if (absl::Status written = WriteImage(db_.get(), directory); !written.ok()) return written;
  if (absl::Status read = RefreshFlushed(db_.get()); !read.ok()) return read;
  // What the image holds was settled by its own flush, beside which writes went on: ask the image.
  return ImageApplied(directory);
}

absl::StatusOr<Slot> RocksDbEngine::ImageApplied(const std::string& directory) const {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(MakeDbOptions(options_, cache_), directory, &opened);
  if (!status.ok()) return ToStatus(status, absl::StrCat("open ", directory).c_str());
  const std::unique_ptr<rocksdb::DB> image(opened);
  return ReadApplied(image.get(), MakeReadOptions(ReadTier::kAny));
}

absl::Status RocksDbEngine::Restore(const std::string& directory) {
  BATON_CHECK(snapshots_ == 0) << "a snapshot outlives Restore";
  std::error_code ignored;
  std::filesystem::remove_all(NewName(directory_), ignored);
  {
    rocksdb::Options options = MakeDbOptions(options_, cache_);
    options.create_if_missing = false;
    absl::StatusOr<std::unique_ptr<rocksdb::DB>> image = OpenAt(options, directory);
    if (!image.ok()) return image.status();
    const absl::StatusOr<Slot> applied = ReadApplied(image->get(), MakeReadOptions(ReadTier::kAny));
    if (!applied.ok()) return applied.status();
    if (absl::Status copied = WriteImage(image->get(), NewName(directory_)); !copied.ok()) {
      return copied;
    }
  }
  db_.reset();
  if (absl::Status moved = Rename(directory_, OldName(directory_)); !moved.ok()) return moved;
  if (absl::Status moved = Rename(NewName(directory_), directory_); !moved.ok()) return moved;
  if (absl::Status opened = OpenDb(); !opened.ok()) return opened;
  std::filesystem::remove_all(OldName(directory_), ignored);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ImageReader>> RocksDbEngine::OpenImage(
    const std::string& directory) {
  return OpenFileImage(directory);
}

absl::StatusOr<std::unique_ptr<ImageWriter>> RocksDbEngine::NewImage(const std::string& directory) {
  return NewFileImage(directory);
}

absl::Status RocksDbEngine::RemoveImage(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot remove ", directory, ": ", error.message()));
}

uint64_t RocksDbEngine::ApproximateBytes(std::string_view begin, std::string_view end) const {
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.files_size_error_margin = 0.1;
  const rocksdb::Range range(ToSlice(begin), ToSlice(end));
  uint64_t bytes = 0;
  const rocksdb::Status status =
      db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &bytes);
  return status.ok() ? bytes : 0;
}

absl::Status RocksDbEngine::Reclaim(std::string_view begin, std::string_view end) {
  const rocksdb::Slice first = ToSlice(begin), last = ToSlice(end);
  rocksdb::ColumnFamilyHandle* const rows = db_->DefaultColumnFamily();
  rocksdb::Status status =
      rocksdb::DeleteFilesInRange(db_.get(), rows, &first, &last, /*include_end=*/false);
  // What is left: the newest files, and those that hold other rows too.
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  if (status.ok()) status = db_->CompactRange(options, rows, &first, &last);
  return ToStatus(status, "reclaim space");
}

std::vector<std::pair<std::string, uint64_t>> RocksDbEngine::Properties() const {
  static constexpr std::pair<const char*, const char*> kAsked[] = {
      {"keys_estimated", "rocksdb.estimate-num-keys"},
      {"files_bytes", "rocksdb.total-sst-files-size"},
      {"memtables_bytes", "rocksdb.cur-size-all-mem-tables"},
      {"block_cache_bytes", "rocksdb.block-cache-usage"},
      {"compaction_pending_bytes", "rocksdb.estimate-pending-compaction-bytes"},
      {"level0_files", "rocksdb.num-files-at-level0"},
      {"writes_stopped", "rocksdb.is-write-stopped"},
      {"snapshots", "rocksdb.num-snapshots"},
  };
  std::vector<std::pair<std::string, uint64_t>> properties;
  for (const auto& [name, property] : kAsked) {
    uint64_t value = 0;
    if (db_->GetIntProperty(property, &value)) {
      properties.emplace_back(name, value);
    } else if (std::string text; db_->GetProperty(property, &text)) {
      properties.emplace_back(name, std::strtoull(text.c_str(), nullptr, 10));
    }
  }
  return properties;
}

}  // namespace baton::engine
