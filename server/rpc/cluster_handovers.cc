// Handovers, asked for by operators.
#include <utility>

#include "server/rpc/cluster_service.h"
#include "server/rpc/failure.h"
#include "server/rpc/handover_wire.h"
#include "server/rpc/node_call.h"

namespace baton::server {

template <class Request, class Response>
grpc::ServerUnaryReactor* ClusterService::AskForHandover(grpc::CallbackServerContext* context,
                                                         const Request* request,
                                                         Response* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  HandoverCall asked;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = ParseRequest(*request, *node, &asked);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  asked.actor = call.actor;
  asked.deadline_us = call.deadline_us;
  node->Handover(std::move(asked), [reactor, response](const HandoverResult& result) {
    ToProto(result, response);
    reactor->Finish(ToGrpcStatus(result.failure));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::StartHandover(grpc::CallbackServerContext* context,
                                                        const v1::StartHandoverRequest* request,
                                                        v1::HandoverResponse* response) {
  return AskForHandover(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::AbortHandover(grpc::CallbackServerContext* context,
                                                        const v1::AbortHandoverRequest* request,
                                                        v1::HandoverResponse* response) {
  return AskForHandover(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ApproveHandover(grpc::CallbackServerContext* context,
                                                          const v1::ApproveHandoverRequest* request,
                                                          v1::HandoverResponse* response) {
  return AskForHandover(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ShowHandover(grpc::CallbackServerContext* context,
                                                       const v1::ShowHandoverRequest* request,
                                                       v1::HandoverResponse* response) {
  return AskForHandover(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::PredictHandover(grpc::CallbackServerContext* context,
                                                          const v1::PredictHandoverRequest* request,
                                                          v1::PredictHandoverResponse* response) {
  return AskForHandover(context, request, response);
}

}  // namespace baton::server
