#include "server/rpc/sessions_service.h"

#include <utility>

#include "server/rpc/node_call.h"
#include "server/rpc/session_wire.h"

namespace baton::server {

template <class Request, class Response>
grpc::ServerUnaryReactor* SessionsService::Serve(grpc::CallbackServerContext* context,
                                                 const Request& request, Response* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  engine::SessionRequest asked;
  Failure failure = BeginCall(*node_, *clock_, context, request, &node, &call);
  if (failure.ok()) failure = ParseRequest(request, &asked);
  if (failure.ok()) {
    Ask(node, asked, call, reactor, response);
  } else {
    reactor->Finish(ToGrpcStatus(failure));
  }
  return reactor;
}

grpc::ServerUnaryReactor* SessionsService::Open(grpc::CallbackServerContext* context,
                                                const v1::OpenSessionRequest* request,
                                                v1::OpenSessionResponse* response) {
  return Serve(context, *request, response);
}

grpc::ServerUnaryReactor* SessionsService::Keep(grpc::CallbackServerContext* context,
                                                const v1::KeepSessionRequest* request,
                                                v1::KeepSessionResponse* response) {
  return Serve(context, *request, response);
}

grpc::ServerUnaryReactor* SessionsService::End(grpc::CallbackServerContext* context,
                                               const v1::EndSessionRequest* request,
                                               v1::EndSessionResponse* response) {
  return Serve(context, *request, response);
}

grpc::ServerUnaryReactor* SessionsService::GetOutcome(grpc::CallbackServerContext* context,
                                                      const v1::GetOutcomeRequest* request,
                                                      v1::GetOutcomeResponse* response) {
  return Serve(context, *request, response);
}

}  // namespace baton::server
