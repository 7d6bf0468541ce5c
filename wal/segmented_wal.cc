#include "wal/segmented_wal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"

namespace baton::wal {
namespace {

constexpr size_t kReadEntriesMax = 4096;  // of one Read
constexpr size_t kProbeBytes = 4096;      // one block

std::string_view PayloadOf(const Record& record) {
  if (const auto* entry = std::get_if<EntryRecord>(&record)) {
    BATON_CHECK(entry->bytes != nullptr && entry->bytes->size() >= 8) << "an entry without a hash";
    return *entry->bytes;
  }
  if (const auto* state = std::get_if<StateRecord>(&record)) return state->bytes;
  return {};
}

}  // namespace

SegmentedWal::SegmentedWal(SegmentStore store, const Options& options, LogScan scan)
    : store_(std::move(store)),
      options_(options),
      stated_(scan.stated),
      data_end_(scan.data_end),
      appended_(scan.end),
      synced_(scan.end) {
  for (auto& [id, group] : scan.groups) {
    states_[id] = std::move(group.state);
    const Slot base = group.index.base().slot;
    groups_[id] = Group{std::move(group.index), base};
  }
  for (size_t i = 0; i < scan.segments.size(); ++i) {
    (i < scan.used ? used_ : ready_).push_back(std::move(scan.segments[i]));
  }
  BATON_CHECK(!used_.empty());
  if (scan.fault) {
    status_ = absl::FailedPreconditionError(
        absl::StrCat("the log is open for reading only: ", scan.fault->what));
    return;
  }
  next_number_ = used_.back().header.number + static_cast<uint32_t>(ready_.size()) + 1;
  active_file_ = used_.back().file;
  writer_.Start(used_.back().header, scan.end.offset, scan.previous);
}

absl::Status SegmentedWal::Fail(absl::Status status) {
  MutexLock lock(&mutex_);
  if (status_.ok()) status_ = std::move(status);
  return status_;
}

// --- Appending ---

absl::Status SegmentedWal::Append(absl::Span<const Record> records) {
  for (const Record& record : records) {
    const size_t size = PayloadOf(record).size();
    if (size > kPayloadBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a log record of ", size, " bytes is over the limit of ", kPayloadBytesMax));
    }
  }
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    CheckOrder(records);
    writer_.Begin(synced_);
  }
  for (const Record& record : records) {
    if (auto status = Add(record); !status.ok()) return Fail(std::move(status));
  }
  if (auto status = Flush(); !status.ok()) return Fail(std::move(status));
  data_end_ = writer_.end();
  return absl::OkStatus();
}

// A frame out of order would read as damage after a restart: better to stop before it is written.
void SegmentedWal::CheckOrder(absl::Span<const Record> records) const {
  std::map<GroupId, std::pair<Slot, Slot>> ends;  // base and last, as the records go by
  for (const Record& record : records) {
    const GroupId id = std::visit([](const auto& r) { return r.group; }, record);
    auto [at, added] = ends.try_emplace(id);
    auto& [base, last] = at->second;
    if (const auto group = groups_.find(id); added && group != groups_.end()) {
      base = group->second.index.base().slot;
      last = group->second.index.last();
    }
    if (const auto* entry = std::get_if<EntryRecord>(&record)) {
      const Slot slot = entry->id.slot;
      BATON_CHECK(slot > base && slot <= last.Next() && slot <= kSlotMax)
          << "slot " << slot.value << " in a log of " << base.value << " to " << last.value;
      last = slot;
    } else if (const auto* b = std::get_if<BaseRecord>(&record)) {
      BATON_CHECK(b->base.slot <= kSlotMax);
      base = b->anew ? b->base.slot : std::max(base, b->base.slot);
      last = b->anew ? base : std::max(last, base);
    }
  }
}

absl::Status SegmentedWal::Add(const Record& record) {
  const std::string_view payload = PayloadOf(record);
  if (auto status = MakeRoom(payload.size()); !status.ok()) return status;
  if (const auto* entry = std::get_if<EntryRecord>(&record)) {
    Location location;
    location.segment = writer_.end().segment;
    location.offset = writer_.Add(FrameType::kEntry, 0, entry->group, entry->id, payload);
    location.payload_bytes = static_cast<uint32_t>(payload.size());
    pending_.push_back({entry->group, entry->id, location, false});
  } else if (const auto* state = std::get_if<StateRecord>(&record)) {
    writer_.Add(FrameType::kState, 0, state->group, {}, payload);
    states_[state->group] = state->bytes;
  } else {
    const auto& base = std::get<BaseRecord>(record);
    writer_.Add(FrameType::kBase, base.anew ? kAnew : 0, base.group, base.base, payload);
    pending_.push_back({base.group, base.base, std::nullopt, base.anew});
  }
  return absl::OkStatus();
}

absl::Status SegmentedWal::MakeRoom(uint64_t payload_bytes) {
  if (writer_.Fits(payload_bytes)) return absl::OkStatus();
  if (auto status = Flush(); !status.ok()) return status;
  return EnterNextSegment();
}

absl::Status SegmentedWal::Flush() {
  if (writer_.empty()) return absl::OkStatus();
  const std::string_view batch = writer_.PaddedBatch();
  const uint64_t batch_end = writer_.batch_offset() + batch.size();
  if (auto status = active_file_->WriteAt(writer_.batch_offset(), batch); !status.ok()) {
    return status;
  }
  writer_.Written();
  stated_ = std::max(stated_, writer_.synced());
  MutexLock lock(&mutex_);
  appended_ = writer_.end();
  Segment& active = used_.back();
  active.file_bytes = std::max(active.file_bytes, batch_end);
  for (const Pending& p : pending_) {
    Group& group = groups_[p.group];
    if (!p.entry) {
      p.anew ? group.index.BeginAt(p.id) : group.index.SetBase(p.id);
      continue;
    }
    group.index.AddEntry(p.id, *p.entry);
    Slot& highest = active.highest[p.group];
    highest = std::max(highest, p.id.slot);
  }
  pending_.clear();
  return absl::OkStatus();
}

absl::Status SegmentedWal::EnterNextSegment() {
  auto next = TakeSegment();
  if (!next.ok()) return next.status();
  active_file_ = next->file;
  writer_.Start(next->header, kSegmentHeaderBytes, writer_.previous());
  {
    MutexLock lock(&mutex_);
    BATON_CHECK(next->header.number == used_.back().header.number + 1);
    used_.push_back(*std::move(next));
  }
  Restate();
  return absl::OkStatus();
}

void SegmentedWal::Restate() {
  for (const auto& [id, state] : states_) {
    writer_.Add(FrameType::kState, kRestated, id, {}, state);
  }
  MutexLock lock(&mutex_);
  for (const auto& [id, group] : groups_) {
    std::string last;
    PutFixed64(&last, group.index.last().value);
    writer_.Add(FrameType::kBase, kRestated, id, group.index.base(), last);
  }
}

std::optional<Segment> SegmentedWal::TakeReady() {
  MutexLock lock(&mutex_);
  if (ready_.empty()) return std::nullopt;
  Segment next = std::move(ready_.front());
  ready_.pop_front();
  return next;
}

absl::StatusOr<Segment> SegmentedWal::TakeSegment() {
  if (auto ready = TakeReady()) return *std::move(ready);
  MutexLock publishing(&publish_mutex_);
  if (auto ready = TakeReady()) return *std::move(ready);  // the worker was faster
  auto recycled = RecycleOldest();
  if (!recycled.ok()) return recycled.status();
  if (*recycled) return **std::move(recycled);
  auto sparse = store_.MakeSparse();
  if (!sparse.ok()) return sparse.status();
  return Publish(*std::move(sparse));
}

absl::Status SegmentedWal::MarkSynced() {
  LogPosition synced;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    synced = synced_;
  }
  if (stated_ >= data_end_ || synced < data_end_) return absl::OkStatus();
  if (!writer_.Fits(0)) return absl::OkStatus();  // the next batch, in a new segment, states it
  writer_.Begin(synced);
  writer_.Add(FrameType::kSynced, 0, GroupId{}, {}, {});
  auto status = Flush();
  return status.ok() ? status : Fail(std::move(status));
}

// --- Syncing ---

absl::Status SegmentedWal::Sync() {
  LogPosition target;
  std::vector<std::shared_ptr<File>>
      files;  // in order: a later segment counts only over whole ones
  std::map<GroupId, Slot> bases;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    target = appended_;
    if (target == synced_) return absl::OkStatus();
    for (const Segment& segment : used_) {
      const uint32_t number = segment.header.number;
      if (number >= synced_.segment && number <= target.segment) files.push_back(segment.file);
    }
    for (const auto& [id, group] : groups_) bases[id] = group.index.base().slot;
  }
  for (const auto& file : files) {
    if (auto status = file->Sync(); !status.ok()) return Fail(std::move(status));
  }
  MutexLock lock(&mutex_);
  synced_ = target;
  for (const auto& [id, base] : bases) groups_[id].synced_base = base;
  return absl::OkStatus();
}

// --- Segments ---

bool SegmentedWal::OldestIsFree() const {
  const Segment& oldest = used_.front();
  // The next segment restates the state in the first batch written to it: that batch must be
  // synced.
  if (used_.size() < 2 || synced_.segment <= oldest.header.number) return false;
  for (const auto& [id, highest] : oldest.highest) {
    const auto group = groups_.find(id);
    if (group == groups_.end() || group->second.synced_base < highest) return false;
  }
  return true;
}

absl::StatusOr<std::optional<Segment>> SegmentedWal::RecycleOldest() {
  while (true) {
    Segment oldest;
    {
      MutexLock lock(&mutex_);
      if (!OldestIsFree()) return std::optional<Segment>();
      oldest = std::move(used_.front());
      used_.pop_front();
    }
    // Names must stay without gaps: after a failure here no other segment may go.
    if (!store_.CanRecycle(oldest)) {
      if (auto status = store_.Remove(oldest.path); !status.ok()) return Fail(std::move(status));
      continue;
    }
    auto retired = store_.Retire(oldest);
    if (!retired.ok()) return Fail(retired.status());
    auto segment = Publish(*std::move(retired));
    if (!segment.ok()) return segment.status();
    return std::optional<Segment>(*std::move(segment));
  }
}

absl::StatusOr<Segment> SegmentedWal::Publish(UnnamedSegment unnamed) {
  if (next_number_ > kSegmentNumberMax) {
    return absl::FailedPreconditionError("the log has used up its segment numbers");
  }
  auto segment = store_.Publish(std::move(unnamed), next_number_);
  if (segment.ok()) ++next_number_;
  return segment;
}

bool SegmentedWal::NeedsSegments() const {
  MutexLock lock(&mutex_);
  return status_.ok() && !stop_preparing_ &&
         (ready_.size() < options_.segments_ahead || OldestIsFree());
}

absl::Status SegmentedWal::PrepareSegments() {
  for (bool done = false; !done;) {
    auto status = PrepareOne(&done);
    if (absl::IsCancelled(status)) return absl::OkStatus();
    if (absl::IsResourceExhausted(status)) return status;
    if (!status.ok()) return Fail(std::move(status));
  }
  return absl::OkStatus();
}

absl::Status SegmentedWal::PrepareOne(bool* done) {
  {
    MutexLock publishing(&publish_mutex_);
    bool enough;
    {
      MutexLock lock(&mutex_);
      if (!status_.ok()) return status_;
      enough = ready_.size() >= options_.segments_ahead;
      *done = stop_preparing_ || (enough && !OldestIsFree());
    }
    if (*done) return absl::OkStatus();
    if (enough) {
      std::string path;
      {
        MutexLock lock(&mutex_);
        path = used_.front().path;
        used_.pop_front();
      }
      auto status = store_.Remove(path);
      return status.ok() ? status : Fail(std::move(status));
    }
    auto recycled = RecycleOldest();
    if (!recycled.ok()) return recycled.status();
    if (*recycled) {
      MutexLock lock(&mutex_);
      ready_.push_back(**std::move(recycled));
      return absl::OkStatus();
    }
  }
  return FillOne();
}

absl::Status SegmentedWal::FillOne() {
  const auto start = std::chrono::steady_clock::now();
  auto filled = store_.Fill([&](uint64_t bytes) {
    MutexLock lock(&mutex_);
    while (!stop_preparing_ && options_.zero_fill_bytes_per_s > 0) {
      const auto spent = std::chrono::steady_clock::now() - start;
      const int64_t spent_us = std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
      const int64_t due_us = static_cast<int64_t>(
          1e6 * static_cast<double>(bytes) / static_cast<double>(options_.zero_fill_bytes_per_s));
      if (spent_us >= due_us) break;
      stopped_.WaitFor(&mutex_, due_us - spent_us);
    }
    return !stop_preparing_;
  });
  if (!filled.ok()) return filled.status();
  MutexLock publishing(&publish_mutex_);
  auto segment = Publish(*std::move(filled));
  if (!segment.ok()) return segment.status();
  MutexLock lock(&mutex_);
  ready_.push_back(*std::move(segment));
  return absl::OkStatus();
}

absl::Status SegmentedWal::Probe() {
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
  }
  if (probe_ == nullptr) {
    auto opened = store_.OpenProbe();
    if (!opened.ok()) return opened.status();
    probe_ = *std::move(opened);
  }
  absl::Status status = probe_->WriteAt(0, std::string(kProbeBytes, '\0'));
  if (absl::IsResourceExhausted(status)) return status;
  if (status.ok()) status = probe_->Sync();
  return status.ok() ? status : Fail(std::move(status));
}

void SegmentedWal::StopPreparing() {
  MutexLock lock(&mutex_);
  stop_preparing_ = true;
  stopped_.NotifyAll();
}

uint64_t SegmentedWal::RoomBytes() const {
  MutexLock lock(&mutex_);
  if (!status_.ok()) return 0;
  uint64_t room = 0;
  const uint64_t active_bytes = used_.back().header.segment_bytes;
  if (appended_.segment == used_.back().header.number && appended_.offset < active_bytes) {
    room = active_bytes - appended_.offset;
  }
  for (const Segment& segment : ready_) {
    room += segment.header.segment_bytes - kSegmentHeaderBytes;
  }
  return room;
}

uint64_t SegmentedWal::SizeBytes() const {
  MutexLock lock(&mutex_);
  uint64_t size = 0;
  for (const Segment& segment : used_) size += segment.file_bytes;
  return size;
}

// --- Reading ---

absl::StatusOr<std::vector<EntryRecord>> SegmentedWal::Read(GroupId group, Slot first, Slot last,
                                                            uint64_t bytes_max) const {
  auto plan = PlanRead(group, first, last, bytes_max);
  if (!plan.ok()) return plan.status();
  std::vector<EntryRecord> entries;
  entries.reserve(plan->size());
  for (const PlannedRead& p : *plan) {
    auto entry = ReadOne(group, p);
    if (absl::IsNotFound(entry.status()) && !entries.empty()) break;
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  return entries;
}

absl::StatusOr<std::vector<SegmentedWal::PlannedRead>> SegmentedWal::PlanRead(
    GroupId group, Slot first, Slot last, uint64_t bytes_max) const {
  std::vector<PlannedRead> plan;
  MutexLock lock(&mutex_);
  const auto found = groups_.find(group);
  uint64_t bytes = 0;
  for (Slot slot = first; slot <= last && plan.size() < kReadEntriesMax; slot = slot.Next()) {
    const auto location = found == groups_.end() ? std::nullopt : found->second.index.Find(slot);
    const uint32_t oldest = used_.front().header.number;
    if (!location || location->segment < oldest) break;
    bytes += location->payload_bytes;
    if (bytes > bytes_max && !plan.empty()) break;
    const Segment& segment = used_[location->segment - oldest];
    plan.push_back({slot, *location, segment.file, segment.header.seed});
  }
  if (plan.empty()) {
    return absl::NotFoundError(absl::StrCat("slot ", first.value, " is not in the log"));
  }
  return plan;
}

absl::StatusOr<EntryRecord> SegmentedWal::ReadOne(GroupId group, const PlannedRead& plan) const {
  std::string bytes;
  const Location& at = plan.location;
  if (auto status = plan.file->ReadAt(at.offset, kFrameHeaderBytes + at.payload_bytes, &bytes);
      !status.ok()) {
    return status;
  }
  const auto header = DecodeFrameHeader(bytes, plan.seed);
  if (header && header->Is(FrameType::kEntry) && header->group == group &&
      header->id.slot == plan.slot &&
      PayloadMatches(*header, std::string_view(bytes).substr(kFrameHeaderBytes))) {
    bytes.erase(0, kFrameHeaderBytes);
    return EntryRecord{group, header->id, std::make_shared<const std::string>(std::move(bytes))};
  }
  // Truncated meanwhile, and its segment reused?
  MutexLock lock(&mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end() || found->second.index.Find(plan.slot) != at) {
    return absl::NotFoundError(absl::StrCat("slot ", plan.slot.value, " is not in the log"));
  }
  return absl::DataLossError(absl::StrCat("slot ", plan.slot.value, " is damaged at ",
                                          ToString(LogPosition{at.segment, at.offset})));
}

}  // namespace baton::wal
