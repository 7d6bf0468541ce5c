#include "server/rpc/call_context.h"

#include <algorithm>
#include <atomic>

#include "server/rpc/failure.h"

namespace baton::server {
namespace {

std::atomic<uint64_t> next_request_id{1};

}  // namespace

std::optional<int64_t> RemainingUs(std::chrono::system_clock::time_point deadline) {
  const auto now = std::chrono::system_clock::now();
  if (deadline - now > std::chrono::hours(24 * 365)) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::microseconds>(deadline - now).count();
}

Failure MakeCallContext(const CallOrigin& origin, const v1::RequestContext& request,
                        int64_t lease_now_us, CallContext* context) {
  if ((request.session() == 0) != (request.sequence() == 0)) {
    return InvalidRequest(
        "session and sequence go together: give both, with sequence from 1, or neither");
  }
  if (request.acked_below() > request.sequence()) {
    return InvalidRequest("acked_below is above sequence: the request itself cannot be answered");
  }
  if (!v1::Durability_IsValid(request.durability())) {
    return InvalidRequest("durability " + std::to_string(request.durability()) + " is not known");
  }
  if (request.actor().size() > kActorBytesMax) {
    return OverLimit("actor is too long", "actor_bytes_max=" + std::to_string(kActorBytesMax));
  }
  if (request.traceparent().size() > kTraceparentBytesMax) {
    return OverLimit("traceparent is too long",
                     "traceparent_bytes_max=" + std::to_string(kTraceparentBytesMax));
  }
  std::optional<int64_t> wait_us = origin.remaining_us;
  if (request.timeout_ms() != 0) {
    const int64_t timeout_us = int64_t{request.timeout_ms()} * 1000;
    wait_us = wait_us ? std::min(*wait_us, timeout_us) : timeout_us;
  }
  if (!wait_us) {
    return InvalidRequest(
        "the request has no deadline: set one on the call, or context.timeout_ms");
  }
  context->principal = origin.principal;
  context->actor = request.actor();
  context->traceparent = request.traceparent();
  context->stamp = {request.session(), request.sequence(), request.acked_below()};
  context->request_id = next_request_id.fetch_add(1, std::memory_order_relaxed);
  context->deadline_us = lease_now_us + std::min(*wait_us, kDeadlineUsMax);
  return {};
}

Failure CheckReason(const std::string& reason) {
  if (reason.size() <= kReasonBytesMax) return {};
  return OverLimit("the reason is too long", "reason_bytes_max=" + std::to_string(kReasonBytesMax));
}

}  // namespace baton::server
