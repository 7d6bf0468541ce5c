#include "server/rpc/peer_service.h"

#include <utility>

#include "server/codec/peer_codec.h"
#include "server/rpc/formation_wire.h"
#include "server/rpc/id_bytes.h"

namespace baton::server {

grpc::ServerUnaryReactor* PeerService::Identify(grpc::CallbackServerContext* context,
                                                const peer::v1::IdentifyRequest*,
                                                peer::v1::IdentifyResponse* response) {
  const NodeCard card = host_->Identify();
  response->set_name(card.name);
  response->set_directory_id(IdToBytes(card.directory));
  if (!card.cluster.IsZero()) response->set_cluster_id(IdToBytes(card.cluster));
  response->set_client_address(card.client_address);
  response->set_peer_address(card.peer_address);
  response->set_wire_version(kWireVersion);
  response->set_state(card.cluster.IsZero() ? "unformed" : "formed");
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* PeerService::Join(grpc::CallbackServerContext* context,
                                            const peer::v1::JoinRequest* request,
                                            peer::v1::JoinResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<FormationRecord> record = FromJoinRequest(*request);
  if (!record.ok()) {
    response->set_refused(std::string(record.status().message()));
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  host_->Join(*std::move(record), [reactor, response](std::string refused) {
    response->set_refused(std::move(refused));
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

}  // namespace baton::server
