#include "engine/storage/memory_engine.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kImageVersion = 1;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kImageBytesMin = 1 + 8 + kChecksumBytes;  // version, applied slot

absl::Status Miss() { return absl::UnavailableError("not in memory: read it with kAny"); }

// What an image holds behind its version, verified.
absl::StatusOr<Decoder> OpenImageBytes(const std::string& directory, std::string_view image) {
  const absl::Status damaged = absl::DataLossError(absl::StrCat(directory, " is damaged"));
  if (image.size() < kImageBytesMin) return damaged;
  const std::string_view body = image.substr(0, image.size() - kChecksumBytes);
  if (Checksum(body) != LoadFixed64(image.data() + body.size())) return damaged;
  Decoder in(body);
  if (in.ReadByte() != kImageVersion) return damaged;
  return in;
}

}  // namespace

// Changes in order; a range has an end.
class MemoryEngine::Batch : public WriteBatch {
 public:
  struct Op {
    std::string key;
    std::optional<std::string> value;
    std::optional<std::string> end;
  };

  void Put(std::string_view key, std::string_view value) override {
    Append(Op{std::string(key), std::string(value), std::nullopt});
  }
  void Delete(std::string_view key) override {
    Append(Op{std::string(key), std::nullopt, std::nullopt});
  }
  void DeleteRange(std::string_view begin, std::string_view end) override {
    Append(Op{std::string(begin), std::nullopt, std::string(end)});
  }
  uint64_t bytes() const override { return bytes_; }

  std::vector<Op> ops;

 private:
  void Append(Op op) {
    bytes_ += op.key.size() + (op.value ? op.value->size() : 0) + (op.end ? op.end->size() : 0);
    ops.push_back(std::move(op));
  }
  uint64_t bytes_ = 0;
};

class MemoryEngine::MemorySnapshot : public Snapshot {
 public:
  explicit MemorySnapshot(const MemoryEngine* engine) : engine_(engine) {
    MutexLock lock(&engine_->mutex_);
    number_ = engine_->number_;
    applied_ = engine_->applied_;
    engine_->snapshots_.insert(number_);
  }
  ~MemorySnapshot() override {
    BATON_CHECK(iterators_ == 0) << "a snapshot was destroyed before its iterators";
    MutexLock lock(&engine_->mutex_);
    engine_->snapshots_.erase(engine_->snapshots_.find(number_));
  }

  Slot applied() const override { return applied_; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key,
                                                 ReadTier tier) const override {
    MutexLock lock(&engine_->mutex_);
    return engine_->GetAt(key, number_, tier);
  }
  std::unique_ptr<Iterator> NewIterator(std::string_view lower, std::string_view upper,
                                        ReadTier tier) const override;

 private:
  friend class MemoryIterator;
  const MemoryEngine* const engine_;
  uint64_t number_ = 0;
  Slot applied_;
  mutable std::atomic<int64_t> iterators_{0};
};

// Holds a copy of the row it stands on and searches anew at each move, so that writes beside it and
// the pruning of versions cannot disturb it.
class MemoryEngine::MemoryIterator : public Iterator {
 public:
  MemoryIterator(const MemorySnapshot* snapshot, std::string_view lower, std::string_view upper,
                 ReadTier tier)
      : snapshot_(snapshot), lower_(lower), upper_(upper), tier_(tier) {
    ++snapshot_->iterators_;
  }
  ~MemoryIterator() override { --snapshot_->iterators_; }

  bool Valid() const override { return valid_; }
  void SeekToFirst() override { Seek(lower_); }
  void SeekToLast() override { Down(upper_, /*inclusive=*/false, /*bounded=*/!upper_.empty()); }
  void Seek(std::string_view key) override {
    Up(key < lower_ ? std::string_view(lower_) : key, /*inclusive=*/true);
  }
  void SeekForPrev(std::string_view key) override {
    if (!upper_.empty() && key >= upper_) return SeekToLast();
    Down(key, /*inclusive=*/true, /*bounded=*/true);
  }
  void Next() override {
    BATON_CHECK(valid_);
    Up(std::string(key_), /*inclusive=*/false);
  }
  void Prev() override {
    BATON_CHECK(valid_);
    Down(std::string(key_), /*inclusive=*/false, /*bounded=*/true);
  }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  absl::Status status() const override { return status_; }

 private:
  const MemoryEngine& engine() const { return *snapshot_->engine_; }

  void Up(std::string_view from, bool inclusive) {
    MutexLock lock(&engine().mutex_);
    Reset();
    const Rows& rows = engine().rows_;
    for (auto it = inclusive ? rows.lower_bound(from) : rows.upper_bound(from);
         it != rows.end() && (upper_.empty() || it->first < upper_); ++it) {
      if (Take(*it)) return;
    }
  }
  void Down(std::string_view from, bool inclusive, bool bounded) {
    MutexLock lock(&engine().mutex_);
    Reset();
    const Rows& rows = engine().rows_;
    auto it = !bounded ? rows.end() : inclusive ? rows.upper_bound(from) : rows.lower_bound(from);
    while (it != rows.begin() && (--it)->first >= lower_) {
      if (Take(*it)) return;
    }
  }
  void Reset() {
    valid_ = false;
    status_ = absl::OkStatus();
  }
  // Whether the search ends here: at a visible row, or at one that is not in memory.
  bool Take(const Rows::value_type& row) BATON_REQUIRES(engine().mutex_) {
    const std::string* value = Visible(row.second, snapshot_->number_);
    if (value == nullptr) return false;
    if (engine().Misses(row.first, tier_)) {
      status_ = Miss();
      return true;
    }
    key_ = row.first;
    value_ = *value;
    valid_ = true;
    return true;
  }

  const MemorySnapshot* const snapshot_;
  const std::string lower_;
  const std::string upper_;  // empty: no bound
  const ReadTier tier_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
  absl::Status status_;
};

std::unique_ptr<Iterator> MemoryEngine::MemorySnapshot::NewIterator(std::string_view lower,
                                                                    std::string_view upper,
                                                                    ReadTier tier) const {
  return std::make_unique<MemoryIterator>(this, lower, upper, tier);
}

MemoryEngine::MemoryEngine(MemoryEngineOptions options) : options_(options) {}

MemoryEngine::~MemoryEngine() {
  MutexLock lock(&mutex_);
  BATON_CHECK(snapshots_.empty()) << "the engine was destroyed before its snapshots";
}

const std::string* MemoryEngine::Visible(const Versions& versions, uint64_t number) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->number <= number) return it->value ? &*it->value : nullptr;
  }
  return nullptr;
}

bool MemoryEngine::Misses(std::string_view key, ReadTier tier) const {
  if (!options_.cold_cache || warm_.contains(key)) return false;
  if (tier == ReadTier::kMemory) return true;
  if (tier == ReadTier::kAny) warm_.emplace(key);
  return false;
}

absl::StatusOr<std::optional<std::string>> MemoryEngine::GetAt(std::string_view key,
                                                               uint64_t number,
                                                               ReadTier tier) const {
  if (Misses(key, tier)) return Miss();
  const auto it = rows_.find(key);
  const std::string* value = it == rows_.end() ? nullptr : Visible(it->second, number);
  if (value == nullptr) return std::optional<std::string>();
  return std::optional<std::string>(*value);
}

absl::StatusOr<std::optional<std::string>> MemoryEngine::Get(std::string_view key,
                                                             ReadTier tier) const {
  MutexLock lock(&mutex_);
  return GetAt(key, number_, tier);
}

std::vector<absl::StatusOr<std::optional<std::string>>> MemoryEngine::MultiGet(
    absl::Span<const std::string_view> keys, ReadTier tier) const {
  MutexLock lock(&mutex_);
  std::vector<absl::StatusOr<std::optional<std::string>>> values;
  values.reserve(keys.size());
  uint64_t bytes = 0;
  for (const std::string_view key : keys) {
    if (bytes > kMultiGetBytesMax) {
      values.push_back(absl::ResourceExhaustedError("the values are too large together"));
      continue;
    }
    values.push_back(GetAt(key, number_, tier));
    if (values.back().ok() && *values.back()) bytes += (*values.back())->size();
  }
  return values;
}

std::unique_ptr<Snapshot> MemoryEngine::NewSnapshot() const {
  return std::make_unique<MemorySnapshot>(this);
}

std::unique_ptr<WriteBatch> MemoryEngine::NewBatch() const { return std::make_unique<Batch>(); }

bool MemoryEngine::Prune(Versions* versions) const {
  // A version is needed if some kept state lies at or above it and below the next.
  const auto needed = [this](uint64_t from, uint64_t next) BATON_REQUIRES(mutex_) {
    if (number_ >= from && number_ < next) return true;
    if (flushed_number_ >= from && flushed_number_ < next) return true;
    const auto snapshot = snapshots_.lower_bound(from);
    return snapshot != snapshots_.end() && *snapshot < next;
  };
  Versions kept;
  for (size_t i = 0; i < versions->size(); ++i) {
    const uint64_t next = i + 1 < versions->size() ? (*versions)[i + 1].number : ~uint64_t{0};
    const bool hides_nothing = !(*versions)[i].value && kept.empty();
    if (!hides_nothing && needed((*versions)[i].number, next)) {
      kept.push_back(std::move((*versions)[i]));
    }
  }
  *versions = std::move(kept);
  return versions->empty();
}

void MemoryEngine::PruneAll() {
  for (auto it = rows_.begin(); it != rows_.end();) {
    it = Prune(&it->second) ? rows_.erase(it) : std::next(it);
  }
}

void MemoryEngine::Set(std::string key, std::optional<std::string> value) {
  const auto it = rows_.try_emplace(std::move(key)).first;
  if (options_.cold_cache) warm_.insert(it->first);
  Versions& versions = it->second;
  if (!versions.empty() && versions.back().number == number_) versions.pop_back();
  versions.push_back(Version{number_, std::move(value)});
  if (Prune(&versions)) rows_.erase(it);
}

absl::Status MemoryEngine::Apply(std::unique_ptr<WriteBatch> batch, Slot applied) {
  MutexLock lock(&mutex_);
  BATON_CHECK(applied > applied_) << applied.value << " after " << applied_.value;
  ++number_;
  for (Batch::Op& op : static_cast<Batch&>(*batch).ops) {
    if (!op.end) {
      Set(std::move(op.key), std::move(op.value));
      continue;
    }
    std::vector<std::string> keys;
    for (auto it = rows_.lower_bound(op.key); it != rows_.end() && it->first < *op.end; ++it) {
      if (Visible(it->second, number_) != nullptr) keys.push_back(it->first);
    }
    for (std::string& key : keys) Set(std::move(key), std::nullopt);
  }
  Set(AppliedKey(), EncodeApplied(applied));
  applied_ = applied;
  return absl::OkStatus();
}

Slot MemoryEngine::applied() const {
  MutexLock lock(&mutex_);
  return applied_;
}

absl::Status MemoryEngine::Flush() {
  MutexLock lock(&mutex_);
  flushed_number_ = number_;
  flushed_ = applied_;
  PruneAll();
  return absl::OkStatus();
}

Slot MemoryEngine::flushed() const {
  MutexLock lock(&mutex_);
  return flushed_;
}

void MemoryEngine::LoseUnflushed() {
  MutexLock lock(&mutex_);
  BATON_CHECK(snapshots_.empty()) << "a snapshot outlives the power cut";
  for (auto& [key, versions] : rows_) {
    std::erase_if(versions, [this](const Version& version) BATON_REQUIRES(mutex_) {
      return version.number > flushed_number_;
    });
  }
  number_ = flushed_number_;
  applied_ = flushed_;
  warm_.clear();
  PruneAll();
}

// image := version (u8 = 1), applied (fixed64), {key (string), value (string)}*, checksum (fixed64)
absl::StatusOr<Slot> MemoryEngine::Checkpoint(const std::string& directory) {
  MutexLock lock(&mutex_);
  std::string image;
  PutByte(&image, kImageVersion);
  PutFixed64(&image, applied_.value);
  for (const auto& [key, versions] : rows_) {
    const std::string* value = Visible(versions, number_);
    if (value == nullptr) continue;
    PutString(&image, key);
    PutString(&image, *value);
  }
  PutFixed64(&image, Checksum(image));
  if (!images_.emplace(directory, std::move(image)).second) {
    return absl::InternalError(absl::StrCat(directory, " exists already"));
  }
  return applied_;
}

absl::Status MemoryEngine::Restore(const std::string& directory) {
  MutexLock lock(&mutex_);
  BATON_CHECK(snapshots_.empty()) << "a snapshot outlives Restore";
  const auto found = images_.find(directory);
  if (found == images_.end()) return absl::NotFoundError(absl::StrCat("no image ", directory));
  const std::string image = found->second;
  absl::StatusOr<Decoder> in = OpenImageBytes(directory, image);
  if (!in.ok()) return in.status();
  const Slot applied{in->ReadFixed64()};
  Rows rows;
  while (in->ok() && !in->Done()) {
    std::string key(in->ReadString());
    rows[std::move(key)] = {Version{0, std::string(in->ReadString())}};
  }
  if (!in->ok()) return absl::DataLossError(absl::StrCat(directory, " is damaged"));
  rows_ = std::move(rows);
  number_ = flushed_number_ = 0;
  applied_ = flushed_ = applied;
  warm_.clear();
  return absl::OkStatus();
}

class MemoryEngine::MemoryImageReader : public ImageReader {
 public:
  explicit MemoryImageReader(std::string image) : image_(std::move(image)) {}
  uint64_t bytes() const override { return image_.size(); }
  absl::StatusOr<std::string> Read(uint64_t position, size_t size) const override {
    return position < image_.size() ? image_.substr(position, size) : std::string();
  }

 private:
  const std::string image_;
};

class MemoryEngine::MemoryImageWriter : public ImageWriter {
 public:
  MemoryImageWriter(MemoryEngine* engine, std::string directory)
      : engine_(engine), directory_(std::move(directory)) {}
  absl::Status Append(std::string_view bytes) override {
    image_.append(bytes);
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    MutexLock lock(&engine_->mutex_);
    engine_->images_[directory_] = std::move(image_);
    return absl::OkStatus();
  }

 private:
  MemoryEngine* const engine_;
  const std::string directory_;
  std::string image_;
};

absl::StatusOr<std::unique_ptr<ImageReader>> MemoryEngine::OpenImage(const std::string& directory) {
  MutexLock lock(&mutex_);
  const auto found = images_.find(directory);
  if (found == images_.end()) return absl::NotFoundError(absl::StrCat("no image ", directory));
  return std::make_unique<MemoryImageReader>(found->second);
}

absl::StatusOr<std::unique_ptr<ImageWriter>> MemoryEngine::NewImage(const std::string& directory) {
  if (absl::Status s = RemoveImage(directory); !s.ok()) return s;
  return std::make_unique<MemoryImageWriter>(this, directory);
}

absl::Status MemoryEngine::RemoveImage(const std::string& directory) {
  MutexLock lock(&mutex_);
  images_.erase(directory);
  return absl::OkStatus();
}

absl::StatusOr<Slot> MemoryEngine::ImageApplied(const std::string& directory) const {
  MutexLock lock(&mutex_);
  const auto found = images_.find(directory);
  if (found == images_.end()) return absl::NotFoundError(absl::StrCat("no image ", directory));
  absl::StatusOr<Decoder> in = OpenImageBytes(directory, found->second);
  if (!in.ok()) return in.status();
  return Slot{in->ReadFixed64()};
}

uint64_t MemoryEngine::ApproximateBytes(std::string_view begin, std::string_view end) const {
  MutexLock lock(&mutex_);
  uint64_t bytes = 0;
  for (auto row = rows_.lower_bound(begin); row != rows_.end() && row->first < end; ++row) {
    for (const Version& version : row->second) {
      if (version.value) bytes += row->first.size() + version.value->size();
    }
  }
  return bytes;
}

// What is deleted is forgotten by itself.
absl::Status MemoryEngine::Reclaim(std::string_view, std::string_view) { return absl::OkStatus(); }

std::vector<std::pair<std::string, uint64_t>> MemoryEngine::Properties() const {
  MutexLock lock(&mutex_);
  return {{"keys", rows_.size()}, {"snapshots", snapshots_.size()}};
}

}  // namespace baton::engine
