// Changes of orders: what a request makes of those that stand, and what a leader orders by itself.
//
// Functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "engine/state/effects.h"
#include "server/codec/order_row.h"

namespace baton::server {

// Writes the row within the writer's request.
void PutOrder(OrderRow row, Orders* orders, engine::EffectsWriter* writer);
// Decides the request against the newest orders, which it changes, and writes its effect within the
// writer's request.
OrderResult ChangeOrders(const OrderRequest& request, int64_t wall_us, Orders* orders,
                         engine::EffectsWriter* writer);

// What becomes of a node that led for so long and lost leadership by an election: nullopt if that
// was long enough, else it is held down; for twice as long each time within kFlapsForgottenUs.
inline constexpr int64_t kHoldDownAfterUs = 60'000'000;  // a reign that lasted less is a flap
inline constexpr int64_t kHoldDownUs = 60'000'000;       // at first
inline constexpr int64_t kHoldDownUsMax = 3'600'000'000;
inline constexpr int64_t kFlapsForgottenUs = 3'600'000'000;
std::optional<OrderRow> HoldDown(const Orders& orders, NodeId node, int64_t led_us,
                                 int64_t wall_us);

}  // namespace baton::server
