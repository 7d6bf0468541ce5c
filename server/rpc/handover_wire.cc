#include "server/rpc/handover_wire.h"

#include <string>

#include "server/rpc/call_context.h"
#include "server/rpc/failure.h"
#include "server/rpc/find_member.h"

namespace baton::server {
namespace {

Failure CheckId(const absl::Status& status) {
  return status.ok() ? Failure() : InvalidRequest(std::string(status.message()));
}

Failure CheckMs(const char* what, uint32_t ms, uint32_t ms_max) {
  if (ms <= ms_max) return {};
  return OverLimit(std::string("the ") + what + " of the handover is too long",
                   std::string(what) + "_ms_max=" + std::to_string(ms_max));
}

// NodeId{}: none is named.
Failure FindTarget(const v1::MemberRef& to, const Node& node, NodeId* found) {
  if (to.name().empty() && to.node_id() == 0) return {};
  Failure failure;
  const std::vector<MemberInfo> members = node.Status().members;
  const MemberInfo* member =
      FindMember(members, MemberRef{to.name(), NodeId{to.node_id()}}, &failure);
  if (member != nullptr) *found = member->node;
  return failure;
}

void ToProto(const HandoverCheck& from, v1::HandoverCheck* to) {
  to->set_name(from.name);
  to->set_limit(from.limit);
  to->set_measured(from.measured);
  to->set_passed(from.passed);
}

int64_t UsOf(uint32_t ms) { return int64_t{ms} * 1'000; }

}  // namespace

static_assert(static_cast<int>(HandoverState::kApproved) == v1::HANDOVER_STATE_APPROVED);
static_assert(static_cast<int>(HandoverState::kRejected) == v1::HANDOVER_STATE_REJECTED);
static_assert(static_cast<int>(HandoverState::kSealed) == v1::HANDOVER_STATE_SEALED);

void ToProto(const Ballot& from, v1::BallotNumber* to) {
  to->set_round(from.round);
  to->set_node(from.node.value);
}

void ToProto(const HandoverRow& from, v1::HandoverRecord* to) {
  to->set_id(from.order.id);
  to->set_number(from.number);
  to->set_asked_to(from.order.to.value);
  to->set_to(from.to.value);
  to->set_reason(from.order.reason);
  to->set_actor(from.actor);
  to->set_deadline_ms(from.order.deadline_us / 1'000);
  to->set_probation_ms(from.order.probation_us / 1'000);
  ToProto(from.ballot, to->mutable_ballot());
  for (const HandoverStep& step : from.steps) {
    v1::HandoverStep* const added = to->add_steps();
    added->set_state(static_cast<v1::HandoverState>(step.state));
    added->set_slot(step.slot.value);
    added->set_log_time_us(step.log_time_us);
    added->set_wall_time_us(step.wall_time_us);
  }
  for (const HandoverCheck& check : from.checks) ToProto(check, to->add_checks());
  to->set_outcome(from.outcome);
  ToProto(from.successor, to->mutable_successor());
  to->set_write_pause_us(from.write_pause_us);
  to->set_risk(from.approval.risk);
  to->set_approved_by(from.approval.actor);
  to->set_approval_reason(from.approval.reason);
  to->set_approved_until_us(from.approval.until_us);
  to->set_policy(from.opinion.policy);
  to->set_shadow_policy(from.opinion.shadow);
  to->set_otherwise(from.opinion.otherwise);
  to->set_ended_by(from.ended_by);
  to->set_last_write_us(from.last_write_us);
  to->set_first_write_us(from.first_write_us);
}

void ToProto(const HandoverResult& from, v1::HandoverResponse* to) {
  if (from.row) ToProto(*from.row, to->mutable_handover());
}

void ToProto(const HandoverResult& from, v1::PredictHandoverResponse* to) {
  if (!from.forecast) return;
  to->set_to(from.forecast->to.value);
  for (const HandoverCheck& check : from.forecast->checks) ToProto(check, to->add_checks());
  to->set_refusal(from.forecast->refusal);
  to->set_write_pause_us(from.forecast->write_pause_us);
  to->set_risk(from.forecast->risk);
}

Failure ParseRequest(const v1::StartHandoverRequest& request, const Node& node, HandoverCall* to) {
  Failure failure = CheckId(CheckNewHandoverId(request.id()));
  if (failure.ok()) failure = CheckReason(request.reason());
  if (failure.ok()) failure = CheckMs("deadline", request.deadline_ms(), kHandoverDeadlineMsMax);
  if (failure.ok()) failure = CheckMs("probation", request.probation_ms(), kProbationMsMax);
  if (failure.ok()) failure = FindTarget(request.to(), node, &to->order.to);
  to->what = HandoverCall::What::kStart;
  to->order.id = request.id();
  to->order.reason = request.reason();
  to->order.deadline_us =
      UsOf(request.deadline_ms() == 0 ? kHandoverDeadlineMsDefault : request.deadline_ms());
  to->order.probation_us = UsOf(request.probation_ms());
  to->wait = request.wait();
  return failure;
}

Failure ParseRequest(const v1::AbortHandoverRequest& request, const Node&, HandoverCall* to) {
  Failure failure = CheckId(CheckHandoverId(request.id()));
  if (failure.ok()) failure = CheckReason(request.reason());
  to->what = HandoverCall::What::kAbort;
  to->order.id = request.id();
  to->order.reason = request.reason();
  return failure;
}

Failure ParseRequest(const v1::ApproveHandoverRequest& request, const Node&, HandoverCall* to) {
  Failure failure = CheckId(CheckHandoverId(request.id()));
  if (failure.ok()) failure = CheckReason(request.reason());
  if (failure.ok() && request.for_ms() > kApprovalMsMax) {
    failure = OverLimit("the approval would hold for too long",
                        "approval_ms_max=" + std::to_string(kApprovalMsMax));
  }
  to->what = HandoverCall::What::kApprove;
  to->order.id = request.id();
  to->order.reason = request.reason();
  to->approved_for_us = UsOf(request.for_ms() == 0 ? kApprovalMsDefault : request.for_ms());
  to->wait = false;
  return failure;
}

Failure ParseRequest(const v1::ShowHandoverRequest& request, const Node&, HandoverCall* to) {
  to->what = HandoverCall::What::kShow;
  to->order.id = request.id();
  to->wait = request.wait();
  return CheckId(CheckHandoverId(request.id()));
}

Failure ParseRequest(const v1::PredictHandoverRequest& request, const Node& node,
                     HandoverCall* to) {
  to->what = HandoverCall::What::kPredict;
  return FindTarget(request.to(), node, &to->order.to);
}

}  // namespace baton::server
