#include "engine/state/keyspace_change.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kChangeRowVersion = 1;

absl::Status Invalid(std::string problem) { return absl::InvalidArgumentError(std::move(problem)); }

absl::Status NotThere(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no keyspace named \"", name, "\""));
}

template <class T>
void Set(const std::optional<T>& from, T* to) {
  if (from) *to = *from;
}

// One change on its way through ChangeKeyspaces.
struct Pass {
  const KeyspaceRequest& request;
  const ChangeStamp& stamp;
  Keyspaces* keyspaces;
  EffectsWriter* writer;

  // Writes the row of the change beside what it does.
  KeyspaceResult Done(KeyspaceChangeRow::What what, KeyspaceInfo info) {
    const KeyspaceChangeRow row{what, stamp, request.actor, request.reason, info};
    writer->PutSystem(SystemKey(SystemTable::kKeyspaceChanges,
                                KeyspaceChangeSuffix(info.id, writer->next_revision())),
                      EncodeKeyspaceChange(row));
    return KeyspaceResult{std::move(info), false, writer->EndRequest()};
  }

  absl::StatusOr<KeyspaceResult> Do(const CreateKeyspace& change) {
    if (std::string p = ProblemOfKeyspaceName(change.name); !p.empty()) return Invalid(p);
    if (std::string p = ProblemOf(change.settings); !p.empty()) return Invalid(p);
    if (const KeyspacePtr there = keyspaces->Find(change.name)) {
      if (there->settings == change.settings) return KeyspaceResult{*there, true, {}};
      return absl::AlreadyExistsError(absl::StrCat("there is a keyspace named \"", change.name,
                                                   "\" with other settings: alter it instead"));
    }
    KeyspaceInfo info;
    info.id = keyspaces->next_id();
    info.name = change.name;
    info.created_wall_us = stamp.wall_time_us;
    info.settings = change.settings;
    if (info.id == kKeyspaceIdMax) {
      return absl::ResourceExhaustedError("all numbers of keyspaces have been given");
    }
    writer->BeginRequest();
    writer->PutSystem(KeyspaceRowKey(info.id), EncodeKeyspace(info));
    writer->PutSystem(NextKeyspaceIdKey(), EncodeNextKeyspaceId(KeyspaceId{info.id.value + 1}));
    keyspaces->Put(info);
    return Done(KeyspaceChangeRow::What::kCreated, std::move(info));
  }

  absl::StatusOr<KeyspaceResult> Do(const AlterKeyspace& change) {
    const KeyspacePtr there = keyspaces->Find(change.name);
    if (there == nullptr) return NotThere(change.name);
    KeyspaceInfo info = *there;
    info.settings = Altered(info.settings, change);
    if (std::string p = ProblemOf(info.settings); !p.empty()) return Invalid(p);
    if (info == *there) return KeyspaceResult{std::move(info), true, {}};
    writer->BeginRequest();
    writer->PutSystem(KeyspaceRowKey(info.id), EncodeKeyspace(info));
    keyspaces->Put(info);
    return Done(KeyspaceChangeRow::What::kAltered, std::move(info));
  }

  // Of one that does not have the name (any more); `named` does.
  absl::StatusOr<KeyspaceResult> DropAgain(const DropKeyspace& change, const KeyspacePtr& named) {
    const bool given = change.id < keyspaces->next_id() && keyspaces->Find(change.id) == nullptr;
    if (named != nullptr || !given) {
      return absl::FailedPreconditionError(
          absl::StrCat("the keyspace of number ", change.id.value, " is not named \"", change.name,
                       "\"", named == nullptr ? "" : ": another has that name", "; look again"));
    }
    KeyspaceInfo gone;  // its settings are in the history alone
    gone.id = change.id;
    gone.name = change.name;
    return KeyspaceResult{std::move(gone), true, {}};
  }

  absl::StatusOr<KeyspaceResult> Do(const DropKeyspace& change) {
    const KeyspacePtr there = keyspaces->Find(change.name);
    if (change.id != KeyspaceId{} && (there == nullptr || there->id != change.id)) {
      return DropAgain(change, there);
    }
    if (there == nullptr) return NotThere(change.name);
    if (there->id == kDefaultKeyspace) {
      return absl::FailedPreconditionError(
          "the default keyspace cannot be dropped: delete its range instead");
    }
    KeyspaceInfo info = *there;
    writer->BeginRequest();
    writer->DeleteSystem(KeyspaceRowKey(info.id));
    const KeyRange all = EngineRange(info.id, {}, {});
    writer->DeleteRange(all.begin, all.end);
    keyspaces->Drop(info.id);
    return Done(KeyspaceChangeRow::What::kDropped, std::move(info));
  }
};

}  // namespace

KeyspaceSettings Altered(KeyspaceSettings settings, const AlterKeyspace& change) {
  Set(change.mode, &settings.mode);
  Set(change.on_budget, &settings.on_budget);
  Set(change.max_unreplicated_bytes, &settings.max_unreplicated_bytes);
  Set(change.max_unreplicated_ops, &settings.max_unreplicated_ops);
  Set(change.max_unreplicated_ms, &settings.max_unreplicated_ms);
  Set(change.size_bytes_max, &settings.size_bytes_max);
  Set(change.value_bytes_max, &settings.value_bytes_max);
  Set(change.default_staleness_ms, &settings.default_staleness_ms);
  Set(change.description, &settings.description);
  return settings;
}

absl::StatusOr<KeyspaceResult> ChangeKeyspaces(const KeyspaceRequest& request,
                                               const ChangeStamp& stamp, Keyspaces* keyspaces,
                                               EffectsWriter* writer) {
  Pass pass{request, stamp, keyspaces, writer};
  return std::visit([&pass](const auto& change) { return pass.Do(change); }, request.change);
}

std::string KeyspaceChangeSuffix(KeyspaceId id, Revision revision) {
  std::string suffix;
  PutBig32(&suffix, id.value);
  PutBig64(&suffix, revision.value);
  return suffix;
}

std::string EncodeKeyspaceChange(const KeyspaceChangeRow& row) {
  std::string value;
  PutByte(&value, kChangeRowVersion);
  PutByte(&value, static_cast<uint8_t>(row.what));
  PutVarint(&value, row.stamp.slot.value);
  PutVarint(&value, static_cast<uint64_t>(row.stamp.log_time_us));
  PutVarint(&value, static_cast<uint64_t>(row.stamp.wall_time_us));
  PutString(&value, row.actor);
  PutString(&value, row.reason);
  PutString(&value, EncodeKeyspace(row.info));
  return value;
}

absl::StatusOr<KeyspaceChangeRow> DecodeKeyspaceChange(KeyspaceId id, std::string_view value) {
  Decoder in(value);
  const uint8_t version = in.ReadByte();
  const uint8_t what = in.ReadByte();
  if (in.ok() && (version > kChangeRowVersion || what < 1 || what > 3)) {
    return absl::FailedPreconditionError(absl::StrCat("a change of a keyspace of version ", version,
                                                      " and kind ", what, ": upgrade this node"));
  }
  KeyspaceChangeRow row;
  row.what = static_cast<KeyspaceChangeRow::What>(what);
  row.stamp.slot = Slot{in.ReadVarint()};
  row.stamp.log_time_us = static_cast<int64_t>(in.ReadVarint());
  row.stamp.wall_time_us = static_cast<int64_t>(in.ReadVarint());
  row.actor = in.ReadString();
  row.reason = in.ReadString();
  const std::string_view info = in.ReadString();
  if (!in.Done() || version == 0) return absl::DataLossError("a damaged change of a keyspace");
  absl::StatusOr<KeyspaceInfo> decoded = DecodeKeyspace(id, info);
  if (!decoded.ok()) return decoded.status();
  row.info = *std::move(decoded);
  return row;
}

}  // namespace baton::engine
