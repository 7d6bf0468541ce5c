// Orders and the policy, as operators change them.
#include <utility>

#include "server/rpc/cluster_service.h"
#include "server/rpc/failure.h"
#include "server/rpc/node_call.h"
#include "server/rpc/order_wire.h"
#include "server/rpc/policy_wire.h"

namespace baton::server {

grpc::ServerUnaryReactor* ClusterService::ChangeOrder(grpc::CallbackServerContext* context,
                                                      const v1::ChangeOrderRequest* request,
                                                      v1::ChangeOrderResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  OrderRequest order;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = CheckReason(request->reason());
  if (failure.ok()) failure = ParseOrder(*request, *node, &order);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  order.actor = call.actor;
  order.reason = request->reason();
  Ask(node, std::move(order), call, reactor, response);
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::ChangePolicy(grpc::CallbackServerContext* context,
                                                       const v1::ChangePolicyRequest* request,
                                                       v1::ChangePolicyResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  PolicyRequest change;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = CheckReason(request->reason());
  if (failure.ok()) failure = ParsePolicyChange(*request, &change);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  change.actor = call.actor;
  change.reason = request->reason();
  Ask(node, std::move(change), call, reactor, response);
  return reactor;
}

}  // namespace baton::server
