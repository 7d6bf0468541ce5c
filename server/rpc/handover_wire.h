// Handovers between the wire and the node. Functions, any thread.
#pragma once

#include "base/types.h"
#include "baton/v1/cluster.pb.h"
#include "server/codec/handover_row.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr uint32_t kHandoverDeadlineMsDefault = 30'000;
inline constexpr uint32_t kHandoverDeadlineMsMax = 600'000;
inline constexpr uint32_t kProbationMsMax = 600'000;
inline constexpr uint32_t kApprovalMsDefault = 600'000;
inline constexpr uint32_t kApprovalMsMax = 86'400'000;

void ToProto(const Ballot& from, v1::BallotNumber* to);
void ToProto(const HandoverRow& from, v1::HandoverRecord* to);
void ToProto(const HandoverResult& from, v1::HandoverResponse* to);
void ToProto(const HandoverResult& from, v1::PredictHandoverResponse* to);

// The call that a request is; a target is looked up among the members that `node` knows. Fails for
// an id that is none, a member that is none, and what is over a limit.
Failure ParseRequest(const v1::StartHandoverRequest& request, const Node& node, HandoverCall* to);
Failure ParseRequest(const v1::AbortHandoverRequest& request, const Node& node, HandoverCall* to);
Failure ParseRequest(const v1::ApproveHandoverRequest& request, const Node& node, HandoverCall* to);
Failure ParseRequest(const v1::ShowHandoverRequest& request, const Node& node, HandoverCall* to);
Failure ParseRequest(const v1::PredictHandoverRequest& request, const Node& node, HandoverCall* to);

}  // namespace baton::server
