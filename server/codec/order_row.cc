#include "server/codec/order_row.h"

#include <utility>

#include "base/coding.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

constexpr const char* kWhat = "a row of an order";

void PutWish(std::string* to, const std::optional<uint8_t>& wish) {
  PutVarint(to, wish ? uint64_t{*wish} + 1 : 0);
}
std::optional<uint8_t> ReadWish(Decoder* from) {
  const uint64_t wish = from->ReadVarint();
  if (wish > 256) from->Fail();
  return wish == 0 ? std::nullopt : std::optional(static_cast<uint8_t>(wish - 1));
}

bool Known(uint8_t kind) { return kind >= 1 && kind <= static_cast<uint8_t>(OrderKind::kFreeze); }

bool Stands(const OrderRow& row, int64_t wall_us) {
  return row.until_us == 0 || wall_us < row.until_us;
}

}  // namespace

std::string OrderRowSuffix(OrderKind kind, NodeId node) {
  std::string suffix;
  PutByte(&suffix, static_cast<uint8_t>(kind));
  PutBig32(&suffix, node.value);
  return suffix;
}

std::string EncodeOrderRow(const OrderRow& row) {
  std::string bytes;
  PutByte(&bytes, kOrderRowVersion);
  PutByte(&bytes, static_cast<uint8_t>(row.kind));
  PutNode(&bytes, row.node);
  PutTime(&bytes, row.since_us);
  PutTime(&bytes, row.until_us);
  PutVarint(&bytes, row.flaps);
  PutWish(&bytes, row.region);
  PutWish(&bytes, row.priority);
  PutString(&bytes, row.actor);
  PutString(&bytes, row.reason);
  return bytes;
}

absl::StatusOr<OrderRow> DecodeOrderRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable(kWhat);
  if (absl::Status s = CheckVersion(kWhat, version, kOrderRowVersion); !s.ok()) return s;
  OrderRow row;
  const uint8_t kind = from.ReadByte();
  if (!Known(kind)) from.Fail();
  row.kind = static_cast<OrderKind>(kind);
  row.node = ReadNode(&from);
  row.since_us = ReadTime(&from);
  row.until_us = ReadTime(&from);
  const uint64_t flaps = from.ReadVarint();
  if (flaps > UINT32_MAX) from.Fail();
  row.flaps = static_cast<uint32_t>(flaps);
  row.region = ReadWish(&from);
  row.priority = ReadWish(&from);
  row.actor = std::string(from.ReadString());
  row.reason = std::string(from.ReadString());
  if (!from.Done()) return Unreadable(kWhat);
  return row;
}

const OrderRow* Orders::Find(OrderKind kind, NodeId node, int64_t wall_us) const {
  const OrderRow* row = Last(kind, node);
  return row != nullptr && Stands(*row, wall_us) ? row : nullptr;
}

const OrderRow* Orders::Last(OrderKind kind, NodeId node) const {
  const auto found = rows_.find({kind, node});
  return found == rows_.end() ? nullptr : &found->second;
}

void Orders::Put(OrderRow row) {
  const std::pair key(row.kind, row.node);
  rows_[key] = std::move(row);
}

}  // namespace baton::server
