// What the log has recorded for good, asked of the node that leads.
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

LossInfo::Acknowledged AcknowledgedOf(v1::Acknowledged acknowledged) {
  switch (acknowledged) {
    case v1::ACKNOWLEDGED_NO:
      return LossInfo::Acknowledged::kNo;
    case v1::ACKNOWLEDGED_AGAIN:
      return LossInfo::Acknowledged::kAgain;
    default:
      return LossInfo::Acknowledged::kUnknown;
  }
}

LossInfo Read(const v1::Loss& from) {
  LossInfo to;
  to.born_round = from.born_round();
  to.born_node = from.born_node();
  to.slot = from.slot();
  to.index = from.index();
  to.kind = KindOf(from.kind());
  to.acknowledged = AcknowledgedOf(from.acknowledged());
  to.keyspace = from.keyspace();
  to.keyspace_id = from.keyspace_id();
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

KeyspaceChangeInfo::Kind KindOf(v1::KeyspaceChangeKind kind) {
  switch (kind) {
    case v1::KEYSPACE_CHANGE_KIND_ALTERED:
      return KeyspaceChangeInfo::Kind::kAltered;
    case v1::KEYSPACE_CHANGE_KIND_DROPPED:
      return KeyspaceChangeInfo::Kind::kDropped;
    default:
      return KeyspaceChangeInfo::Kind::kCreated;
  }
}

KeyspaceChangeInfo Read(const v1::KeyspaceChangeRecord& from) {
  KeyspaceChangeInfo to;
  to.kind = KindOf(from.kind());
  to.keyspace = client::FromWire(from.keyspace());
  to.slot = from.slot();
  to.revision = from.revision();
  to.wall_time_us = from.wall_time_us();
  to.actor = from.actor();
  to.reason = from.reason();
  return to;
}

ReignInfo::Cause CauseOf(v1::ReignCause cause) {
  switch (cause) {
    case v1::REIGN_CAUSE_HANDOVER:
      return ReignInfo::Cause::kHandover;
    case v1::REIGN_CAUSE_ABORTED:
      return ReignInfo::Cause::kAborted;
    default:
      return ReignInfo::Cause::kElection;
  }
}

ReignInfo Read(const v1::ReignRecord& from) {
  ReignInfo to;
  to.round = from.ballot().round();
  to.node = from.ballot().node();
  to.cause = CauseOf(from.cause());
  to.slot = from.slot();
  to.predecessor_round = from.predecessor().round();
  to.predecessor_node = from.predecessor().node();
  to.predecessor_durable_slot = from.predecessor_durable_slot();
  to.wall_time_us = from.wall_time_us();
  to.candidacy_us = from.candidacy_us();
  to.policy = from.policy();
  return to;
}

HandoverInfo Read(const v1::HandoverRecord& from) { return client::FromWire(from); }
OrderInfo Read(const v1::OrderRecord& from) { return client::FromWire(from); }
PolicyInfo Read(const v1::PolicyRecord& from) { return client::FromWire(from); }
AuditInfo Read(const v1::AuditRecord& from) { return client::FromWire(from); }

// One page of rows; `rows` gives those of a response, `to` where they belong.
template <class Impl, class Request, class Response, class Rows, class Row>
absl::Status ListPage(Impl* impl,
                      grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                      const std::string& after, uint32_t limit, const CallOptions& options,
                      const Rows& (Response::*rows)() const, std::vector<Row>* to,
                      std::string* next) {
  Request request;
  *request.mutable_context() = client::ContextOf(options);
  request.set_after(after);
  request.set_limit(limit);
  Response response;
  const absl::Status status = impl->AskLeader(method, request, options, &response);
  if (!status.ok()) return status;
  for (const auto& row : (response.*rows)()) to->push_back(Read(row));
  *next = response.next();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeyspaceChangePage> Admin::ListKeyspaceChanges(const std::string& after,
                                                              uint32_t limit,
                                                              const CallOptions& options) {
  KeyspaceChangePage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListKeyspaceChanges, after, limit, options,
               &v1::ListKeyspaceChangesResponse::changes, &page.changes, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<ReignPage> Admin::ListReigns(const std::string& after, uint32_t limit,
                                            const CallOptions& options) {
  ReignPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListReigns, after, limit, options,
               &v1::ListReignsResponse::reigns, &page.reigns, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<HandoverPage> Admin::ListHandovers(const std::string& after, uint32_t limit,
                                                  const CallOptions& options) {
  HandoverPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListHandovers, after, limit, options,
               &v1::ListHandoversResponse::handovers, &page.handovers, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<OrderPage> Admin::ListOrders(const std::string& after, uint32_t limit,
                                            const CallOptions& options) {
  OrderPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListOrders, after, limit, options,
               &v1::ListOrdersResponse::orders, &page.orders, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<PolicyPage> Admin::ListPolicies(const std::string& after, uint32_t limit,
                                               const CallOptions& options) {
  PolicyPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListPolicies, after, limit, options,
               &v1::ListPoliciesResponse::policies, &page.policies, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<AuditPage> Admin::ListAudit(const std::string& after, uint32_t limit,
                                           const CallOptions& options) {
  AuditPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListAudit, after, limit, options,
               &v1::ListAuditResponse::records, &page.records, &page.next);
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<LossPage> Admin::ListLosses(const std::string& after, uint32_t limit,
                                           const CallOptions& options) {
  LossPage page;
  const absl::Status status =
      ListPage(impl_.get(), &v1::Cluster::Stub::ListLosses, after, limit, options,
               &v1::ListLossesResponse::losses, &page.losses, &page.next);
  if (!status.ok()) return status;
  return page;
}

}  // namespace baton
