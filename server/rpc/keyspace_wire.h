// Keyspaces between the wire and the node. Functions, any thread.
#pragma once

#include <string>

#include "baton/v1/cluster.pb.h"
#include "engine/state/keyspace_change.h"
#include "server/replica/node.h"

namespace baton::server {

// The change that a request asks for; it refuses unknown modes, and a drop that is not confirmed.
Failure ParseChange(const v1::CreateKeyspaceRequest& request, engine::KeyspaceRequest* to);
Failure ParseChange(const v1::AlterKeyspaceRequest& request, engine::KeyspaceRequest* to);
Failure ParseChange(const v1::DropKeyspaceRequest& request, engine::KeyspaceRequest* to);

void ToProto(const engine::KeyspaceInfo& from, v1::Keyspace* to);
void ToProto(const KeyspaceStatus& from, v1::Keyspace* to);
// REQUIRES: the answer is ok.
Failure FillResponse(const Answer& answer, v1::ChangeKeyspaceResponse* to);

}  // namespace baton::server
