#include "engine/state/catalog.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kKeyspaceRowVersion = 1;

enum Tag : uint64_t { kName = 1, kMode = 2, kVersions = 3, kCreatedWallUs = 4 };

std::string KeyspaceKey(KeyspaceId id) {
  std::string suffix;
  PutBig32(&suffix, id.value);
  return SystemKey(SystemTable::kKeyspaces, suffix);
}

void PutNumber(std::string* to, Tag tag, uint64_t number) {
  std::string field;
  PutVarint(&field, number);
  PutVarint(to, tag);
  PutString(to, field);
}

absl::Status Newer(const char* what, uint64_t found) {
  return absl::FailedPreconditionError(
      absl::StrCat("a keyspace row with unknown ", what, " ", found, ": upgrade this node"));
}

absl::Status ReadField(uint64_t tag, std::string_view field, KeyspaceInfo* info) {
  if (tag == kName) {
    info->name = field;
    return absl::OkStatus();
  }
  if (tag < kName || tag > kCreatedWallUs) return Newer("field", tag);
  Decoder in(field);
  const uint64_t number = in.ReadVarint();
  if (!in.Done()) return absl::DataLossError("a damaged keyspace row");
  if (tag == kMode) {
    if (number < 1 || number > 2) return Newer("mode", number);
    info->mode = static_cast<KeyspaceMode>(number);
  } else if (tag == kVersions) {
    if (number != static_cast<uint64_t>(KeyspaceVersions::kLatest)) {
      return Newer("kind of versions", number);
    }
    info->versions = KeyspaceVersions::kLatest;
  } else {
    info->created_wall_us = static_cast<int64_t>(number);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeKeyspace(const KeyspaceInfo& info) {
  std::string value;
  PutByte(&value, kKeyspaceRowVersion);
  PutVarint(&value, kName);
  PutString(&value, info.name);
  PutNumber(&value, kMode, static_cast<uint64_t>(info.mode));
  PutNumber(&value, kVersions, static_cast<uint64_t>(info.versions));
  PutNumber(&value, kCreatedWallUs, static_cast<uint64_t>(info.created_wall_us));
  return value;
}

absl::StatusOr<KeyspaceInfo> DecodeKeyspace(KeyspaceId id, std::string_view value) {
  Decoder in(value);
  const uint8_t version = in.ReadByte();
  if (in.ok() && version > kKeyspaceRowVersion) return Newer("version", version);
  KeyspaceInfo info;
  info.id = id;
  uint64_t last_tag = 0;
  while (in.ok() && !in.Done()) {
    const uint64_t tag = in.ReadVarint();
    const std::string_view field = in.ReadString();
    if (!in.ok() || tag <= last_tag) return absl::DataLossError("a damaged keyspace row");
    last_tag = tag;
    if (absl::Status read = ReadField(tag, field, &info); !read.ok()) return read;
  }
  if (!in.ok() || version == 0 || info.name.empty()) {
    return absl::DataLossError("a damaged keyspace row");
  }
  return info;
}

void PutKeyspace(const KeyspaceInfo& info, EffectsWriter* writer) {
  writer->PutSystem(KeyspaceKey(info.id), EncodeKeyspace(info));
}

KeyspaceInfo DefaultKeyspaceInfo(int64_t created_wall_us) {
  KeyspaceInfo info;
  info.id = kDefaultKeyspace;
  info.name = kDefaultKeyspaceName;
  info.created_wall_us = created_wall_us;
  return info;
}

bool IsKeyspaceRow(std::string_view engine_key) {
  return KeyspaceOf(engine_key) == kSystemKeyspace && engine_key.size() > kKeyspaceBytes &&
         engine_key[kKeyspaceBytes] == static_cast<char>(SystemTable::kKeyspaces);
}

Catalog::Catalog() {
  by_id_[kDefaultKeyspace] = DefaultKeyspaceInfo(0);
  by_name_[std::string(kDefaultKeyspaceName)] = kDefaultKeyspace;
}

absl::Status Catalog::Load(const Engine& engine) {
  std::map<KeyspaceId, KeyspaceInfo> by_id = {{kDefaultKeyspace, DefaultKeyspaceInfo(0)}};
  const std::unique_ptr<Snapshot> snapshot = engine.NewSnapshot();
  const std::string begin = SystemKey(SystemTable::kKeyspaces, {});
  const std::string end = SystemKey(SystemTable::kReigns, {});
  const std::unique_ptr<Iterator> it = snapshot->NewIterator(begin, end, ReadTier::kAny);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (it->key().size() != begin.size() + 4) return absl::DataLossError("a damaged keyspace key");
    const KeyspaceId id{LoadBig32(it->key().data() + begin.size())};
    const absl::StatusOr<Row> row = DecodeRow(it->value());
    if (!row.ok()) return row.status();
    absl::StatusOr<KeyspaceInfo> info = DecodeKeyspace(id, row->value);
    if (!info.ok()) return info.status();
    by_id[id] = *std::move(info);
  }
  if (!it->status().ok()) return it->status();
  std::map<std::string, KeyspaceId, std::less<>> by_name;
  for (const auto& [id, info] : by_id) by_name[info.name] = id;
  WriterLock lock(&mutex_);
  by_id_ = std::move(by_id);
  by_name_ = std::move(by_name);
  return absl::OkStatus();
}

std::optional<KeyspaceId> Catalog::FindKeyspace(std::string_view name) const {
  ReaderLock lock(&mutex_);
  const auto it = by_name_.find(name.empty() ? kDefaultKeyspaceName : name);
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

std::optional<KeyspaceInfo> Catalog::Find(KeyspaceId id) const {
  ReaderLock lock(&mutex_);
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return std::nullopt;
  return it->second;
}

std::vector<KeyspaceInfo> Catalog::List() const {
  ReaderLock lock(&mutex_);
  std::vector<KeyspaceInfo> all;
  for (const auto& [id, info] : by_id_) all.push_back(info);
  return all;
}

}  // namespace baton::engine
