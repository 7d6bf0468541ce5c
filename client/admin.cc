#include "baton/admin.h"

#include <functional>
#include <utility>

#include "base/mutex.h"
#include "baton/v1/kv_service.grpc.pb.h"
#include "client/admin_calls.h"

namespace baton {
namespace {

using client::Ask;
using client::ContextOf;
using client::ErrorOf;
using client::FromWire;
using client::Hex;
using client::SetDeadline;
using client::ToStatus;

BuildInfo FromWire(const v1::VersionInfo& from) {
  BuildInfo build;
  build.version = from.version();
  build.commit = from.commit();
  build.build = from.build();
  build.rocksdb = from.rocksdb();
  build.grpc = from.grpc();
  build.compiler = from.compiler();
  build.wire_version = from.wire_version();
  build.wal_version = from.wal_version();
  build.entry_version = from.entry_version();
  build.row_version = from.row_version();
  build.cluster_version = from.cluster_version();
  return build;
}

NodeStatus FromWire(const v1::StatusResponse& from) {
  NodeStatus status;
  status.cluster_id = Hex(from.cluster_id());
  status.node_id = from.node_id();
  status.name = from.name();
  status.state = from.state();
  status.ballot_round = from.ballot().round();
  status.ballot_node = from.ballot().node();
  status.leader = from.leader();
  status.leader_address = from.leader_address();
  status.healthy = from.healthy();
  status.reason = from.reason();
  status.durable_slot = from.durable_slot();
  status.commit_slot = from.commit_slot();
  status.applied_slot = from.applied_slot();
  status.flushed_slot = from.flushed_slot();
  status.first_slot = from.first_slot();
  status.epoch = from.epoch();
  status.changing = from.changing();
  status.profile = from.profile();
  for (const v1::Member& member : from.members()) status.members.push_back(FromWire(member));
  for (const v1::PeerProgress& peer : from.peers()) {
    status.peers.push_back({peer.name(), peer.node_id(), peer.match_slot(), peer.connected()});
  }
  for (const v1::MemberHealth& health : from.health()) {
    status.health.push_back({health.name(), health.node_id(), health.barred(), health.recovering(),
                             health.lag(), health.disk(), health.region(), health.priority()});
  }
  status.build = FromWire(from.version());
  return status;
}

}  // namespace

const char* RoleName(Role role) {
  switch (role) {
    case Role::kVoter:
      return "voter";
    case Role::kLearner:
      return "learner";
    case Role::kWitness:
      return "witness";
    case Role::kUnspecified:
      break;
  }
  return "unspecified";
}

absl::StatusOr<std::unique_ptr<Admin>> Admin::Connect(ClientOptions options) {
  absl::Status checked = client::CheckEndpoints(options.endpoints);
  if (!checked.ok()) return checked;
  return std::unique_ptr<Admin>(new Admin(std::make_unique<Impl>(std::move(options.endpoints))));
}

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

const std::vector<std::string>& Admin::endpoints() const { return impl_->endpoints; }

absl::StatusOr<Formation> Admin::Init(const std::vector<PlannedMember>& members,
                                      const std::string& profile, const CallOptions& options) {
  v1::InitRequest request;
  *request.mutable_context() = ContextOf(options);
  request.set_profile(profile);
  for (const PlannedMember& member : members) {
    v1::InitRequest::Planned* const planned = request.add_members();
    planned->set_name(member.name);
    planned->set_peer_address(member.peer_address);
  }
  absl::Status status;
  for (const std::string& endpoint : impl_->endpoints) {
    v1::InitResponse response;
    status = Ask(impl_->StubOf(endpoint), endpoint, options, &v1::Cluster::Stub::Init, request,
                 &response);
    // A node that answered, with whatever error, has decided: only one out of reach is passed by.
    if (absl::IsUnavailable(status) && GetReason(status) == Reason::kUnspecified) continue;
    if (!status.ok()) return status;
    absl::Status inner = ErrorOf(response);
    if (!inner.ok()) return inner;
    Formation formation;
    formation.cluster_id = Hex(response.cluster_id());
    formation.already_formed = response.already_formed();
    for (const v1::Member& member : response.members()) {
      formation.members.push_back(FromWire(member));
    }
    return formation;
  }
  return status;
}

absl::StatusOr<NodeStatus> Admin::Status(const std::string& endpoint, const CallOptions& options) {
  v1::StatusRequest request;
  *request.mutable_context() = ContextOf(options);
  v1::StatusResponse response;
  absl::Status status = Ask(impl_->StubOf(endpoint), endpoint, options, &v1::Cluster::Stub::Status,
                            request, &response);
  if (!status.ok()) return status;
  return FromWire(response);
}

std::vector<NodeReport> Admin::StatusAll(const CallOptions& options) {
  struct Asked {
    std::unique_ptr<v1::Cluster::Stub> stub;
    grpc::ClientContext context;
    v1::StatusResponse response;
    grpc::Status status;
  };
  absl::Status checked = client::CheckOptions(options);
  std::vector<NodeReport> reports;
  if (!checked.ok()) {
    for (const std::string& endpoint : impl_->endpoints) reports.push_back({endpoint, checked});
    return reports;
  }
  v1::StatusRequest request;
  *request.mutable_context() = ContextOf(options);
  std::vector<Asked> asked(impl_->endpoints.size());
  Mutex mutex;
  CondVar answered;
  size_t waiting = asked.size();
  for (size_t i = 0; i < asked.size(); ++i) {
    Asked& one = asked[i];
    one.stub = *impl_->StubOf(impl_->endpoints[i]);  // checked by Connect
    SetDeadline(options, &one.context);
    one.stub->async()->Status(&one.context, &request, &one.response, [&](grpc::Status status) {
      MutexLock lock(&mutex);
      one.status = std::move(status);
      if (--waiting == 0) answered.NotifyOne();
    });
  }
  MutexLock lock(&mutex);
  while (waiting > 0) answered.Wait(&mutex);
  for (size_t i = 0; i < asked.size(); ++i) {
    const std::string& endpoint = impl_->endpoints[i];
    absl::Status status = ToStatus(asked[i].status, endpoint);
    if (status.ok()) {
      reports.push_back({endpoint, FromWire(asked[i].response)});
    } else {
      reports.push_back({endpoint, std::move(status)});
    }
  }
  return reports;
}

absl::StatusOr<DigestInfo> Admin::Digest(const std::string& endpoint, uint64_t slot,
                                         const CallOptions& options) {
  v1::DigestRequest request;
  *request.mutable_context() = ContextOf(options);
  request.set_slot(slot);
  v1::DigestResponse response;
  absl::Status status = Ask(impl_->StubOf(endpoint), endpoint, options, &v1::Cluster::Stub::Digest,
                            request, &response);
  if (status.ok()) status = ErrorOf(response);
  if (!status.ok()) return status;
  return DigestInfo{response.digest(), response.count(), response.applied_slot()};
}

absl::StatusOr<BuildInfo> Admin::Version(const std::string& endpoint, const CallOptions& options) {
  v1::VersionResponse response;
  absl::Status status = Ask(impl_->StubOf(endpoint), endpoint, options, &v1::Cluster::Stub::Version,
                            v1::VersionRequest(), &response);
  if (!status.ok()) return status;
  return FromWire(response.info());
}

absl::StatusOr<GetResult> Admin::GetThrough(const std::string& endpoint, std::string_view key,
                                            const CallOptions& options) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = impl_->ChannelOf(endpoint);
  if (!channel.ok()) return channel.status();
  absl::Status checked = client::CheckOptions(options);
  if (!checked.ok()) return checked;
  v1::GetRequest request;
  *request.mutable_context() = ContextOf(options);
  client::SetLevel(options.read, &request);
  request.set_key(std::string(key));
  v1::GetResponse response;
  grpc::ClientContext context;
  SetDeadline(options, &context);
  absl::Status status =
      ToStatus(v1::Kv::NewStub(*channel)->Get(&context, request, &response), endpoint);
  if (status.ok()) status = ErrorOf(response);
  if (!status.ok()) return status;
  GetResult result;
  result.slot = response.position().slot();
  result.reign = response.position().reign_round();
  if (response.found()) {
    result.record = Record{std::string(key), std::move(*response.mutable_record()->mutable_value()),
                           response.record().revision()};
  }
  return result;
}

}  // namespace baton
