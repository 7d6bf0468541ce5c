// Changes of orders: what a request makes of those that stand, and what a leader orders by itself.
//
// Functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "engine/state/effects.h"
#include "server/codec/order_row.h"
#include "server/codec/policy_row.h"

namespace baton::server {

// Writes the row within the writer's request.
void PutOrder(OrderRow row, Orders* orders, engine::EffectsWriter* writer);
// Decides the request against the newest orders, which it changes, and writes its effect within the
// writer's request.
OrderResult ChangeOrders(const OrderRequest& request, int64_t wall_us, Orders* orders,
                         engine::EffectsWriter* writer);

// What becomes of a node that led for so long and lost leadership by an election: nullopt if that
// was long enough, else it is held down; for twice as long each time until flaps are forgotten.
std::optional<OrderRow> HoldDown(const Orders& orders, const Policy& policy, NodeId node,
                                 int64_t led_us, int64_t wall_us);

}  // namespace baton::server
