// Requests on sessions between the wire and the node. Functions, any thread.
#pragma once

#include "baton/v1/sessions.pb.h"
#include "engine/state/sessions.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr uint32_t kSessionTtlMsDefault = 600'000;

Failure ParseRequest(const v1::OpenSessionRequest& request, engine::SessionRequest* to);
Failure ParseRequest(const v1::KeepSessionRequest& request, engine::SessionRequest* to);
Failure ParseRequest(const v1::EndSessionRequest& request, engine::SessionRequest* to);
Failure ParseRequest(const v1::GetOutcomeRequest& request, engine::SessionRequest* to);

// REQUIRES of all: the answer is ok. None fails.
Failure FillResponse(const Answer& answer, v1::OpenSessionResponse* to);
Failure FillResponse(const Answer& answer, v1::KeepSessionResponse* to);
Failure FillResponse(const Answer& answer, v1::EndSessionResponse* to);
Failure FillResponse(const Answer& answer, v1::GetOutcomeResponse* to);

}  // namespace baton::server
