#include "server/rpc/record_lists.h"

#include <string>
#include <string_view>

#include "base/coding.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/loss.h"
#include "engine/state/system_rows.h"
#include "server/codec/stored_rows.h"
#include "server/replica/answers.h"
#include "server/rpc/failure.h"
#include "server/rpc/handover_wire.h"
#include "server/rpc/keyspace_wire.h"
#include "server/rpc/order_wire.h"
#include "server/rpc/policy_wire.h"

namespace baton::server {
namespace {

using engine::SystemTable;

constexpr uint32_t kRowsDefault = 1'000;
constexpr uint32_t kRowsMax = 10'000;

// `suffix_bytes`: those of the table's keys, each as long.
template <class Request>
Failure ParseTable(const Request& request, SystemTable table, size_t suffix_bytes,
                   engine::ScanSpec* to) {
  if (!request.after().empty() && request.after().size() != suffix_bytes) {
    return InvalidRequest("`after` is not what a page of this list has given as `next`");
  }
  if (request.limit() > kRowsMax) {
    return OverLimit("more rows than a page holds were asked for",
                     "rows_max=" + std::to_string(kRowsMax));
  }
  engine::KeyRange rows = engine::SystemRows(table);
  to->keyspace = kSystemKeyspace;
  to->begin = std::move(rows.begin);
  to->end = std::move(rows.end);
  if (!request.after().empty()) to->begin += request.after() + '\0';
  to->limit = request.limit() == 0 ? kRowsDefault : request.limit();
  return {};
}

// Calls add(suffix, value), which gives a status, for each row.
template <class Response, class Add>
Failure FillRows(const Answer& answer, Response* to, const Add& add) {
  const auto& page = std::get<engine::ScanPage>(answer.result);
  for (const engine::Record& record : page.records) {
    const absl::Status added = add(record.key.substr(engine::kSystemTableBytes), record.value);
    if (!added.ok()) return UnreadableFailure(added);
  }
  if (page.next) to->set_next(page.records.back().key.substr(engine::kSystemTableBytes));
  return {};
}

void Fill(const ReignRow& from, v1::ReignRecord* to) {
  ToProto(from.reign.ballot, to->mutable_ballot());
  to->set_cause(static_cast<v1::ReignCause>(from.reign.cause));
  to->set_slot(from.slot.value);
  ToProto(from.reign.predecessor, to->mutable_predecessor());
  to->set_predecessor_durable_slot(from.reign.predecessor_durable.value);
  to->set_wall_time_us(from.wall_time_us);
  to->set_log_time_us(from.log_time_us);
  to->set_candidacy_us(from.candidacy_us);
  to->set_policy(from.reign.policy_version);
}

void Fill(const engine::KeyspaceChangeRow& from, Revision revision, v1::KeyspaceChangeRecord* to) {
  to->set_kind(static_cast<v1::KeyspaceChangeKind>(from.what));
  ToProto(from.info, to->mutable_keyspace());
  to->set_slot(from.stamp.slot.value);
  to->set_revision(revision.value);
  to->set_wall_time_us(from.stamp.wall_time_us);
  to->set_log_time_us(from.stamp.log_time_us);
  to->set_actor(from.actor);
  to->set_reason(from.reason);
}

void Fill(const engine::Loss& from, v1::Loss* to) {
  to->set_born_round(from.entry.born.round);
  to->set_born_node(from.entry.born.node.value);
  to->set_slot(from.entry.slot.value);
  to->set_index(from.index);
  to->set_kind(static_cast<v1::LossKind>(from.kind));
  to->set_acknowledged(static_cast<v1::Acknowledged>(from.acknowledged));
  to->set_keyspace(from.keyspace_name);
  to->set_keyspace_id(from.keyspace.value);
  to->set_key(from.key);
  to->set_end(from.end);
  to->set_value(from.value);
  to->set_revision(from.revision.value);
  to->set_session(from.session);
  to->set_sequence(from.sequence);
  to->set_wall_time_us(from.wall_time_us);
  to->set_found_on(from.found_on.value);
}

}  // namespace

Failure ParseRequest(const v1::ListReignsRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kReigns, ReignRowSuffix({}).size(), to);
}
Failure ParseRequest(const v1::ListHandoversRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kHandovers, HandoverRowSuffix(0).size(), to);
}
Failure ParseRequest(const v1::ListOrdersRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kOrders, OrderRowSuffix({}, {}).size(), to);
}
Failure ParseRequest(const v1::ListPoliciesRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kPolicies, PolicyRowSuffix(0).size(), to);
}
Failure ParseRequest(const v1::ListAuditRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kAudit, AuditRowSuffix(0).size(), to);
}
Failure ParseRequest(const v1::ListKeyspaceChangesRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kKeyspaceChanges,
                    engine::KeyspaceChangeSuffix({}, {}).size(), to);
}
Failure ParseRequest(const v1::ListLossesRequest& request, engine::ScanSpec* to) {
  return ParseTable(request, SystemTable::kLosses, engine::LossSuffix({}, 0).size(), to);
}

Failure FillResponse(const Answer& answer, v1::ListReignsResponse* to) {
  return FillRows(answer, to, [to](std::string_view, std::string_view value) {
    const auto row = DecodeReignRow(value);
    if (row.ok()) Fill(*row, to->add_reigns());
    return row.status();
  });
}
Failure FillResponse(const Answer& answer, v1::ListHandoversResponse* to) {
  return FillRows(answer, to, [to](std::string_view, std::string_view value) {
    const auto row = DecodeHandoverRow(value);
    if (row.ok()) ToProto(*row, to->add_handovers());
    return row.status();
  });
}
Failure FillResponse(const Answer& answer, v1::ListOrdersResponse* to) {
  return FillRows(answer, to, [to](std::string_view, std::string_view value) {
    const auto row = DecodeOrderRow(value);
    if (row.ok()) ToProto(*row, to->add_orders());
    return row.status();
  });
}
// The built-in version is in the response already, in case it has no row.
Failure FillResponse(const Answer& answer, v1::ListPoliciesResponse* to) {
  return FillRows(answer, to, [to](std::string_view, std::string_view value) {
    const auto row = DecodePolicyRow(value);
    if (row.ok() && row->version == kBuiltInPolicy) to->clear_policies();
    if (row.ok()) ToProto(*row, to->add_policies());
    return row.status();
  });
}
Failure FillResponse(const Answer& answer, v1::ListAuditResponse* to) {
  return FillRows(answer, to, [to](std::string_view, std::string_view value) {
    const auto row = DecodeAuditRow(value);
    if (row.ok()) ToProto(*row, value, to->add_records());
    return row.status();
  });
}
Failure FillResponse(const Answer& answer, v1::ListKeyspaceChangesResponse* to) {
  return FillRows(answer, to, [to](std::string_view suffix, std::string_view value) {
    Decoder key(suffix);
    const KeyspaceId id{key.ReadBig32()};
    const Revision revision{key.ReadBig64()};
    const auto row = engine::DecodeKeyspaceChange(id, value);
    if (row.ok()) Fill(*row, revision, to->add_changes());
    return row.status();
  });
}
Failure FillResponse(const Answer& answer, v1::ListLossesResponse* to) {
  return FillRows(answer, to, [to](std::string_view suffix, std::string_view value) {
    const auto loss = engine::DecodeLoss(suffix, value);
    if (loss.ok()) Fill(*loss, to->add_losses());
    return loss.status();
  });
}

}  // namespace baton::server
