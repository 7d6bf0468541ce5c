// Orders and the policy, as operators change them.
#include "server/rpc/cluster_service.h"
#include "server/rpc/failure.h"
#include "server/rpc/node_call.h"
#include "server/rpc/order_wire.h"
#include "server/rpc/policy_wire.h"

namespace baton::server {

grpc::ServerUnaryReactor* ClusterService::ChangeOrder(grpc::CallbackServerContext* context,
                                                      const v1::ChangeOrderRequest* request,
                                                      v1::ChangeOrderResponse* response) {
  return AskForChange<OrderRequest>(*node_, *clock_, context, *request, response, &ParseOrder);
}

grpc::ServerUnaryReactor* ClusterService::ChangePolicy(grpc::CallbackServerContext* context,
                                                       const v1::ChangePolicyRequest* request,
                                                       v1::ChangePolicyResponse* response) {
  return AskForChange<PolicyRequest>(
      *node_, *clock_, context, *request, response,
      [](const v1::ChangePolicyRequest& asked, const Node&, PolicyRequest* to) {
        return ParsePolicyChange(asked, to);
      });
}

}  // namespace baton::server
