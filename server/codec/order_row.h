// Orders: what stands, beside health, about who may lead. A node is barred, or held down because it
// lost leadership again and again; it is preferred, or not; leadership is frozen.
//
// One row for each, in the system keyspace, in force until its time (by the wall clock) or until it
// is lifted. Values and pure functions, any thread.
//
//   row := version (u8 = 1) kind (u8) node (varint) since (varint, us) until (varint, us; 0: open)
//          flaps (varint) region (varint; 0: none, else + 1) priority (varint, likewise)
//          actor (string) reason (string)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"

namespace baton::server {

inline constexpr uint8_t kOrderRowVersion = 1;

enum class OrderKind : uint8_t {
  kBar = 1,         // by an operator: the node leads only if nobody else can, and gets no handover
  kHoldDown = 2,    // by a leader: likewise for elections; an operator may hand over to it
  kPreference = 3,  // region and priority, in place of those of the node's own configuration
  kFreeze = 4,      // of no node: nothing is moved but by an operator, or because a leader is gone
};

struct OrderRow {
  OrderKind kind = OrderKind::kBar;
  NodeId node;                    // of kFreeze: 0
  int64_t since_us = 0;           // wall clock, as is until_us
  int64_t until_us = 0;           // 0: until it is lifted
  uint32_t flaps = 0;             // of kHoldDown: how often in a row
  std::optional<uint8_t> region;  // of kPreference; nullopt: the node's own
  std::optional<uint8_t> priority;
  std::string actor;
  std::string reason;
  friend bool operator==(const OrderRow&, const OrderRow&) = default;
};
// Where it lies in the table of orders: kind (u8), node (big32).
std::string OrderRowSuffix(OrderKind kind, NodeId node);
std::string EncodeOrderRow(const OrderRow& row);
// Errors: DATA_LOSS, or FAILED_PRECONDITION for a newer version.
absl::StatusOr<OrderRow> DecodeOrderRow(std::string_view bytes);

// All that stand, the expired ones among them until they are replaced.
class Orders {
 public:
  // Null: there is none, or it is over by then.
  const OrderRow* Find(OrderKind kind, NodeId node, int64_t wall_us) const;
  // Also one that is over.
  const OrderRow* Last(OrderKind kind, NodeId node) const;
  void Put(OrderRow row);
  void Lift(OrderKind kind, NodeId node) { rows_.erase({kind, node}); }

 private:
  std::map<std::pair<OrderKind, NodeId>, OrderRow> rows_;
};

// Gives an order, or lifts one.
struct OrderRequest {
  OrderKind kind = OrderKind::kBar;
  NodeId node;
  bool lift = false;
  int64_t for_us = 0;  // how long it stands; 0: until it is lifted
  std::optional<uint8_t> region;
  std::optional<uint8_t> priority;
  std::string actor;
  std::string reason;
};
struct OrderResult {
  OrderRow row;            // as it stands; of one lifted, as it was
  bool unchanged = false;  // it was so already: nothing is written
  Revision revision;       // of the change; Revision{} if unchanged
};

}  // namespace baton::server
