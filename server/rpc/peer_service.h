// PeerService: the peer port. Identify and Join for formation; Stream, whose bytes the transport
// reads itself, on its own completion queue.
//
// Handlers run on gRPC's callback threads and never block. Outlives the server it is added to.
#pragma once

#include "baton/peer/v1/peer_service.grpc.pb.h"
#include "server/rpc/formation_host.h"

namespace baton::server {

using PeerServiceBase =
    peer::v1::Peer::WithRawMethod_Stream<peer::v1::Peer::WithCallbackMethod_Identify<
        peer::v1::Peer::WithCallbackMethod_Join<peer::v1::Peer::Service>>>;

class PeerService final : public PeerServiceBase {
 public:
  explicit PeerService(FormationHost* host) : host_(host) {}

  grpc::ServerUnaryReactor* Identify(grpc::CallbackServerContext* context,
                                     const peer::v1::IdentifyRequest* request,
                                     peer::v1::IdentifyResponse* response) override;
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const peer::v1::JoinRequest* request,
                                 peer::v1::JoinResponse* response) override;

 private:
  FormationHost* const host_;
};

}  // namespace baton::server
