// Orders about who may lead, the policy, and lines of the audit: given to and asked of the node
// that leads.
#include <openssl/sha.h>

#include "client/admin_calls.h"

namespace baton {

OrderInfo client::FromWire(const v1::OrderRecord& from) {
  OrderInfo to;
  to.kind = static_cast<OrderKind>(from.kind());
  to.node = from.node();
  to.since_wall_us = from.since_us();
  to.until_wall_us = from.until_us();
  to.flaps = from.flaps();
  if (from.has_region()) to.region = from.region();
  if (from.has_priority()) to.priority = from.priority();
  to.actor = from.actor();
  to.reason = from.reason();
  return to;
}

AuditInfo client::FromWire(const v1::AuditRecord& from) {
  AuditInfo to;
  to.number = from.number();
  to.kind = static_cast<AuditInfo::Kind>(from.kind());
  to.what = from.what();
  to.object = from.object();
  to.node = from.node();
  to.actor = from.actor();
  to.reason = from.reason();
  to.reign_round = from.reign().round();
  to.reign_node = from.reign().node();
  to.from_round = from.from().round();
  to.from_node = from.from().node();
  to.from_slot = from.from_slot();
  to.slot = from.slot();
  to.wall_time_us = from.wall_time_us();
  to.previous = Hex(from.previous());
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(from.row().data()), from.row().size(), hash);
  to.hash = Hex(std::string(reinterpret_cast<const char*>(hash), sizeof hash));
  return to;
}

PolicyInfo client::FromWire(const v1::PolicyRecord& from) {
  PolicyInfo to;
  to.version = from.version();
  to.state = static_cast<PolicyState>(from.state());
  to.before = from.before();
  to.since_wall_us = from.since_us();
  for (const int criterion : from.rank()) to.rank.push_back(static_cast<RankCriterion>(criterion));
  for (const v1::PolicyLimit& limit : from.limits()) {
    to.limits.push_back(
        {limit.name(), limit.value(), limit.unit(), limit.usual(), limit.max(), limit.what()});
  }
  to.actor = from.actor();
  to.reason = from.reason();
  return to;
}

absl::StatusOr<PolicyOutcome> Admin::ChangePolicy(const PolicyChange& change,
                                                  const CallOptions& options) {
  v1::ChangePolicyRequest request;
  *request.mutable_context() = client::ContextOf(options);
  request.set_change(static_cast<v1::PolicyChange>(change.kind));
  request.set_version(change.version);
  for (const RankCriterion criterion : change.rank) {
    request.add_rank(static_cast<v1::RankCriterion>(criterion));
  }
  for (const auto& [name, value] : change.limits) {
    v1::PolicyLimit* const limit = request.add_limits();
    limit->set_name(name);
    limit->set_value(value);
  }
  request.set_reason(change.reason);
  v1::ChangePolicyResponse response;
  const absl::Status status =
      impl_->AskLeader(&v1::Cluster::Stub::ChangePolicy, request, options, &response);
  if (!status.ok()) return status;
  return PolicyOutcome{client::FromWire(response.policy()), response.unchanged()};
}

absl::StatusOr<OrderChange> Admin::ChangeOrder(const Order& order, const CallOptions& options) {
  v1::ChangeOrderRequest request;
  *request.mutable_context() = client::ContextOf(options);
  request.set_kind(static_cast<v1::OrderKind>(order.kind));
  client::ToWire(order.node, request.mutable_node());
  request.set_lift(order.lift);
  request.set_for_ms(static_cast<uint64_t>(order.stands_for.count()));
  if (order.region) request.set_region(*order.region);
  if (order.priority) request.set_priority(*order.priority);
  request.set_reason(order.reason);
  v1::ChangeOrderResponse response;
  const absl::Status status =
      impl_->AskLeader(&v1::Cluster::Stub::ChangeOrder, request, options, &response);
  if (!status.ok()) return status;
  return OrderChange{client::FromWire(response.order()), response.unchanged()};
}

}  // namespace baton
