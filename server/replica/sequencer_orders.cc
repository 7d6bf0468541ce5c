// The sequencer's part for orders, the policy and the audit, which every change of leadership,
// members, keyspaces, orders and policy goes into with its own entry.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/storage/key_encoding.h"
#include "server/replica/audit_words.h"
#include "server/replica/order_changes.h"
#include "server/replica/policy_changes.h"
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

const char* WordOf(const PolicyRequest& request) {
  switch (request.change) {
    case PolicyRequest::Change::kPropose:
      return "PROPOSED";
    case PolicyRequest::Change::kShadow:
      return "SHADOWED";
    case PolicyRequest::Change::kUnshadow:
      return "UNSHADOWED";
    case PolicyRequest::Change::kActivate:
      return "ACTIVATED";
    case PolicyRequest::Change::kRollBack:
      return "ROLLED_BACK";
  }
  return "";
}

// Until when it stands, and what it says.
std::string ObjectOf(const OrderRow& row, bool lifted) {
  std::string object;
  if (row.region) absl::StrAppend(&object, "region ", *row.region, " ");
  if (row.priority) absl::StrAppend(&object, "priority ", *row.priority, " ");
  if (lifted) return object;
  absl::StrAppend(&object, row.until_us == 0 ? "until it is lifted"
                                             : absl::StrCat("until ", UtcWords(row.until_us)));
  return object;
}

AuditRow RowOf(const char* what, const OrderRow& order, bool lifted = false) {
  AuditRow row;
  row.kind = AuditKind::kOrder;
  row.what = what;
  row.object = ObjectOf(order, lifted);
  row.node = order.node;
  row.actor = order.actor;
  row.reason = order.reason;
  return row;
}

std::string WordOf(const engine::KeyspaceRequest& request, const engine::KeyspacePtr& before,
                   const engine::KeyspaceInfo& after) {
  const char* mode = ModeWord(after.settings.mode);
  if (std::holds_alternative<engine::CreateKeyspace>(request.change)) {
    return absl::StrCat("CREATED ", mode);
  }
  if (std::holds_alternative<engine::DropKeyspace>(request.change)) return "DROPPED";
  BATON_CHECK(before != nullptr);
  if (before->settings.mode == after.settings.mode) return "ALTERED";
  return absl::StrCat("ALTERED ", ModeWord(before->settings.mode), " to ", mode);
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
  if (before != nullptr && before->settings != after.settings) {
    absl::StrAppend(&row.object, ": ", WordsOf(before->settings, after.settings));
  }
  row.actor = request.actor;
  row.reason = request.reason;
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  Audit(std::move(row), slot, times, writer);
  writer->EndRequest();
}

// Who asked for it, who approved it, and what became of it. That it took place is the audit of the
// reign.
void Sequencer::AuditHandover(const HandoverRow& handover, Slot slot, const LogTimes::Times& times,
                              engine::EffectsWriter* writer) {
  const bool asked = handover.state() == HandoverState::kRequested;
  const bool approved = handover.state() == HandoverState::kApproved;
  if (handover.election() || !(asked || approved || Final(handover.state()))) return;
  AuditRow row;
  row.kind = AuditKind::kHandover;
  row.what = std::string(NameOf(handover.state()));
  row.object = handover.order.id;
  row.node = handover.to;
  row.actor = approved                     ? handover.approval.actor
              : !handover.ended_by.empty() ? handover.ended_by
                                           : handover.actor;
  row.reason = asked      ? handover.order.reason
               : approved ? handover.approval.reason
                          : handover.outcome;
  Audit(std::move(row), slot, times, writer);
}

// Whoever led before a reign that the audit does not have yet, and was lost too soon.
std::vector<OrderRow> Sequencer::WhoFlapped(const OrderBook::Page& page) const {
  const int64_t wall_us = parts_.clock->WallNowUs();
  Orders orders = page.orders;
  std::vector<OrderRow> held;
  for (size_t i = 1; i < page.reigns.size(); ++i) {
    const ReignRow &before = page.reigns[i - 1], &reign = page.reigns[i];
    const NodeId node = before.reign.ballot.node;
    const bool lost = page.audit.reign < reign.reign.ballot && ByElection(reign.reign) &&
                      reign.reign.predecessor == before.reign.ballot &&
                      node != reign.reign.ballot.node;
    if (!lost) continue;
    auto order = HoldDown(orders, page.policies.Active().policy, node,
                          reign.wall_time_us - before.wall_time_us, wall_us);
    if (!order) continue;
    order->actor = absl::StrCat("reign ", ToString(reign.reign.ballot));
    orders.Put(*order);
    held.push_back(*std::move(order));
  }
  return held;
}

// It goes into the reign's first entry, whichever that is, with the audit of the reign itself:
// where its leader is lost meanwhile the next one finds all of it done, or nothing.
void Sequencer::WriteBeginning(Slot slot, const LogTimes::Times& times,
                               engine::EffectsWriter* writer) {
  if (std::exchange(records_recovery_, false)) WriteRecovery(slot, times, writer);
  for (OrderRow& order : std::exchange(hold_downs_, {})) {
    Audit(RowOf("HELD_DOWN", order), slot, times, writer);
    PutOrder(std::move(order), &orders_, writer);
  }
}

// An epoch that no entry of the log has brought.
void Sequencer::WriteRecovery(Slot slot, const LogTimes::Times& times,
                              engine::EffectsWriter* writer) {
  MembersRow row = *parts_.recovered;
  row.slot = slot;
  row.log_time_us = times.log_us;
  row.wall_time_us = times.wall_us;
  writer->PutSystem(
      engine::SystemKey(engine::SystemTable::kMemberships, MembersRowSuffix(row.membership.epoch)),
      EncodeMembersRow(row));
  AuditRow line;
  line.kind = AuditKind::kMembers;
  line.what = "RECOVERED";
  line.object = absl::StrCat("epoch ", row.membership.epoch.value);
  line.actor = row.actor;
  line.reason = row.reason;
  Audit(std::move(line), slot, times, writer);
}

void Sequencer::Evaluate(const OrderRequest& request, Turn* turn) {
  const LogTimes::Times times = Now();
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  // Nodes go by their own clocks: by those it stands until its time, not by the stamp's.
  OrderResult result = ChangeOrders(request, parts_.clock->WallNowUs(), &orders_, writer);
  if (result.unchanged) {
    writer->DropRequest();
  } else {
    AuditRow row = RowOf(WordOf(request), result.row, request.lift);
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

void Sequencer::Evaluate(const PolicyRequest& request, Turn* turn) {
  const LogTimes::Times times = Now();
  engine::EffectsWriter* const writer = evaluator_.writer();
  writer->BeginRequest();
  absl::StatusOr<PolicyResult> result = ChangePolicies(request, times.wall_us, &policies_, writer);
  const bool changed = result.ok() && !result->unchanged;
  Revision revision;
  if (changed) {
    AuditRow row;
    row.kind = AuditKind::kPolicy;
    row.what = WordOf(request);
    row.object = absl::StrCat("policy ", result->row.version);
    row.actor = request.actor;
    row.reason = request.reason;
    Audit(std::move(row), turn->id.slot, times, writer);
    revision = writer->EndRequest();
  } else {
    writer->DropRequest();
  }
  GatedAnswer gated = Gated(changed, turn);
  gated.until = GatedAnswer::Until::kApplied;
  gated.answer.position.revision = revision;
  if (result.ok()) {
    gated.answer.result = *std::move(result);
  } else {
    gated.answer.failure = PolicyRefusedFailure(result.status());
  }
  turn->gate->Add(std::move(gated));
}

}  // namespace baton::server
