// What the calls of Admin share: where the nodes are, how one is asked, what its answer says.
//
// Any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "baton/admin.h"
#include "baton/v1/cluster_service.grpc.pb.h"
#include "client/check_endpoint.h"
#include "client/codec.h"
#include "client/wire_error.h"

namespace baton {

struct Admin::Impl {
  explicit Impl(std::vector<std::string> endpoints) : endpoints(std::move(endpoints)) {}

  absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelOf(const std::string& endpoint)
      BATON_EXCLUDES(mutex);
  absl::StatusOr<std::unique_ptr<v1::Cluster::Stub>> StubOf(const std::string& endpoint);
  // Asks the node that leads: the endpoints in order until one answers; one that does not lead says
  // who does.
  template <class Request, class Response>
  absl::Status AskLeader(grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                         const Request& request, const CallOptions& options, Response* response);

  const std::vector<std::string> endpoints;
  Mutex mutex;
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels BATON_GUARDED_BY(mutex);
};

namespace client {

// Whether another endpoint may know more than the one that failed like this: it was out of reach,
// belongs to no cluster (an emptied one that is to be replaced, say), or knows of no leader.
bool MayAnotherKnow(const absl::Status& status);

std::string Hex(const std::string& bytes);
MemberInfo FromWire(const v1::Member& from);
KeyspaceInfo FromWire(const v1::Keyspace& from);
HandoverInfo FromWire(const v1::HandoverRecord& from);
OrderInfo FromWire(const v1::OrderRecord& from);
PolicyInfo FromWire(const v1::PolicyRecord& from);
AuditInfo FromWire(const v1::AuditRecord& from);
void ToWire(const MemberRef& from, v1::MemberRef* to);
v1::RequestContext ContextOf(const CallOptions& options);
void SetDeadline(const CallOptions& options, grpc::ClientContext* context);
// With the endpoint in its message.
absl::Status ToStatus(const grpc::Status& status, const std::string& endpoint);

// Some responses carry their error inside as well.
template <class Response>
absl::Status ErrorOf(const Response& response) {
  if (response.error().reason() == v1::REASON_UNSPECIFIED) return absl::OkStatus();
  return MakeError(static_cast<int>(absl::StatusCode::kFailedPrecondition), response.error());
}

// One synchronous call. `method` is a member of the stub, e.g. &v1::Cluster::Stub::Status.
template <class Request, class Response>
absl::Status Ask(absl::StatusOr<std::unique_ptr<v1::Cluster::Stub>> stub,
                 const std::string& endpoint, const CallOptions& options,
                 grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                 const Request& request, Response* response) {
  if (!stub.ok()) return stub.status();
  absl::Status checked = CheckOptions(options);
  if (!checked.ok()) return checked;
  grpc::ClientContext context;
  SetDeadline(options, &context);
  return ToStatus((**stub.*method)(&context, request, response), endpoint);
}

}  // namespace client

template <class Request, class Response>
absl::Status Admin::Impl::AskLeader(
    grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request, const CallOptions& options, Response* response) {
  constexpr int kLeadersMax = 3;  // asked for one call: leadership may move meanwhile
  absl::Status status = absl::UnavailableError("no endpoint is given");
  int leaders = 0;
  for (const std::string& endpoint : endpoints) {
    std::string asked = endpoint;
    while (leaders < kLeadersMax) {
      response->Clear();
      status = client::Ask(StubOf(asked), asked, options, method, request, response);
      if (status.ok()) status = client::ErrorOf(*response);
      if (status.ok()) return status;
      const std::optional<ErrorInfo> said = GetErrorInfo(status);
      if (!said || said->reason != Reason::kNotLeader || said->leader_address.empty()) break;
      asked = said->leader_address;
      ++leaders;
    }
    if (!client::MayAnotherKnow(status)) return status;
  }
  return status;
}

}  // namespace baton
