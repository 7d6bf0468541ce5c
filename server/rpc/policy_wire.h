// Policies between the wire and the node. Functions, any thread.
#pragma once

#include "baton/v1/cluster.pb.h"
#include "server/codec/policy_row.h"
#include "server/replica/node.h"

namespace baton::server {

// Fails for a change, a criterion or a limit that is none.
Failure ParsePolicyChange(const v1::ChangePolicyRequest& request, PolicyRequest* to);

void ToProto(const PolicyRow& from, v1::PolicyRecord* to);
// REQUIRES: the answer is ok.
Failure FillResponse(const Answer& answer, v1::ChangePolicyResponse* to);

}  // namespace baton::server
