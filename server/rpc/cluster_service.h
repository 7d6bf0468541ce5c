// ClusterService: formation, members, handovers, orders, keyspaces, status, digests, version.
// Answered by the node that is asked.
//
// Handlers run on gRPC's callback threads and never block. Outlives the server it is added to.
#pragma once

#include <functional>
#include <vector>

#include "baton/v1/cluster_service.grpc.pb.h"
#include "server/replica/clock.h"
#include "server/rpc/formation_host.h"
#include "server/rpc/grpc_transport.h"
#include "server/rpc/members_host.h"
#include "server/rpc/node_handle.h"

namespace baton::server {

class ClusterService final : public v1::Cluster::CallbackService {
 public:
  // `peers` gives the transport's report.
  ClusterService(const NodeHandle* node, FormationHost* formation, MembersHost* members,
                 const Clock* clock, v1::VersionInfo version,
                 std::function<std::vector<PeerReport>()> peers);

  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context,
                                 const v1::InitRequest* request,
                                 v1::InitResponse* response) override;
  grpc::ServerUnaryReactor* ChangeMembers(grpc::CallbackServerContext* context,
                                          const v1::ChangeMembersRequest* request,
                                          v1::ChangeMembersResponse* response) override;
  // cluster_handovers.cc
  grpc::ServerUnaryReactor* StartHandover(grpc::CallbackServerContext* context,
                                          const v1::StartHandoverRequest* request,
                                          v1::HandoverResponse* response) override;
  grpc::ServerUnaryReactor* AbortHandover(grpc::CallbackServerContext* context,
                                          const v1::AbortHandoverRequest* request,
                                          v1::HandoverResponse* response) override;
  grpc::ServerUnaryReactor* ApproveHandover(grpc::CallbackServerContext* context,
                                            const v1::ApproveHandoverRequest* request,
                                            v1::HandoverResponse* response) override;
  grpc::ServerUnaryReactor* ShowHandover(grpc::CallbackServerContext* context,
                                         const v1::ShowHandoverRequest* request,
                                         v1::HandoverResponse* response) override;
  grpc::ServerUnaryReactor* PredictHandover(grpc::CallbackServerContext* context,
                                            const v1::PredictHandoverRequest* request,
                                            v1::PredictHandoverResponse* response) override;
  // cluster_orders.cc
  grpc::ServerUnaryReactor* ChangeOrder(grpc::CallbackServerContext* context,
                                        const v1::ChangeOrderRequest* request,
                                        v1::ChangeOrderResponse* response) override;
  grpc::ServerUnaryReactor* ChangePolicy(grpc::CallbackServerContext* context,
                                         const v1::ChangePolicyRequest* request,
                                         v1::ChangePolicyResponse* response) override;
  grpc::ServerUnaryReactor* CreateKeyspace(grpc::CallbackServerContext* context,
                                           const v1::CreateKeyspaceRequest* request,
                                           v1::ChangeKeyspaceResponse* response) override;
  grpc::ServerUnaryReactor* AlterKeyspace(grpc::CallbackServerContext* context,
                                          const v1::AlterKeyspaceRequest* request,
                                          v1::ChangeKeyspaceResponse* response) override;
  grpc::ServerUnaryReactor* DropKeyspace(grpc::CallbackServerContext* context,
                                         const v1::DropKeyspaceRequest* request,
                                         v1::ChangeKeyspaceResponse* response) override;
  grpc::ServerUnaryReactor* ListKeyspaces(grpc::CallbackServerContext* context,
                                          const v1::ListKeyspacesRequest* request,
                                          v1::ListKeyspacesResponse* response) override;
  grpc::ServerUnaryReactor* ListReigns(grpc::CallbackServerContext* context,
                                       const v1::ListReignsRequest* request,
                                       v1::ListReignsResponse* response) override;
  grpc::ServerUnaryReactor* ListHandovers(grpc::CallbackServerContext* context,
                                          const v1::ListHandoversRequest* request,
                                          v1::ListHandoversResponse* response) override;
  grpc::ServerUnaryReactor* ListOrders(grpc::CallbackServerContext* context,
                                       const v1::ListOrdersRequest* request,
                                       v1::ListOrdersResponse* response) override;
  grpc::ServerUnaryReactor* ListPolicies(grpc::CallbackServerContext* context,
                                         const v1::ListPoliciesRequest* request,
                                         v1::ListPoliciesResponse* response) override;
  grpc::ServerUnaryReactor* ListAudit(grpc::CallbackServerContext* context,
                                      const v1::ListAuditRequest* request,
                                      v1::ListAuditResponse* response) override;
  grpc::ServerUnaryReactor* ListKeyspaceChanges(grpc::CallbackServerContext* context,
                                                const v1::ListKeyspaceChangesRequest* request,
                                                v1::ListKeyspaceChangesResponse* response) override;
  grpc::ServerUnaryReactor* ListLosses(grpc::CallbackServerContext* context,
                                       const v1::ListLossesRequest* request,
                                       v1::ListLossesResponse* response) override;
  // cluster_recovery.cc
  grpc::ServerUnaryReactor* DescribeLog(grpc::CallbackServerContext* context,
                                        const v1::DescribeLogRequest* request,
                                        v1::DescribeLogResponse* response) override;
  grpc::ServerUnaryReactor* Recover(grpc::CallbackServerContext* context,
                                    const v1::RecoverRequest* request,
                                    v1::RecoverResponse* response) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const v1::StatusRequest* request,
                                   v1::StatusResponse* response) override;
  grpc::ServerUnaryReactor* Digest(grpc::CallbackServerContext* context,
                                   const v1::DigestRequest* request,
                                   v1::DigestResponse* response) override;
  grpc::ServerUnaryReactor* Version(grpc::CallbackServerContext* context,
                                    const v1::VersionRequest* request,
                                    v1::VersionResponse* response) override;

 private:
  template <class Request, class Response>
  grpc::ServerUnaryReactor* ListRows(grpc::CallbackServerContext* context, const Request* request,
                                     Response* response);
  template <class Request, class Response>
  grpc::ServerUnaryReactor* AskForHandover(grpc::CallbackServerContext* context,
                                           const Request* request, Response* response);
  void RecoverNow(Node* node, const std::string& plan, const LogEnd& end, UnsafeRecovery recovery,
                  grpc::ServerUnaryReactor* reactor, v1::RecoverResponse* response);
  template <class Request>
  grpc::ServerUnaryReactor* ChangeKeyspace(grpc::CallbackServerContext* context,
                                           const Request* request,
                                           v1::ChangeKeyspaceResponse* response);

  const NodeHandle* const node_;
  FormationHost* const formation_;
  MembersHost* const members_;
  const Clock* const clock_;
  const v1::VersionInfo version_;
  const std::function<std::vector<PeerReport>()> peers_;
};

}  // namespace baton::server
