#include "engine/state/keyspace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kKeyspaceRowVersion = 1;
constexpr uint64_t kMsMax = 86'400'000;  // a day

enum Tag : uint64_t {
  kName = 1,
  kMode = 2,
  kVersions = 3,
  kCreatedWallUs = 4,
  kOnBudget = 5,
  kMaxUnreplicatedBytes = 6,
  kMaxUnreplicatedOps = 7,
  kMaxUnreplicatedMs = 8,
  kSizeBytesMax = 9,
  kValueBytesMaxTag = 10,
  kDefaultStalenessMs = 11,
  kDescription = 12,
};

void PutNumber(std::string* to, Tag tag, uint64_t number) {
  std::string field;
  PutVarint(&field, number);
  PutVarint(to, tag);
  PutString(to, field);
}

void PutText(std::string* to, Tag tag, std::string_view text) {
  PutVarint(to, tag);
  PutString(to, text);
}

absl::Status Newer(const char* what, uint64_t found) {
  return absl::FailedPreconditionError(
      absl::StrCat("a keyspace row with unknown ", what, " ", found, ": upgrade this node"));
}

absl::Status ReadNumber(uint64_t tag, uint64_t number, KeyspaceInfo* info) {
  KeyspaceSettings& settings = info->settings;
  switch (tag) {
    case kMode:
      if (number < 1 || number > 2) return Newer("mode", number);
      settings.mode = static_cast<KeyspaceMode>(number);
      break;
    case kVersions:
      if (number != static_cast<uint64_t>(KeyspaceVersions::kLatest)) {
        return Newer("kind of versions", number);
      }
      info->versions = KeyspaceVersions::kLatest;
      break;
    case kCreatedWallUs:
      info->created_wall_us = static_cast<int64_t>(number);
      break;
    case kOnBudget:
      if (number < 1 || number > 2) return Newer("answer to a used budget", number);
      settings.on_budget = static_cast<OnBudget>(number);
      break;
    case kMaxUnreplicatedBytes:
      settings.max_unreplicated_bytes = number;
      break;
    case kMaxUnreplicatedOps:
      settings.max_unreplicated_ops = number;
      break;
    case kMaxUnreplicatedMs:
      settings.max_unreplicated_ms = number;
      break;
    case kSizeBytesMax:
      settings.size_bytes_max = number;
      break;
    case kValueBytesMaxTag:
      settings.value_bytes_max = number;
      break;
    default:
      settings.default_staleness_ms = number;
      break;
  }
  return absl::OkStatus();
}

absl::Status ReadField(uint64_t tag, std::string_view field, KeyspaceInfo* info) {
  if (tag < kName || tag > kDescription) return Newer("field", tag);
  if (tag == kName || tag == kDescription) {
    (tag == kName ? info->name : info->settings.description) = field;
    return absl::OkStatus();
  }
  Decoder in(field);
  const uint64_t number = in.ReadVarint();
  if (!in.Done()) return absl::DataLossError("a damaged keyspace row");
  return ReadNumber(tag, number, info);
}

bool MayStandInAName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

}  // namespace

KeyspaceInfo DefaultKeyspaceInfo(int64_t created_wall_us) {
  KeyspaceInfo info;
  info.id = kDefaultKeyspace;
  info.name = kDefaultKeyspaceName;
  info.created_wall_us = created_wall_us;
  return info;
}

std::string ProblemOfKeyspaceName(std::string_view name) {
  if (name.empty() || name.size() > kKeyspaceNameBytesMax) {
    return absl::StrCat("a keyspace's name has 1 to ", kKeyspaceNameBytesMax, " bytes");
  }
  if (name == "system") return "the name system is taken by the cluster: choose another";
  if (name[0] < 'a' || name[0] > 'z' || !std::all_of(name.begin(), name.end(), MayStandInAName)) {
    return "a keyspace's name begins with a letter a-z and goes on with a-z, 0-9, _ - and .";
  }
  return "";
}

std::string ProblemOf(const KeyspaceSettings& settings) {
  if (settings.max_unreplicated_bytes == 0 || settings.max_unreplicated_ops == 0 ||
      settings.max_unreplicated_ms == 0) {
    return "a budget of 0 lets no write be answered before a quorum has it: choose mode sync, or "
           "at least 1";
  }
  if (settings.max_unreplicated_ms > kMsMax || settings.default_staleness_ms > kMsMax) {
    return absl::StrCat("a time is over a day: choose at most ", kMsMax, " ms");
  }
  if (settings.value_bytes_max == 0 || settings.value_bytes_max > kValueBytesMax) {
    return absl::StrCat("value_bytes_max is from 1 to ", kValueBytesMax);
  }
  if (settings.description.size() > kDescriptionBytesMax) {
    return absl::StrCat("a description has at most ", kDescriptionBytesMax, " bytes");
  }
  return "";
}

std::string KeyspaceRowKey(KeyspaceId id) {
  std::string suffix;
  PutBig32(&suffix, id.value);
  return SystemKey(SystemTable::kKeyspaces, suffix);
}

std::string EncodeKeyspace(const KeyspaceInfo& info) {
  const KeyspaceSettings& settings = info.settings;
  std::string value;
  PutByte(&value, kKeyspaceRowVersion);
  PutText(&value, kName, info.name);
  PutNumber(&value, kMode, static_cast<uint64_t>(settings.mode));
  PutNumber(&value, kVersions, static_cast<uint64_t>(info.versions));
  PutNumber(&value, kCreatedWallUs, static_cast<uint64_t>(info.created_wall_us));
  PutNumber(&value, kOnBudget, static_cast<uint64_t>(settings.on_budget));
  PutNumber(&value, kMaxUnreplicatedBytes, settings.max_unreplicated_bytes);
  PutNumber(&value, kMaxUnreplicatedOps, settings.max_unreplicated_ops);
  PutNumber(&value, kMaxUnreplicatedMs, settings.max_unreplicated_ms);
  PutNumber(&value, kSizeBytesMax, settings.size_bytes_max);
  PutNumber(&value, kValueBytesMaxTag, settings.value_bytes_max);
  PutNumber(&value, kDefaultStalenessMs, settings.default_staleness_ms);
  PutText(&value, kDescription, settings.description);
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

}  // namespace baton::engine
