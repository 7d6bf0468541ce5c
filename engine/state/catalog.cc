#include "engine/state/catalog.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr KeyspaceId kFirstOwnId{2};  // after the system's and the default one

absl::Status Damaged(const char* what) {
  return absl::DataLossError(std::string("a damaged ") + what);
}

absl::StatusOr<KeyspaceInfo> ReadKeyspace(std::string_view key, std::string_view value) {
  const size_t head = SystemKey(SystemTable::kKeyspaces, {}).size();
  if (key.size() != head + 4) return Damaged("keyspace key");
  const absl::StatusOr<Row> row = DecodeRow(value);
  if (!row.ok()) return row.status();
  return DecodeKeyspace(KeyspaceId{LoadBig32(key.data() + head)}, row->value);
}

absl::StatusOr<KeyspaceId> ReadNextId(const Snapshot& snapshot) {
  const auto value = snapshot.Get(NextKeyspaceIdKey(), ReadTier::kAny);
  if (!value.ok()) return value.status();
  if (!*value) return kFirstOwnId;
  const absl::StatusOr<Row> row = DecodeRow(**value);
  if (!row.ok()) return row.status();
  Decoder in(row->value);
  const KeyspaceId id{in.ReadFixed32()};
  if (!in.Done() || id < kFirstOwnId) return Damaged("row of the next keyspace");
  return id;
}

}  // namespace

Keyspaces::Keyspaces() : next_id_(kFirstOwnId) { Put(DefaultKeyspaceInfo(0)); }

absl::StatusOr<Keyspaces> Keyspaces::Load(const Engine& engine) {
  Keyspaces keyspaces;
  const std::unique_ptr<Snapshot> snapshot = engine.NewSnapshot();
  const std::string begin = SystemKey(SystemTable::kKeyspaces, {});
  const std::string end = SystemKey(SystemTable::kReigns, {});
  const std::unique_ptr<Iterator> it = snapshot->NewIterator(begin, end, ReadTier::kAny);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    absl::StatusOr<KeyspaceInfo> info = ReadKeyspace(it->key(), it->value());
    if (!info.ok()) return info.status();
    keyspaces.Put(*std::move(info));
  }
  if (!it->status().ok()) return it->status();
  const absl::StatusOr<KeyspaceId> next = ReadNextId(*snapshot);
  if (!next.ok()) return next.status();
  keyspaces.next_id_ = std::max(keyspaces.next_id_, *next);
  return keyspaces;
}

KeyspacePtr Keyspaces::Find(std::string_view name) const {
  const auto found = by_name_.find(name.empty() ? kDefaultKeyspaceName : name);
  return found == by_name_.end() ? nullptr : found->second;
}

KeyspacePtr Keyspaces::Find(KeyspaceId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

const KeyspaceInfo* Keyspaces::Get(KeyspaceId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

std::vector<KeyspacePtr> Keyspaces::List() const {
  std::vector<KeyspacePtr> all;
  for (const auto& [id, info] : by_id_) all.push_back(info);
  return all;
}

void Keyspaces::Put(KeyspaceInfo info) {
  Drop(info.id);
  const auto shared = std::make_shared<const KeyspaceInfo>(std::move(info));
  by_id_[shared->id] = shared;
  by_name_[shared->name] = shared;
  next_id_ = std::max(next_id_, KeyspaceId{shared->id.value + 1});
}

void Keyspaces::Drop(KeyspaceId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  by_name_.erase(found->second->name);
  by_id_.erase(found);
}

std::string NextKeyspaceIdKey() { return SystemKey(SystemTable::kNextIds, "keyspace"); }

std::string EncodeNextKeyspaceId(KeyspaceId id) {
  std::string value;
  PutFixed32(&value, id.value);
  return value;
}

absl::Status Catalog::Load(const Engine& engine) {
  absl::StatusOr<Keyspaces> keyspaces = Keyspaces::Load(engine);
  if (!keyspaces.ok()) return keyspaces.status();
  WriterLock lock(&mutex_);
  keyspaces_ = *std::move(keyspaces);
  return absl::OkStatus();
}

KeyspacePtr Catalog::Find(std::string_view name) const {
  ReaderLock lock(&mutex_);
  return keyspaces_.Find(name);
}

KeyspacePtr Catalog::Find(KeyspaceId id) const {
  ReaderLock lock(&mutex_);
  return keyspaces_.Find(id);
}

Keyspaces Catalog::Read() const {
  ReaderLock lock(&mutex_);
  return keyspaces_;
}

}  // namespace baton::engine
