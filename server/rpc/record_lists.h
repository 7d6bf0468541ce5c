// What the log has recorded for good, between the wire and the node: reigns, handovers,
// orders, policies, the audit, changes of keyspaces, lost writes. Each is a table of the system
// keyspace, listed row by row, in pages. Functions, any thread.
#pragma once

#include "baton/v1/cluster.pb.h"
#include "engine/state/request.h"
#include "server/replica/node.h"

namespace baton::server {

// The rows that a request asks for. INVALID_ARGUMENT: `after` is none that was given out, or the
// limit is too high.
Failure ParseRequest(const v1::ListReignsRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListHandoversRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListOrdersRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListPoliciesRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListAuditRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListKeyspaceChangesRequest& request, engine::ScanSpec* to);
Failure ParseRequest(const v1::ListLossesRequest& request, engine::ScanSpec* to);

// The answer to that. DATA_LOSS, FAILED_PRECONDITION: a row cannot be read.
Failure FillResponse(const Answer& answer, v1::ListReignsResponse* to);
Failure FillResponse(const Answer& answer, v1::ListHandoversResponse* to);
Failure FillResponse(const Answer& answer, v1::ListOrdersResponse* to);
Failure FillResponse(const Answer& answer, v1::ListPoliciesResponse* to);
Failure FillResponse(const Answer& answer, v1::ListAuditResponse* to);
Failure FillResponse(const Answer& answer, v1::ListKeyspaceChangesResponse* to);
Failure FillResponse(const Answer& answer, v1::ListLossesResponse* to);

}  // namespace baton::server
