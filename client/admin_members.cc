// Changes of members: asked of the node that leads.
#include "client/admin_calls.h"

namespace baton {
namespace {

using client::ContextOf;
using client::ToWire;

MembersChange FromWire(const v1::ChangeMembersResponse& from) {
  MembersChange change;
  change.epoch = from.epoch();
  change.unchanged = from.unchanged();
  change.member = client::FromWire(from.member());
  for (const v1::Member& member : from.members())
    change.members.push_back(client::FromWire(member));
  return change;
}

v1::ChangeMembersRequest RequestOf(const std::string& reason, const CallOptions& options) {
  v1::ChangeMembersRequest request;
  *request.mutable_context() = ContextOf(options);
  request.set_reason(reason);
  return request;
}

template <class Impl>
absl::StatusOr<MembersChange> Change(Impl* impl, const v1::ChangeMembersRequest& request,
                                     const CallOptions& options) {
  v1::ChangeMembersResponse response;
  const absl::Status status =
      impl->AskLeader(&v1::Cluster::Stub::ChangeMembers, request, options, &response);
  if (!status.ok()) return status;
  return FromWire(response);
}

}  // namespace

absl::StatusOr<MembersChange> Admin::AddMember(const NewMember& member, const std::string& reason,
                                               const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  v1::AddMember* const add = request.mutable_add();
  add->set_name(member.name);
  add->set_peer_address(member.peer_address);
  add->set_role(static_cast<v1::Role>(member.role));
  ToWire(member.replaces, add->mutable_replaces());
  return Change(impl_.get(), request, options);
}

absl::StatusOr<MembersChange> Admin::PromoteMember(const MemberRef& member,
                                                   const std::string& reason,
                                                   const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(member, request.mutable_promote());
  return Change(impl_.get(), request, options);
}

absl::StatusOr<MembersChange> Admin::RemoveMember(const MemberRef& member,
                                                  const std::string& reason,
                                                  const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(member, request.mutable_remove());
  return Change(impl_.get(), request, options);
}

absl::StatusOr<MembersChange> Admin::SwapMembers(const MemberRef& out, const MemberRef& in,
                                                 const std::string& reason,
                                                 const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(out, request.mutable_swap()->mutable_out());
  ToWire(in, request.mutable_swap()->mutable_in());
  return Change(impl_.get(), request, options);
}

absl::StatusOr<LogInfo> Admin::DescribeLog(const std::string& endpoint,
                                           const CallOptions& options) {
  v1::DescribeLogRequest request;
  *request.mutable_context() = client::ContextOf(options);
  v1::DescribeLogResponse response;
  absl::Status status = client::Ask(impl_->StubOf(endpoint), endpoint, options,
                                    &v1::Cluster::Stub::DescribeLog, request, &response);
  if (status.ok()) status = client::ErrorOf(response);
  if (!status.ok()) return status;
  LogInfo info;
  info.last_round = response.last_reign().round();
  info.last_node = response.last_reign().node();
  info.last_slot = response.last_slot();
  info.last_wall_us = response.last_wall_time_us();
  for (const v1::Keyspace& keyspace : response.keyspaces()) {
    info.keyspaces.push_back(client::FromWire(keyspace));
  }
  info.plan = response.plan();
  return info;
}

absl::StatusOr<Recovery> Admin::Recover(const std::string& endpoint, const std::string& plan,
                                        const std::string& approved_by, const std::string& reason,
                                        const CallOptions& options) {
  v1::RecoverRequest request;
  *request.mutable_context() = client::ContextOf(options);
  request.set_plan(plan);
  request.set_approved_by(approved_by);
  request.set_reason(reason);
  v1::RecoverResponse response;
  absl::Status status = client::Ask(impl_->StubOf(endpoint), endpoint, options,
                                    &v1::Cluster::Stub::Recover, request, &response);
  if (status.ok()) status = client::ErrorOf(response);
  if (!status.ok()) return status;
  Recovery recovery;
  recovery.epoch = response.epoch();
  for (const v1::Member& member : response.left_behind()) {
    recovery.left_behind.push_back(client::FromWire(member));
  }
  return recovery;
}

}  // namespace baton
