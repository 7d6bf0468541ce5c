#include "server/rpc/peer_caller.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <optional>

#include "baton/peer/v1/peer_service.grpc.pb.h"
#include "server/codec/peer_codec.h"
#include "server/rpc/channel.h"
#include "server/rpc/formation_wire.h"
#include "server/rpc/id_bytes.h"

namespace baton::server {
namespace {

// Waits for the node to answer rather than failing at once: it may be starting.
void Prepare(grpc::ClientContext* context, int64_t timeout_us) {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout_us));
  context->set_wait_for_ready(true);
}

absl::Status Unreachable(const std::string& address, const grpc::Status& status) {
  return absl::UnavailableError("no answer from " + address + ": " + status.error_message());
}

}  // namespace

absl::StatusOr<NodeCard> GrpcPeerCaller::Identify(const std::string& address, int64_t timeout_us) {
  const auto stub = peer::v1::Peer::NewStub(ConnectToNode(address));
  grpc::ClientContext context;
  Prepare(&context, timeout_us);
  peer::v1::IdentifyResponse response;
  const grpc::Status status = stub->Identify(&context, {}, &response);
  if (!status.ok()) return Unreachable(address, status);
  if (response.wire_version() != kWireVersion) {
    return absl::FailedPreconditionError("the node at " + address + " speaks wire version " +
                                         std::to_string(response.wire_version()) + ", this one " +
                                         std::to_string(kWireVersion));
  }
  const std::optional<Id128> directory = IdFromBytes(response.directory_id());
  const std::optional<Id128> cluster = IdFromBytes(response.cluster_id());
  if (!directory || directory->IsZero() || !cluster) {
    return absl::FailedPreconditionError("the node at " + address + " gives malformed ids");
  }
  return NodeCard{response.name(), *directory, *cluster, response.client_address(),
                  response.peer_address()};
}

absl::Status GrpcPeerCaller::Join(const std::string& address, const FormationRecord& record,
                                  int64_t timeout_us) {
  const auto stub = peer::v1::Peer::NewStub(ConnectToNode(address));
  grpc::ClientContext context;
  Prepare(&context, timeout_us);
  peer::v1::JoinResponse response;
  const grpc::Status status = stub->Join(&context, ToJoinRequest(record), &response);
  if (!status.ok()) return Unreachable(address, status);
  if (!response.refused().empty()) {
    return absl::FailedPreconditionError("the node at " + address +
                                         " refuses: " + response.refused());
  }
  return absl::OkStatus();
}

}  // namespace baton::server
