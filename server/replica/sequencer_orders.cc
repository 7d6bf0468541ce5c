// The sequencer's part for orders and for the audit, which every change of leadership, members,
// keyspaces and orders goes into with its own entry.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "server/replica/order_changes.h"
#include "server/replica/sequencer.h"

namespace baton::server {
namespace {

const char* WordOf(const OrderRequest& request) {
  switch (request.kind) {
    case OrderKind::kBar:
      return request.lift ? "UNBARRED" : "BARRED";
    case OrderKind::kHoldDown:
      return request.lift ? "HOLD_DOWN_LIFTED" : "HELD_DOWN";
    case OrderKind::kPreference:
      return request.lift ? "PREFERENCE_LIFTED" : "PREFERRED";
    case OrderKind::kFreeze:
      return request.lift ? "UNFROZEN" : "FROZEN";
  }
  return "";
}

// Until when it stands, and what it says.
std::string ObjectOf(const OrderRow& row) {
  std::string object;
  if (row.region) absl::StrAppend(&object, "region ", *row.region, " ");
  if (row.priority) absl::StrAppend(&object, "priority ", *row.priority, " ");
  absl::StrAppend(&object, row.until_us == 0 ? "until it is lifted"
                                             : absl::StrCat("until ", row.until_us, " us"));
  return object;
}

AuditRow RowOf(const char* what, const OrderRow& order) {
  AuditRow row;
  row.kind = AuditKind::kOrder;
  row.what = what;
  row.object = ObjectOf(order);
  row.node = order.node;
  row.actor = order.actor;
  row.reason = order.reason;
  return row;
}

const char* WordOf(engine::KeyspaceMode mode) {
  return mode == engine::KeyspaceMode::kAsync ? "async" : "sync";
}

std::string WordOf(const engine::KeyspaceRequest& request, const engine::KeyspacePtr& before,
                   const engine::KeyspaceInfo& after) {
  const char* mode = WordOf(after.settings.mode);
  if (std::holds_alternative<engine::CreateKeyspace>(request.change)) {
    return absl::StrCat("CREATED ", mode);
  }
  if (std::holds_alternative<engine::DropKeyspace>(request.change)) return "DROPPED";
  BATON_CHECK(before != nullptr);
  if (before->settings.mode == after.settings.mode) return "ALTERED";
  return absl::StrCat("ALTERED ", WordOf(before->settings.mode), " to ", mode);
}

}  // namespace

void Sequencer::Audit(AuditRow row, Slot slot, const LogTimes::Times& times,
                      engine::EffectsWriter* writer) {
  row.slot = slot;
  row.log_time_us = times.log_us;
  row.wall_time_us = times.wall_us;
  audit_.Append(std::move(row), writer);
}

void Sequencer::AuditKeyspace(const engine::KeyspaceRequest& request,
                              const engine::KeyspacePtr& before, const engine::KeyspaceInfo& after,
                              Slot slot, const LogTimes::Times& times) {
  AuditRow row;
  row.kind = AuditKind::kKeyspace;
  row.what = WordOf(request, before, after);
  row.object = after.name;
  row.actor = request.actor;
  row.reason = request.reason;
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  Audit(std::move(row), slot, times, writer);
  writer->EndRequest();
}

// Who asked for it, and what became of it. That it took place is the audit of the reign.
void Sequencer::AuditHandover(const HandoverRow& handover, Slot slot, const LogTimes::Times& times,
                              engine::EffectsWriter* writer) {
  const bool asked = handover.state() == HandoverState::kRequested;
  if (handover.election() || !(asked || Final(handover.state()))) return;
  AuditRow row;
  row.kind = AuditKind::kHandover;
  row.what = std::string(NameOf(handover.state()));
  row.object = handover.order.id;
  row.node = handover.to;
  row.actor = handover.actor;
  row.reason = asked ? handover.order.reason : handover.outcome;
  Audit(std::move(row), slot, times, writer);
}

std::optional<QueuedWrite> Sequencer::HoldDownWhoFlaps() const {
  if (reigns_.size() < 2) return std::nullopt;
  const ReignRow& own = reigns_.back();
  const ReignRow& before = reigns_[reigns_.size() - 2];
  const NodeId node = before.reign.ballot.node;
  const bool lost = own.reign.cause == consensus::Cause::kElection &&
                    own.reign.predecessor == before.reign.ballot && node != own.reign.ballot.node;
  const int64_t wall_us = parts_.clock->WallNowUs();
  if (!lost || orders_.Find(OrderKind::kFreeze, NodeId{}, wall_us) != nullptr) return std::nullopt;
  const auto order = HoldDown(orders_, node, own.wall_time_us - before.wall_time_us, wall_us);
  if (!order) return std::nullopt;
  QueuedWrite write;
  write.deadline_us = kNever;
  write.request = *order;
  return write;
}

void Sequencer::Evaluate(const OrderRequest& request, Turn* turn) {
  const LogTimes::Times times = Now();
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  OrderResult result = ChangeOrders(request, times.wall_us, &orders_, writer);
  if (result.unchanged) {
    writer->DropRequest();
  } else {
    AuditRow row = RowOf(WordOf(request), result.row);
    row.actor = request.actor;  // of one lifted: who lifts it
    row.reason = request.reason;
    Audit(std::move(row), turn->id.slot, times, writer);
    result.revision = writer->EndRequest();
  }
  GatedAnswer gated = Gated(!result.unchanged, turn);
  gated.until = GatedAnswer::Until::kApplied;
  gated.answer.position.revision = result.revision;
  gated.answer.result = std::move(result);
  turn->gate->Add(std::move(gated));
}

// The leader's own; nobody waits.
void Sequencer::Evaluate(const OrderRow& order, Turn* turn) {
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  PutOrder(order, &orders_, writer);
  Audit(RowOf("HELD_DOWN", order), turn->id.slot, Now(), writer);
  writer->EndRequest();
}

}  // namespace baton::server
