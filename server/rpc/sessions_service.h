// SessionsService: sessions, as unary calls of the node that leads. On gRPC's callback threads.
// Outlives the server it is added to.
#pragma once

#include "baton/v1/sessions_service.grpc.pb.h"
#include "server/replica/clock.h"
#include "server/rpc/node_handle.h"

namespace baton::server {

class SessionsService final : public v1::Sessions::CallbackService {
 public:
  SessionsService(const NodeHandle* node, const Clock* clock) : node_(node), clock_(clock) {}

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context,
                                 const v1::OpenSessionRequest* request,
                                 v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* Keep(grpc::CallbackServerContext* context,
                                 const v1::KeepSessionRequest* request,
                                 v1::KeepSessionResponse* response) override;
  grpc::ServerUnaryReactor* End(grpc::CallbackServerContext* context,
                                const v1::EndSessionRequest* request,
                                v1::EndSessionResponse* response) override;
  grpc::ServerUnaryReactor* GetOutcome(grpc::CallbackServerContext* context,
                                       const v1::GetOutcomeRequest* request,
                                       v1::GetOutcomeResponse* response) override;

 private:
  template <class Request, class Response>
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, const Request& request,
                                  Response* response);

  const NodeHandle* const node_;
  const Clock* const clock_;
};

}  // namespace baton::server
