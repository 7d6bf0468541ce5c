#include "engine/state/loss.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

constexpr uint8_t kLossVersion = 1;

absl::Status Damaged() { return absl::DataLossError("a damaged loss"); }

absl::StatusOr<Loss> DecodeSuffix(std::string_view suffix) {
  Decoder in(suffix);
  Loss loss;
  loss.entry.born.round = in.ReadBig64();
  loss.entry.born.node = NodeId{in.ReadBig32()};
  loss.entry.slot = Slot{in.ReadBig64()};
  loss.index = in.ReadBig32();
  if (!in.Done()) return Damaged();
  return loss;
}

}  // namespace

std::string LossSuffix(const EntryId& entry, uint32_t index) {
  std::string suffix;
  PutBig64(&suffix, entry.born.round);
  PutBig32(&suffix, entry.born.node.value);
  PutBig64(&suffix, entry.slot.value);
  PutBig32(&suffix, index);
  return suffix;
}

std::string EncodeLoss(const Loss& loss) {
  std::string value;
  PutByte(&value, kLossVersion);
  PutByte(&value, static_cast<uint8_t>(loss.kind));
  PutByte(&value, static_cast<uint8_t>(loss.acknowledged));
  PutVarint(&value, loss.keyspace.value);
  PutString(&value, loss.keyspace_name);
  PutString(&value, loss.key);
  PutString(&value, loss.end);
  PutString(&value, loss.value);
  PutVarint(&value, loss.revision.value);
  PutVarint(&value, loss.session);
  PutVarint(&value, loss.sequence);
  PutVarint(&value, static_cast<uint64_t>(loss.wall_time_us));
  PutVarint(&value, loss.found_on.value);
  return value;
}

absl::StatusOr<Loss> DecodeLoss(std::string_view suffix, std::string_view value) {
  absl::StatusOr<Loss> loss = DecodeSuffix(suffix);
  if (!loss.ok()) return loss.status();
  Decoder in(value);
  const uint8_t version = in.ReadByte();
  const uint8_t kind = in.ReadByte();
  const uint8_t acknowledged = in.ReadByte();
  if (in.ok() && (version > kLossVersion || kind > 3 || acknowledged > 3)) {
    return absl::FailedPreconditionError(
        absl::StrCat("a loss of version ", version, " and kind ", kind, ": upgrade this node"));
  }
  loss->kind = static_cast<Loss::Kind>(kind);
  loss->acknowledged = static_cast<Loss::Acknowledged>(acknowledged);
  const uint64_t keyspace = in.ReadVarint();
  loss->keyspace_name = in.ReadString();
  loss->key = in.ReadString();
  loss->end = in.ReadString();
  loss->value = in.ReadString();
  loss->revision = Revision{in.ReadVarint()};
  loss->session = in.ReadVarint();
  loss->sequence = in.ReadVarint();
  loss->wall_time_us = static_cast<int64_t>(in.ReadVarint());
  const uint64_t found_on = in.ReadVarint();
  const bool sound = version != 0 && kind != 0 && acknowledged != 0 && keyspace <= UINT32_MAX &&
                     found_on <= UINT32_MAX;
  if (!in.Done() || !sound) return Damaged();
  loss->keyspace = KeyspaceId{static_cast<uint32_t>(keyspace)};
  loss->found_on = NodeId{static_cast<uint32_t>(found_on)};
  return loss;
}

std::string EncodeLosses(const LossRequest& request) {
  std::string bytes;
  for (const Loss& loss : request.losses) {
    PutString(&bytes, LossSuffix(loss.entry, loss.index));
    PutString(&bytes, EncodeLoss(loss));
  }
  return bytes;
}

absl::StatusOr<LossRequest> DecodeLosses(std::string_view bytes) {
  LossRequest request;
  Decoder in(bytes);
  while (in.ok() && !in.Done()) {
    const std::string_view suffix = in.ReadString();
    const std::string_view value = in.ReadString();
    if (!in.ok()) break;
    absl::StatusOr<Loss> loss = DecodeLoss(suffix, value);
    if (!loss.ok()) return loss.status();
    request.losses.push_back(*std::move(loss));
  }
  if (!in.Done()) return Damaged();
  return request;
}

uint64_t LossBytes(const Loss& loss) {
  constexpr uint64_t kBesides = 160;  // suffix and numbers, as long as they may get, twice framed
  return kBesides + loss.keyspace_name.size() + loss.key.size() + loss.end.size() +
         loss.value.size();
}

Revision LogLosses(const LossRequest& request, EffectsWriter* writer) {
  writer->BeginRequest();
  for (const Loss& loss : request.losses) {
    writer->PutSystem(SystemKey(SystemTable::kLosses, LossSuffix(loss.entry, loss.index)),
                      EncodeLoss(loss));
  }
  return writer->EndRequest();
}

}  // namespace baton::engine
