// The ledger of losses, asked of the node that leads.
#include "client/admin_calls.h"

namespace baton {
namespace {

LossInfo::Kind KindOf(v1::LossKind kind) {
  switch (kind) {
    case v1::LOSS_KIND_DELETE:
      return LossInfo::Kind::kDelete;
    case v1::LOSS_KIND_DELETE_RANGE:
      return LossInfo::Kind::kDeleteRange;
    default:
      return LossInfo::Kind::kPut;
  }
}

LossInfo FromWire(const v1::Loss& from) {
  LossInfo to;
  to.born_round = from.born_round();
  to.born_node = from.born_node();
  to.slot = from.slot();
  to.index = from.index();
  to.kind = KindOf(from.kind());
  to.may_be_acknowledged = from.acknowledged() != v1::ACKNOWLEDGED_NO;
  to.keyspace = from.keyspace();
  to.key = from.key();
  to.end = from.end();
  to.value = from.value();
  to.revision = from.revision();
  to.session = from.session();
  to.sequence = from.sequence();
  to.wall_time_us = from.wall_time_us();
  to.found_on = from.found_on();
  return to;
}

}  // namespace

absl::StatusOr<LossPage> Admin::ListLosses(const std::string& after, uint32_t limit,
                                           const CallOptions& options) {
  v1::ListLossesRequest request;
  *request.mutable_context() = client::ContextOf(options);
  request.set_after(after);
  request.set_limit(limit);
  v1::ListLossesResponse response;
  const absl::Status status =
      impl_->AskLeader(&v1::Cluster::Stub::ListLosses, request, options, &response);
  if (!status.ok()) return status;
  LossPage page;
  for (const v1::Loss& loss : response.losses()) page.losses.push_back(FromWire(loss));
  page.next = response.next();
  return page;
}

}  // namespace baton
