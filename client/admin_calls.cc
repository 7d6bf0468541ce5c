#include "client/admin_calls.h"

#include <chrono>

#include "client/grpc_network.h"

namespace baton {

absl::StatusOr<std::shared_ptr<grpc::Channel>> Admin::Impl::ChannelOf(const std::string& endpoint) {
  absl::Status checked = client::CheckEndpoint(endpoint);
  if (!checked.ok()) return checked;
  MutexLock lock(&mutex);
  std::shared_ptr<grpc::Channel>& channel = channels[endpoint];
  if (channel == nullptr) channel = client::MakeChannel(endpoint);
  return channel;
}

absl::StatusOr<std::unique_ptr<v1::Cluster::Stub>> Admin::Impl::StubOf(
    const std::string& endpoint) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ChannelOf(endpoint);
  if (!channel.ok()) return channel.status();
  return v1::Cluster::NewStub(*channel);
}

namespace client {

bool MayAnotherKnow(const absl::Status& status) {
  switch (GetReason(status)) {
    case Reason::kUnformed:
    case Reason::kNoLeader:
    case Reason::kNotLeader:
    case Reason::kShuttingDown:
      return true;
    case Reason::kUnspecified:
      return absl::IsUnavailable(status);
    default:
      return false;
  }
}

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void ToWire(const MemberRef& from, v1::MemberRef* to) {
  to->set_name(from.name);
  to->set_node_id(from.node_id);
}

MemberInfo FromWire(const v1::Member& from) {
  MemberInfo member;
  member.node_id = from.node_id();
  member.name = from.name();
  member.directory_id = Hex(from.directory_id());
  member.client_address = from.client_address();
  member.peer_address = from.peer_address();
  member.role = static_cast<Role>(from.role());
  return member;
}

v1::RequestContext ContextOf(const CallOptions& options) {
  v1::RequestContext context;
  context.set_keyspace(options.keyspace);
  context.set_timeout_ms(static_cast<uint32_t>(options.timeout.count()));
  context.set_actor(options.actor);
  context.set_traceparent(options.traceparent);
  return context;
}

void SetDeadline(const CallOptions& options, grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + options.timeout);
}

absl::Status ToStatus(const grpc::Status& status, const std::string& endpoint) {
  if (status.ok()) return absl::OkStatus();
  const absl::Status error = FromGrpc(status);
  absl::Status named(error.code(), endpoint + ": " + std::string(error.message()));
  error.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
  return named;
}

}  // namespace client
}  // namespace baton
