#include "engine/state/session_rows.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kRowVersion = 2;  // version 1 has no unused numbers
constexpr char kBatchRows = 'r';
constexpr char kOwnRows = 's';

std::string RowKey(char table, uint64_t number) {
  std::string suffix(1, table);
  PutBig64(&suffix, number);
  return SystemKey(SystemTable::kEngine, suffix);
}

absl::Status Damaged() { return absl::DataLossError("a damaged row of sessions"); }

// The version first; the number that the key ends with.
absl::StatusOr<uint64_t> CheckRow(std::string_view key, Decoder* in, uint8_t* found) {
  const uint8_t version = *found = in->ReadByte();
  if (in->ok() && version > kRowVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("a row of sessions of version ", version, ": upgrade this node"));
  }
  const size_t head = RowKey(kOwnRows, 0).size() - sizeof(uint64_t);
  if (!in->ok() || version == 0 || key.size() != head + sizeof(uint64_t)) return Damaged();
  return uint64_t{LoadBig32(key.data() + head)} << 32 | LoadBig32(key.data() + head + 4);
}

std::string EncodeOwnRow(const Session& session, Slot as_of) {
  std::string bytes;
  PutByte(&bytes, kRowVersion);
  PutVarint(&bytes, as_of.value);
  PutVarint(&bytes, static_cast<uint64_t>(session.ttl_us));
  PutVarint(&bytes, static_cast<uint64_t>(session.active_us));
  PutVarint(&bytes, session.acked_below);
  PutVarint(&bytes, session.kept.size());
  for (const auto& [sequence, kept] : session.kept) {
    PutVarint(&bytes, sequence);
    PutVarint(&bytes, kept.slot.value);
    PutVarint(&bytes, kept.of_request.value);
    PutString(&bytes, kept.fate);
  }
  PutVarint(&bytes, session.unused_from);
  PutVarint(&bytes, session.unused.size());
  for (const auto& [from, run] : session.unused) {
    PutVarint(&bytes, from);
    PutVarint(&bytes, run.end);
    PutVarint(&bytes, run.lost_by.round);
    PutVarint(&bytes, run.lost_by.node.value);
  }
  return bytes;
}

bool ReadUnused(Decoder* in, Session* session) {
  session->unused_from = in->ReadVarint();
  const uint64_t count = in->ReadVarint();
  if (!in->ok() || count > kUnusedMax || session->unused_from > session->acked_below) return false;
  uint64_t least = session->unused_from;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t from = in->ReadVarint();
    UnusedRun run{in->ReadVarint(), {}};
    run.lost_by.round = in->ReadVarint();
    const uint64_t node = in->ReadVarint();
    if (from < least || run.end <= from || session->acked_below < run.end) return false;
    if (node > UINT32_MAX) return false;
    run.lost_by.node = NodeId{static_cast<uint32_t>(node)};
    session->unused.emplace(from, run);
    least = run.end;
  }
  return in->ok();
}

std::optional<Session> DecodeOwnRow(Decoder* in, uint8_t version) {
  Session session;
  session.ttl_us = static_cast<int64_t>(in->ReadVarint());
  session.active_us = static_cast<int64_t>(in->ReadVarint());
  session.acked_below = in->ReadVarint();
  const uint64_t count = in->ReadVarint();
  if (!in->ok() || count > kSessionWindowMax) return std::nullopt;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t sequence = in->ReadVarint();
    const Slot slot{in->ReadVarint()};
    const Revision of_request{in->ReadVarint()};
    const std::string_view fate = in->ReadString();
    if (!in->ok() || sequence < session.acked_below) return std::nullopt;
    if (!DecodeFate(fate, of_request).ok()) return std::nullopt;
    session.kept.emplace(sequence, KeptResult{slot, of_request, std::string(fate)});
  }
  session.unused_from = session.acked_below;
  if (version > 1 && !ReadUnused(in, &session)) return std::nullopt;
  if (!in->Done()) return std::nullopt;
  return session;
}

uint64_t SessionOf(const Effect& effect) {
  return effect.kind == EffectKind::kOpenSession ? effect.revision.value : effect.stamp.session;
}

}  // namespace

absl::Status Sessions::Load(const Engine& engine) {
  pending_.clear();
  pending_sessions_.clear();
  rows_.clear();
  rows_bytes_ = 0;
  own_.clear();
  SessionTable table;
  const std::unique_ptr<Snapshot> snapshot = engine.NewSnapshot();
  if (absl::Status s = LoadOwnRows(*snapshot, &table); !s.ok()) return s;
  if (absl::Status s = LoadBatchRows(*snapshot, &table); !s.ok()) return s;
  WriterLock lock(&mutex_);
  table_ = std::move(table);
  return absl::OkStatus();
}

absl::Status Sessions::LoadOwnRows(const Snapshot& snapshot, SessionTable* table) {
  const std::string begin = SystemKey(SystemTable::kEngine, std::string(1, kOwnRows));
  const std::string end = SystemKey(SystemTable::kEngine, std::string(1, kOwnRows + 1));
  const std::unique_ptr<Iterator> it = snapshot.NewIterator(begin, end, ReadTier::kAny);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    Decoder in(it->value());
    uint8_t version = 0;
    const absl::StatusOr<uint64_t> id = CheckRow(it->key(), &in, &version);
    if (!id.ok()) return id.status();
    const Slot as_of{in.ReadVarint()};
    std::optional<Session> session = DecodeOwnRow(&in, version);
    if (!session) return Damaged();
    own_[*id] = as_of;
    table->Put(*id, *std::move(session));
  }
  return it->status();
}

absl::Status Sessions::LoadBatchRows(const Snapshot& snapshot, SessionTable* table) {
  const std::string begin = SystemKey(SystemTable::kEngine, std::string(1, kBatchRows));
  const std::string end = SystemKey(SystemTable::kEngine, std::string(1, kBatchRows + 1));
  const std::unique_ptr<Iterator> it = snapshot.NewIterator(begin, end, ReadTier::kAny);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    Decoder in(it->value());
    uint8_t version = 0;
    const absl::StatusOr<uint64_t> last = CheckRow(it->key(), &in, &version);
    if (!last.ok()) return last.status();
    BatchRow row{Slot{*last}, it->value().size(), {}};
    if (absl::Status s = ReplayBatchRow(in.rest(), &row, table); !s.ok()) return s;
    rows_bytes_ += row.bytes;
    rows_.push_back(std::move(row));
  }
  return it->status();
}

absl::Status Sessions::ReplayBatchRow(std::string_view bytes, BatchRow* row, SessionTable* table) {
  absl::flat_hash_set<uint64_t> told_of;
  for (Decoder in(bytes); !in.rest().empty();) {
    const Slot slot{in.ReadVarint()};
    const auto log_time_us = static_cast<int64_t>(in.ReadVarint());
    const Revision revision{in.ReadVarint()};
    Effect effect = ReadSessionEffect(&in);
    effect.revision = revision;
    if (!in.ok() || slot > row->last) return Damaged();
    if (effect.kind == EffectKind::kResult) {
      const absl::StatusOr<Fate> fate = DecodeFate(effect.result, revision);
      if (!fate.ok()) return fate.status();
    }
    const uint64_t id = SessionOf(effect);
    told_of.insert(id);
    const auto own = own_.find(id);
    if (own == own_.end() || own->second < slot) table->Apply(effect, slot, log_time_us);
  }
  row->sessions.assign(told_of.begin(), told_of.end());
  return absl::OkStatus();
}

absl::Status Sessions::Add(const Effect& effect, Slot slot, int64_t log_time_us) {
  if (effect.kind == EffectKind::kResult) {
    const absl::StatusOr<Fate> fate = DecodeFate(effect.result, effect.revision);
    if (!fate.ok()) return fate.status();
  }
  PutVarint(&pending_, slot.value);
  PutVarint(&pending_, static_cast<uint64_t>(log_time_us));
  PutVarint(&pending_, effect.revision.value);
  AppendSessionEffect(effect, &pending_);
  pending_sessions_.insert(SessionOf(effect));
  WriterLock lock(&mutex_);
  table_.Apply(effect, slot, log_time_us);
  return absl::OkStatus();
}

void Sessions::Write(Slot last, WriteBatch* batch) {
  if (pending_.empty()) return;
  std::string bytes;
  bytes.reserve(pending_.size() + 1);
  PutByte(&bytes, kRowVersion);
  bytes.append(pending_);
  batch->Put(RowKey(kBatchRows, last.value), bytes);
  rows_bytes_ += bytes.size();
  rows_.push_back(
      BatchRow{last, bytes.size(), {pending_sessions_.begin(), pending_sessions_.end()}});
  pending_.clear();
  pending_sessions_.clear();
  while (rows_.size() > limits_.rows_max || (rows_bytes_ > limits_.bytes_max && rows_.size() > 1)) {
    LetGo(last, batch);
  }
}

void Sessions::LetGo(Slot last, WriteBatch* batch) {
  const BatchRow oldest = std::move(rows_.front());
  rows_.pop_front();
  rows_bytes_ -= oldest.bytes;
  batch->Delete(RowKey(kBatchRows, oldest.last.value));
  ReaderLock lock(&mutex_);
  for (const uint64_t id : oldest.sessions) {
    const Session* session = table_.Find(id);
    const auto own = own_.find(id);
    if (session == nullptr) {
      if (own == own_.end()) continue;
      batch->Delete(RowKey(kOwnRows, id));
      own_.erase(own);
    } else if (own == own_.end() || own->second < oldest.last) {
      batch->Put(RowKey(kOwnRows, id), EncodeOwnRow(*session, last));
      own_[id] = last;
    }
  }
}

SessionTable Sessions::Read() const {
  ReaderLock lock(&mutex_);
  return table_;
}

}  // namespace baton::engine
