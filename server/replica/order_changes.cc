#include "server/replica/order_changes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/storage/key_encoding.h"

namespace baton::server {
namespace {

std::string KeyOf(OrderKind kind, NodeId node) {
  return engine::SystemKey(engine::SystemTable::kOrders, OrderRowSuffix(kind, node));
}

}  // namespace

void PutOrder(OrderRow row, Orders* orders, engine::EffectsWriter* writer) {
  writer->PutSystem(KeyOf(row.kind, row.node), EncodeOrderRow(row));
  orders->Put(std::move(row));
}

OrderResult ChangeOrders(const OrderRequest& request, int64_t wall_us, Orders* orders,
                         engine::EffectsWriter* writer) {
  const OrderRow* standing = orders->Find(request.kind, request.node, wall_us);
  OrderResult result;
  if (request.lift) {
    result.unchanged = standing == nullptr;
    if (result.unchanged) {
      result.row.kind = request.kind;
      result.row.node = request.node;
      return result;
    }
    result.row = *standing;
    orders->Lift(request.kind, request.node);
    writer->DeleteSystem(KeyOf(request.kind, request.node));
    return result;
  }
  OrderRow row;
  row.kind = request.kind;
  row.node = request.node;
  row.since_us = wall_us;
  row.until_us = request.for_us == 0 ? 0 : wall_us + request.for_us;
  row.region = request.region;
  row.priority = request.priority;
  row.actor = request.actor;
  row.reason = request.reason;
  if (standing != nullptr) {
    OrderRow same = *standing;
    same.since_us = row.since_us;
    result.unchanged = same == row;
  }
  result.row = result.unchanged ? *standing : row;
  if (result.unchanged) return result;
  PutOrder(std::move(row), orders, writer);
  return result;
}

std::optional<OrderRow> HoldDown(const Orders& orders, const Policy& policy, NodeId node,
                                 int64_t led_us, int64_t wall_us) {
  if (led_us >= policy.Us(PolicyLimit::kFlapReign)) return std::nullopt;
  const OrderRow* last = orders.Last(OrderKind::kHoldDown, node);
  const bool again =
      last != nullptr && wall_us < last->until_us + policy.Us(PolicyLimit::kFlapsForgotten);
  OrderRow row;
  row.kind = OrderKind::kHoldDown;
  row.node = node;
  row.since_us = wall_us;
  row.flaps = again ? last->flaps + 1 : 1;
  const int64_t longest_us = policy.Us(PolicyLimit::kHoldDownMax);
  int64_t for_us = policy.Us(PolicyLimit::kHoldDown);
  for (uint32_t i = 1; i < row.flaps && for_us < longest_us; ++i) for_us *= 2;
  row.until_us = wall_us + std::min(for_us, longest_us);
  row.reason = absl::StrCat("it led for ", led_us / 1'000, " ms and was lost, ", row.flaps,
                            row.flaps == 1 ? " time" : " times in a row");
  return row;
}

}  // namespace baton::server
