// Handovers: asked of the node that leads, again while that changes.
#include <random>

#include "client/admin_calls.h"

namespace baton {
namespace {

// 64 random bits, as text.
std::string NewId() {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(device());
  return client::Hex(bytes);
}

// Each answer with the same id is as good as the first: it is asked for until somebody leads.
template <class Impl, class Request, class Response>
absl::StatusOr<Response> AskUntilTold(
    Impl* impl,
    grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    Request request, const CallOptions& options) {
  Response response;
  const absl::Status status = client::AskAgain(
      options,
      [&](const CallOptions& left) {
        *request.mutable_context() = client::ContextOf(left);
        return impl->AskLeader(method, request, left, &response);
      },
      [](const absl::Status& failed) {
        return client::MayAnotherKnow(failed) || IsOutcomeUnknown(failed);
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<HandoverInfo> InfoOf(const absl::StatusOr<v1::HandoverResponse>& response) {
  if (!response.ok()) return response.status();
  return client::FromWire(response->handover());
}

template <class Checks>
std::vector<HandoverCheckInfo> ChecksOf(const Checks& from) {
  std::vector<HandoverCheckInfo> to;
  for (const v1::HandoverCheck& check : from) {
    to.push_back({check.name(), check.limit(), check.measured(), check.passed()});
  }
  return to;
}

}  // namespace

const char* HandoverStateName(HandoverState state) {
  constexpr size_t kPrefixSize = sizeof("HANDOVER_STATE_") - 1;
  const int number = static_cast<int>(state);
  if (!v1::HandoverState_IsValid(number)) return "UNSPECIFIED";
  return v1::HandoverState_Name(static_cast<v1::HandoverState>(number)).c_str() + kPrefixSize;
}

HandoverInfo client::FromWire(const v1::HandoverRecord& from) {
  HandoverInfo to;
  to.id = from.id();
  to.asked_to = from.asked_to();
  to.to = from.to();
  to.reason = from.reason();
  to.actor = from.actor();
  to.deadline_ms = from.deadline_ms();
  to.probation_ms = from.probation_ms();
  to.round = from.ballot().round();
  to.from = from.ballot().node();
  for (const v1::HandoverStep& step : from.steps()) {
    to.steps.push_back({static_cast<HandoverState>(step.state()), step.slot(), step.log_time_us(),
                        step.wall_time_us()});
  }
  to.checks = ChecksOf(from.checks());
  to.outcome = from.outcome();
  to.successor_round = from.successor().round();
  to.successor_node = from.successor().node();
  to.write_pause_us = from.write_pause_us();
  to.risk = from.risk();
  to.approved_by = from.approved_by();
  to.approval_reason = from.approval_reason();
  to.approved_until_us = from.approved_until_us();
  to.policy = from.policy();
  to.shadow_policy = from.shadow_policy();
  to.otherwise = from.otherwise();
  to.ended_by = from.ended_by();
  to.last_write_us = from.last_write_us();
  to.first_write_us = from.first_write_us();
  return to;
}

absl::StatusOr<HandoverInfo> Admin::StartHandover(const HandoverOrder& order,
                                                  const CallOptions& options) {
  v1::StartHandoverRequest request;
  request.set_id(order.id.empty() ? NewId() : order.id);
  client::ToWire(order.to, request.mutable_to());
  request.set_reason(order.reason);
  request.set_deadline_ms(static_cast<uint32_t>(order.deadline.count()));
  request.set_probation_ms(static_cast<uint32_t>(order.probation.count()));
  request.set_wait(order.wait);
  return InfoOf(
      AskUntilTold(impl_.get(), &v1::Cluster::Stub::StartHandover, std::move(request), options));
}

absl::StatusOr<HandoverInfo> Admin::AbortHandover(const std::string& id, const std::string& reason,
                                                  const CallOptions& options) {
  v1::AbortHandoverRequest request;
  request.set_id(id);
  request.set_reason(reason);
  return InfoOf(
      AskUntilTold(impl_.get(), &v1::Cluster::Stub::AbortHandover, std::move(request), options));
}

absl::StatusOr<HandoverInfo> Admin::ApproveHandover(const std::string& id,
                                                    const std::string& reason,
                                                    std::chrono::milliseconds holds,
                                                    const CallOptions& options) {
  v1::ApproveHandoverRequest request;
  request.set_id(id);
  request.set_reason(reason);
  request.set_for_ms(static_cast<uint32_t>(holds.count()));
  return InfoOf(
      AskUntilTold(impl_.get(), &v1::Cluster::Stub::ApproveHandover, std::move(request), options));
}

absl::StatusOr<HandoverInfo> Admin::ShowHandover(const std::string& id, bool wait,
                                                 const CallOptions& options) {
  v1::ShowHandoverRequest request;
  request.set_id(id);
  request.set_wait(wait);
  return InfoOf(
      AskUntilTold(impl_.get(), &v1::Cluster::Stub::ShowHandover, std::move(request), options));
}

absl::StatusOr<HandoverForecast> Admin::PredictHandover(const MemberRef& to,
                                                        const CallOptions& options) {
  v1::PredictHandoverRequest request;
  client::ToWire(to, request.mutable_to());
  const auto response =
      AskUntilTold(impl_.get(), &v1::Cluster::Stub::PredictHandover, std::move(request), options);
  if (!response.ok()) return response.status();
  return HandoverForecast{response->to(), ChecksOf(response->checks()), response->refusal(),
                          response->risk(), response->write_pause_us()};
}

}  // namespace baton
