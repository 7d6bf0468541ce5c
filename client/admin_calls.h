// What the calls of Admin share: where the nodes are, how one is asked, what its answer says.
//
// Any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "baton/admin.h"
#include "baton/v1/cluster_service.grpc.pb.h"
#include "client/check_endpoint.h"
#include "client/codec.h"
#include "client/retry.h"
#include "client/wire_error.h"

namespace baton {

struct Admin::Impl {
  explicit Impl(std::vector<std::string> endpoints) : endpoints(std::move(endpoints)) {}

  absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelOf(const std::string& endpoint)
      BATON_EXCLUDES(mutex);
  absl::StatusOr<std::unique_ptr<v1::Cluster::Stub>> StubOf(const std::string& endpoint);
  template <class Request, class Response>
  using Method = grpc::Status (v1::Cluster::Stub::*)(grpc::ClientContext*, const Request&,
                                                     Response*);

  // Asks the node that leads: the endpoints in order until one answers; one that does not lead says
  // who does. Again, within options.timeout, while some answer and none leads.
  template <class Request, class Response>
  absl::Status AskLeader(Method<Request, Response> method, const Request& request,
                         const CallOptions& options, Response* response);
  // Once. `*searching`: a node has answered that knows of no leader, or does not lead itself.
  template <class Request, class Response>
  absl::Status AskOnce(Method<Request, Response> method, const Request& request,
                       const CallOptions& options, Response* response, bool* searching);

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

// Calls ask(options), which gives a status, until again(status) is false or options.timeout is
// over.
template <class Ask, class Again>
absl::Status AskAgain(CallOptions options, const Ask& ask, const Again& again) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  std::minstd_rand random(std::random_device{}());
  for (int attempt = 0;; ++attempt) {
    const absl::Status status = ask(options);
    if (status.ok() || !again(status)) return status;
    const std::chrono::microseconds pause(BackoffUs(kSearchBackoff, attempt, random()));
    options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now() - pause);
    if (options.timeout.count() <= 0) return status;
    std::this_thread::sleep_for(pause);  // no node tells one that it has become leader
  }
}

}  // namespace client

template <class Request, class Response>
absl::Status Admin::Impl::AskLeader(Method<Request, Response> method, const Request& request,
                                    const CallOptions& options, Response* response) {
  bool searching = false;
  return client::AskAgain(
      options,
      [&](const CallOptions& left) { return AskOnce(method, request, left, response, &searching); },
      [&searching](const absl::Status&) { return searching; });
}

template <class Request, class Response>
absl::Status Admin::Impl::AskOnce(Method<Request, Response> method, const Request& request,
                                  const CallOptions& options, Response* response, bool* searching) {
  constexpr int kLeadersMax = 3;  // asked for one call: leadership may move meanwhile
  absl::Status status = absl::UnavailableError("no endpoint is given");
  int leaders = 0;
  *searching = false;
  for (const std::string& endpoint : endpoints) {
    std::string asked = endpoint;
    while (leaders < kLeadersMax) {
      response->Clear();
      status = client::Ask(StubOf(asked), asked, options, method, request, response);
      if (status.ok()) status = client::ErrorOf(*response);
      if (status.ok()) return status;
      const std::optional<ErrorInfo> said = GetErrorInfo(status);
      *searching |=
          said && (said->reason == Reason::kNotLeader || said->reason == Reason::kNoLeader);
      if (!said || said->reason != Reason::kNotLeader || said->leader_address.empty()) break;
      asked = said->leader_address;
      ++leaders;
    }
    if (!client::MayAnotherKnow(status)) {
      *searching = false;
      return status;
    }
  }
  return status;
}

}  // namespace baton
