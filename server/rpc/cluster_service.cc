#include "server/rpc/cluster_service.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/replica/answers.h"
#include "server/rpc/call_context.h"
#include "server/rpc/failure.h"
#include "server/rpc/formation_wire.h"
#include "server/rpc/handover_wire.h"
#include "server/rpc/id_bytes.h"
#include "server/rpc/keyspace_wire.h"
#include "server/rpc/node_call.h"
#include "server/rpc/policy_wire.h"
#include "server/rpc/record_lists.h"
#include "server/rpc/requests.h"

namespace baton::server {
namespace {

void FillUnformed(const NodeCard& card, v1::StatusResponse* to) {
  to->set_name(card.name);
  to->set_state("unformed");
  to->set_reason(UnformedFailure().message);
}

// A node that has a formation record and is still opening its log.
void FillStarting(const FormationRecord& formed, const NodeCard& card, v1::StatusResponse* to) {
  to->set_cluster_id(IdToBytes(formed.cluster));
  to->set_node_id(formed.self.value);
  to->set_name(card.name);
  to->set_state("follower");
  to->set_reason("starting: the log is being recovered");
  for (const MemberInfo& member : formed.members) ToProto(member, to->add_members());
}

const char* WordOf(consensus::LagClass lag) {
  static constexpr const char* kWords[] = {"close", "behind", "far", "silent"};
  return kWords[static_cast<size_t>(lag)];
}
static_assert(static_cast<size_t>(consensus::LagClass::kSilent) == 3);

const char* WordOf(consensus::DiskClass disk) {
  static constexpr const char* kWords[] = {"normal", "slow", "stuck"};
  return kWords[static_cast<size_t>(disk)];
}
static_assert(static_cast<size_t>(consensus::DiskClass::kStuck) == 2);

void FillHealth(const MemberHealthInfo& from, v1::MemberHealth* to) {
  to->set_node_id(from.node.value);
  to->set_name(from.name);
  to->set_barred(from.health.barred);
  to->set_recovering(from.health.recovering);
  to->set_lag(WordOf(from.health.lag));
  to->set_disk(WordOf(from.health.disk));
  to->set_region(from.health.region);
  to->set_priority(from.health.priority);
}

void FillStatus(const NodeStatus& status, const std::vector<PeerReport>& peers,
                v1::StatusResponse* to) {
  to->set_cluster_id(IdToBytes(status.cluster));
  to->set_node_id(status.node.value);
  to->set_name(status.name);
  to->set_state(status.state);

  ToProto(status.ballot, to->mutable_ballot());
  if (status.leader) {
    to->set_leader(status.leader->name);
    to->set_leader_address(status.leader->client_address);
  }
  to->set_healthy(status.healthy);
  to->set_reason(status.reason);
  to->set_durable_slot(status.durable.value);
  to->set_commit_slot(status.commit.value);
  to->set_applied_slot(status.applied.value);
  to->set_flushed_slot(status.flushed.value);
  to->set_first_slot(status.first.value);
  to->set_epoch(status.epoch.value);
  to->set_changing(status.changing);
  for (const MemberInfo& member : status.members) ToProto(member, to->add_members());
  for (const MemberHealthInfo& health : status.health) FillHealth(health, to->add_health());
  for (const PeerReport& peer : peers) {
    v1::PeerProgress* progress = to->add_peers();
    progress->set_name(peer.name);
    progress->set_node_id(peer.node.value);
    progress->set_connected(peer.connected);
    progress->set_refusal(peer.refusal);
    for (const PeerProgressInfo& known : status.peers) {
      if (known.node == peer.node) progress->set_match_slot(known.match.value);
    }
  }
}

}  // namespace

ClusterService::ClusterService(const NodeHandle* node, FormationHost* formation,
                               MembersHost* members, const Clock* clock, v1::VersionInfo version,
                               std::function<std::vector<PeerReport>()> peers)
    : node_(node),
      formation_(formation),
      members_(members),
      clock_(clock),
      version_(std::move(version)),
      peers_(std::move(peers)) {}

grpc::ServerUnaryReactor* ClusterService::Init(grpc::CallbackServerContext* context,
                                               const v1::InitRequest* request,
                                               v1::InitResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  CallContext call;
  const Failure failure = MakeCallContext({"", RemainingUs(context->deadline())},
                                          request->context(), clock_->LeaseNowUs(), &call);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  InitPlan plan;
  plan.profile = request->profile();
  for (const auto& member : request->members()) {
    plan.members.push_back({member.name(), member.peer_address()});
  }
  formation_->Init(std::move(plan), call.deadline_us, [reactor, response](InitOutcome outcome) {
    if (outcome.failure.ok()) {
      response->set_cluster_id(IdToBytes(outcome.cluster));
      for (const MemberInfo& member : outcome.members) ToProto(member, response->add_members());
      response->set_already_formed(outcome.already_formed);
    }
    reactor->Finish(ToGrpcStatus(outcome.failure));
  });
  return reactor;
}

namespace {

MemberRef FromProto(const v1::MemberRef& from) {
  return MemberRef{from.name(), NodeId{from.node_id()}};
}

Failure LeadsOrRedirect(const Node& node) {
  const NodeStatus status = node.Status();
  return status.state == "leader" ? Failure() : NotLeaderFailure(status.leader);
}

// Nullopt: the request names no change.
std::optional<MemberOrder> FromProto(const v1::ChangeMembersRequest& from) {
  switch (from.change_case()) {
    case v1::ChangeMembersRequest::kAdd:
      return AddMember{from.add().name(), from.add().peer_address(),
                       static_cast<uint32_t>(from.add().role()), FromProto(from.add().replaces())};
    case v1::ChangeMembersRequest::kPromote:
      return PromoteMember{FromProto(from.promote())};
    case v1::ChangeMembersRequest::kRemove:
      return RemoveMember{FromProto(from.remove())};
    case v1::ChangeMembersRequest::kSwap:
      return SwapMembers{FromProto(from.swap().out()), FromProto(from.swap().in())};
    case v1::ChangeMembersRequest::CHANGE_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::ChangeMembers(grpc::CallbackServerContext* context,
                                                        const v1::ChangeMembersRequest* request,
                                                        v1::ChangeMembersResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  CallContext call;
  Failure failure = MakeCallContext({"", RemainingUs(context->deadline())}, request->context(),
                                    clock_->LeaseNowUs(), &call);
  std::optional<MemberOrder> order = FromProto(*request);
  if (failure.ok() && !order) failure = InvalidRequest("no change of members is given");
  if (failure.ok()) failure = CheckReason(request->reason());
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  members_->Change(*std::move(order), request->reason(), call,
                   [reactor, response](const MembersOutcome& outcome) {
                     response->set_epoch(outcome.epoch.value);
                     response->set_unchanged(outcome.unchanged);
                     ToProto(outcome.member, response->mutable_member());
                     for (const MemberInfo& member : outcome.members) {
                       ToProto(member, response->add_members());
                     }
                     reactor->Finish(ToGrpcStatus(outcome.failure));
                   });
  return reactor;
}

template <class Request>
grpc::ServerUnaryReactor* ClusterService::ChangeKeyspace(grpc::CallbackServerContext* context,
                                                         const Request* request,
                                                         v1::ChangeKeyspaceResponse* response) {
  return AskForChange<engine::KeyspaceRequest>(
      *node_, *clock_, context, *request, response,
      [](const Request& asked, const Node&, engine::KeyspaceRequest* to) {
        return ParseChange(asked, to);
      });
}

template <class Request, class Response>
grpc::ServerUnaryReactor* ClusterService::ListRows(grpc::CallbackServerContext* context,
                                                   const Request* request, Response* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  engine::ScanSpec rows;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = ParseRequest(*request, &rows);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  Ask(node, std::move(rows), call, reactor, response);
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::ListReigns(grpc::CallbackServerContext* context,
                                                     const v1::ListReignsRequest* request,
                                                     v1::ListReignsResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListHandovers(grpc::CallbackServerContext* context,
                                                        const v1::ListHandoversRequest* request,
                                                        v1::ListHandoversResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListOrders(grpc::CallbackServerContext* context,
                                                     const v1::ListOrdersRequest* request,
                                                     v1::ListOrdersResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListPolicies(grpc::CallbackServerContext* context,
                                                       const v1::ListPoliciesRequest* request,
                                                       v1::ListPoliciesResponse* response) {
  if (request->after().empty()) ToProto(PolicyRow{}, response->add_policies());
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListAudit(grpc::CallbackServerContext* context,
                                                    const v1::ListAuditRequest* request,
                                                    v1::ListAuditResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListKeyspaceChanges(
    grpc::CallbackServerContext* context, const v1::ListKeyspaceChangesRequest* request,
    v1::ListKeyspaceChangesResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListLosses(grpc::CallbackServerContext* context,
                                                     const v1::ListLossesRequest* request,
                                                     v1::ListLossesResponse* response) {
  return ListRows(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::CreateKeyspace(grpc::CallbackServerContext* context,
                                                         const v1::CreateKeyspaceRequest* request,
                                                         v1::ChangeKeyspaceResponse* response) {
  return ChangeKeyspace(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::AlterKeyspace(grpc::CallbackServerContext* context,
                                                        const v1::AlterKeyspaceRequest* request,
                                                        v1::ChangeKeyspaceResponse* response) {
  return ChangeKeyspace(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::DropKeyspace(grpc::CallbackServerContext* context,
                                                       const v1::DropKeyspaceRequest* request,
                                                       v1::ChangeKeyspaceResponse* response) {
  return ChangeKeyspace(context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::ListKeyspaces(grpc::CallbackServerContext* context,
                                                        const v1::ListKeyspacesRequest* request,
                                                        v1::ListKeyspacesResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = LeadsOrRedirect(*node);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  for (const KeyspaceStatus& keyspace : node->Keyspaces()) {
    if (request->name().empty() || request->name() == keyspace.info->name) {
      ToProto(keyspace, response->add_keyspaces());
    }
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::Status(grpc::CallbackServerContext* context,
                                                 const v1::StatusRequest*,
                                                 v1::StatusResponse* response) {
  *response->mutable_version() = version_;
  const std::optional<FormationRecord> formed = formation_->Formed();
  if (formed) response->set_profile(formed->profile);
  if (const Node* node = node_->get()) {
    FillStatus(node->Status(), peers_(), response);
  } else if (formed) {
    FillStarting(*formed, formation_->Identify(), response);
  } else {
    FillUnformed(formation_->Identify(), response);
  }
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::Digest(grpc::CallbackServerContext* context,
                                                 const v1::DigestRequest* request,
                                                 v1::DigestResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  engine::KeyspacePtr keyspace;
  Failure failure = BeginCall(*node_, *clock_, context, *request, &node, &call);
  if (failure.ok()) failure = ResolveKeyspace(*node, request->context().keyspace(), &keyspace);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  node->Digest(keyspace->id, Slot{request->slot()}, call.deadline_us,
               [reactor, response](const DigestResult& result) {
                 response->set_digest(result.digest);
                 response->set_count(result.count);
                 response->set_applied_slot(result.applied.value);
                 reactor->Finish(ToGrpcStatus(result.failure));
               });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::Version(grpc::CallbackServerContext* context,
                                                  const v1::VersionRequest*,
                                                  v1::VersionResponse* response) {
  *response->mutable_info() = version_;
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace baton::server
