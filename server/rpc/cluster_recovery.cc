// Unsafe recoveries, asked for by operators.
#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "server/replica/answers.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/failure.h"
#include "server/rpc/formation_wire.h"
#include "server/rpc/handover_wire.h"
#include "server/rpc/keyspace_wire.h"
#include "server/rpc/node_call.h"
#include "server/rpc/recovery.h"

namespace baton::server {
namespace {

constexpr size_t kApproverBytesMax = 64;

Failure CheckWords(const v1::RecoverRequest& request) {
  if (request.approved_by().empty() || request.approved_by().size() > kApproverBytesMax) {
    return InvalidRequest("say who has approved that data is given up, in at most 64 bytes");
  }
  if (request.reason().empty()) return InvalidRequest("say why the quorum is gone for good");
  return CheckReason(request.reason());
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::DescribeLog(grpc::CallbackServerContext* context,
                                                      const v1::DescribeLogRequest* request,
                                                      v1::DescribeLogResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  const Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  node->DescribeLog([node, reactor, response](const LogEnd& end) {
    ToProto(end.last.born, response->mutable_last_reign());
    response->set_last_slot(end.last.slot.value);
    response->set_last_wall_time_us(end.wall_time_us);
    for (const KeyspaceStatus& keyspace : node->Keyspaces()) {
      ToProto(keyspace, response->add_keyspaces());
    }
    response->set_plan(RecoveryPlan(node->Status(), end.last));
    reactor->Finish(ToGrpcStatus(end.failure));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::Recover(grpc::CallbackServerContext* context,
                                                  const v1::RecoverRequest* request,
                                                  v1::RecoverResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = CheckWords(*request);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  UnsafeRecovery recovery;
  recovery.actor = call.actor;
  recovery.approved_by = request->approved_by();
  recovery.reason = request->reason();
  recovery.wall_time_us = clock_->WallNowUs();
  node->DescribeLog(
      [this, node, reactor, response, recovery, plan = request->plan()](const LogEnd& end) mutable {
        recovery.last = end.last;
        RecoverNow(node, plan, end, std::move(recovery), reactor, response);
      });
  return reactor;
}

void ClusterService::RecoverNow(Node* node, const std::string& plan, const LogEnd& end,
                                UnsafeRecovery recovery, grpc::ServerUnaryReactor* reactor,
                                v1::RecoverResponse* response) {
  const NodeStatus now = node->Status();
  std::vector<NodeId> connected;
  for (const PeerReport& peer : peers_()) {
    if (peer.connected) connected.push_back(peer.node);
  }
  Failure failure = end.failure;
  if (failure.ok()) failure = CheckRecovery(now, connected);
  if (failure.ok() && plan != RecoveryPlan(now, end.last)) {
    failure = MembersRefusedFailure(absl::StatusCode::kFailedPrecondition,
                                    "this node is not as it was when the plan was made: it is " +
                                        RecoveryPlan(now, end.last) + " now; plan again");
  }
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return;
  }
  const std::optional<FormationRecord> formed = formation_->Formed();
  BATON_CHECK(formed.has_value()) << "a node runs that is not formed";
  FormationRecord record = AfterRecovery(*formed, now, std::move(recovery));
  response->set_epoch(record.epoch.value);
  for (const MemberInfo& member : record.recovery->left_behind) {
    ToProto(member, response->add_left_behind());
  }
  spdlog::critical("unsafe recovery {} by {}, approved by {}: this node goes on alone in epoch {}",
                   plan, record.recovery->actor, record.recovery->approved_by, record.epoch.value);
  formation_->Recover(std::move(record), [reactor](const std::string& problem) {
    Failure stored;
    if (!problem.empty()) stored = UnreadableFailure(absl::InternalError(problem));
    reactor->Finish(ToGrpcStatus(stored));
  });
}

}  // namespace baton::server
