#include "server/rpc/order_wire.h"

#include <string>

#include "base/check.h"
#include "server/rpc/failure.h"
#include "server/rpc/find_member.h"
#include "server/rpc/handover_wire.h"
#include "server/rpc/requests.h"

namespace baton::server {
namespace {

constexpr uint32_t kWishMax = 255;  // of a region, of a priority

Failure ParseWish(bool given, uint32_t wish, const char* what, std::optional<uint8_t>* to) {
  if (!given) return {};
  if (wish > kWishMax) {
    return OverLimit(std::string("the ") + what + " is too high",
                     std::string(what) + "_max=" + std::to_string(kWishMax));
  }
  *to = static_cast<uint8_t>(wish);
  return {};
}

Failure CheckPreference(const v1::ChangeOrderRequest& request) {
  const bool preference = request.kind() == v1::ORDER_KIND_PREFERENCE;
  const bool wishes = request.has_region() || request.has_priority();
  if (preference && !request.lift() && !wishes) {
    return InvalidRequest("a preference is a region, a priority, or both: none is given");
  }
  if (wishes && (!preference || request.lift())) {
    return InvalidRequest("region and priority are parts of a preference that is given");
  }
  return {};
}

}  // namespace

static_assert(static_cast<int>(OrderKind::kFreeze) == v1::ORDER_KIND_FREEZE);
static_assert(static_cast<int>(AuditKind::kPolicy) == v1::AUDIT_KIND_POLICY);

Failure ParseOrder(const v1::ChangeOrderRequest& request, const Node& node, OrderRequest* to) {
  if (!v1::OrderKind_IsValid(request.kind()) || request.kind() == v1::ORDER_KIND_UNSPECIFIED) {
    return InvalidRequest("the kind of the order is none that this node knows");
  }
  if (request.kind() == v1::ORDER_KIND_HOLD_DOWN && !request.lift()) {
    return InvalidRequest("a node is held down by its leader alone: bar it instead");
  }
  if (Failure failure = CheckPreference(request); !failure.ok()) return failure;
  if (request.for_ms() > kOrderMsMax) {
    return OverLimit("the order would stand for too long: let it stand until it is lifted",
                     "for_ms_max=" + std::to_string(kOrderMsMax));
  }
  to->kind = static_cast<OrderKind>(request.kind());
  to->lift = request.lift();
  to->for_us = static_cast<int64_t>(request.for_ms()) * 1'000;
  Failure failure = ParseWish(request.has_region(), request.region(), "region", &to->region);
  if (failure.ok()) {
    failure = ParseWish(request.has_priority(), request.priority(), "priority", &to->priority);
  }
  if (!failure.ok() || to->kind == OrderKind::kFreeze) return failure;
  const std::vector<MemberInfo> members = node.Status().members;
  const MemberInfo* member = FindMember(
      members, MemberRef{request.node().name(), NodeId{request.node().node_id()}}, &failure);
  if (member != nullptr) to->node = member->node;
  return failure;
}

void ToProto(const OrderRow& from, v1::OrderRecord* to) {
  to->set_kind(static_cast<v1::OrderKind>(from.kind));
  to->set_node(from.node.value);
  to->set_since_us(from.since_us);
  to->set_until_us(from.until_us);
  to->set_flaps(from.flaps);
  if (from.region) to->set_region(*from.region);
  if (from.priority) to->set_priority(*from.priority);
  to->set_actor(from.actor);
  to->set_reason(from.reason);
}

void ToProto(const AuditRow& from, std::string_view row, v1::AuditRecord* to) {
  to->set_number(from.number);
  to->set_kind(static_cast<v1::AuditKind>(from.kind));
  to->set_what(from.what);
  to->set_object(from.object);
  to->set_node(from.node.value);
  to->set_actor(from.actor);
  to->set_reason(from.reason);
  ToProto(from.reign, to->mutable_reign());
  ToProto(from.from, to->mutable_from());
  to->set_from_slot(from.from_slot.value);
  to->set_slot(from.slot.value);
  to->set_log_time_us(from.log_time_us);
  to->set_wall_time_us(from.wall_time_us);
  to->set_previous(from.previous);
  to->set_row(std::string(row));
}

Failure FillResponse(const Answer& answer, v1::ChangeOrderResponse* to) {
  const auto* result = std::get_if<OrderResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "an order was answered with something else";
  ToProto(answer.position, to->mutable_position());
  ToProto(result->row, to->mutable_order());
  to->set_unchanged(result->unchanged);
  return {};
}

}  // namespace baton::server
