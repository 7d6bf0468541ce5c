#include "server/rpc/session_wire.h"

#include <string>
#include <variant>

#include "base/check.h"
#include "server/replica/answers.h"
#include "server/rpc/failure.h"

namespace baton::server {
namespace {

Failure CheckSession(uint64_t session) {
  return session == 0 ? InvalidRequest("session is 0: name one that Open has given") : Failure();
}

template <class Response>
const engine::SessionResult& Fill(const Answer& answer, Response* to) {
  const auto* result = std::get_if<engine::SessionResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "a request on sessions was answered with something else";
  FillPosition(answer, to);
  return *result;
}

void ToProto(const Answer& answer, const engine::WriteResult& from, v1::WriteOutcome* to) {
  to->set_revision(from.revision.value);
  if (from.existed) to->set_existed(*from.existed);
  if (from.deleted) to->set_count(*from.deleted);
  to->mutable_numbers()->Assign(from.numbers.begin(), from.numbers.end());
  if (!from.rejection) return;
  Failure rejected = RejectedFailure(*from.rejection);
  rejected.judged = Judged{answer.position, answer.durability};
  server::ToProto(rejected, to->mutable_rejection());
  to->set_rejection_code(static_cast<int>(rejected.code));
}

void ToProto(const engine::LossName& from, v1::LossRef* to) {
  to->set_born_round(from.entry.born.round);
  to->set_born_node(from.entry.born.node.value);
  to->set_slot(from.entry.slot.value);
  to->set_index(from.index);
}

using Outcome = engine::SessionResult::Outcome;
static_assert(static_cast<int>(Outcome::kApplied) == v1::OUTCOME_APPLIED);
static_assert(static_cast<int>(Outcome::kNotApplied) == v1::OUTCOME_NOT_APPLIED);
static_assert(static_cast<int>(Outcome::kLost) == v1::OUTCOME_LOST);
static_assert(static_cast<int>(Outcome::kExpired) == v1::OUTCOME_EXPIRED);

}  // namespace

Failure ParseRequest(const v1::OpenSessionRequest& request, engine::SessionRequest* to) {
  const uint64_t ttl_ms = request.ttl_ms() == 0 ? kSessionTtlMsDefault : request.ttl_ms();
  if (ttl_ms < engine::kSessionTtlMsMin || ttl_ms > engine::kSessionTtlMsMax) {
    return InvalidRequest("ttl_ms is " + std::to_string(ttl_ms) + ": give " +
                          std::to_string(engine::kSessionTtlMsMin) + " to " +
                          std::to_string(engine::kSessionTtlMsMax) + ", or 0");
  }
  *to = engine::OpenSession{ttl_ms};
  return {};
}

Failure ParseRequest(const v1::KeepSessionRequest& request, engine::SessionRequest* to) {
  *to = engine::TouchSession{request.session()};
  return CheckSession(request.session());
}

Failure ParseRequest(const v1::EndSessionRequest& request, engine::SessionRequest* to) {
  *to = engine::EndSession{request.session()};
  return CheckSession(request.session());
}

Failure ParseRequest(const v1::GetOutcomeRequest& request, engine::SessionRequest* to) {
  if (request.sequence() == 0) {
    return InvalidRequest("sequence is 0: name the number of the request that you ask about");
  }
  *to = engine::GetOutcome{request.session(), request.sequence()};
  return CheckSession(request.session());
}

Failure FillResponse(const Answer& answer, v1::OpenSessionResponse* to) {
  const engine::SessionResult& result = Fill(answer, to);
  to->set_session(result.session);
  to->set_ttl_ms(static_cast<uint32_t>(result.ttl_ms));
  return {};
}

Failure FillResponse(const Answer& answer, v1::KeepSessionResponse* to) {
  Fill(answer, to);
  return {};
}

Failure FillResponse(const Answer& answer, v1::EndSessionResponse* to) {
  Fill(answer, to);
  return {};
}

Failure FillResponse(const Answer& answer, v1::GetOutcomeResponse* to) {
  const engine::SessionResult& result = Fill(answer, to);
  to->set_outcome(static_cast<v1::Outcome>(result.outcome));
  if (result.outcome == Outcome::kApplied) ToProto(answer, result.result, to->mutable_result());
  if (result.outcome == Outcome::kLost) ToProto(result.lost, to->mutable_lost());
  return {};
}

}  // namespace baton::server
