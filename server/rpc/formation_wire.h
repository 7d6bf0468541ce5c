// Formation records and members as protobuf messages, and back. Functions, any thread.
#pragma once

#include "absl/status/statusor.h"
#include "baton/peer/v1/peer.pb.h"
#include "baton/v1/cluster.pb.h"
#include "server/rpc/formation_host.h"

namespace baton::server {

peer::v1::JoinRequest ToJoinRequest(const FormationRecord& record);
// Errors: INVALID_ARGUMENT. Checks shapes; whether the record fits this node is the host's to say.
absl::StatusOr<FormationRecord> FromJoinRequest(const peer::v1::JoinRequest& request);

void ToProto(const MemberInfo& member, v1::Member* to);

}  // namespace baton::server
