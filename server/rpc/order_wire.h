// Orders and the audit between the wire and the node. Functions, any thread.
#pragma once

#include "baton/v1/cluster.pb.h"
#include "server/codec/audit_row.h"
#include "server/codec/order_row.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr uint64_t kOrderMsMax = 366ull * 24 * 3'600'000;  // how long an order may stand

// The order that a request gives or lifts; its node is looked up among the members that `node`
// knows. Fails for a kind that operators do not give, a member that is none, what is over a limit.
Failure ParseOrder(const v1::ChangeOrderRequest& request, const Node& node, OrderRequest* to);

void ToProto(const OrderRow& from, v1::OrderRecord* to);
// `row`: as it is stored, which its hash is of.
void ToProto(const AuditRow& from, std::string_view row, v1::AuditRecord* to);
// REQUIRES: the answer is ok.
Failure FillResponse(const Answer& answer, v1::ChangeOrderResponse* to);

}  // namespace baton::server
