// Changes of members: asked of the node that leads.
#include <optional>

#include "client/admin_calls.h"

namespace baton {
namespace {

using client::Ask;
using client::ContextOf;
using client::ErrorOf;

constexpr int kLeadersMax = 3;  // asked for one change: leadership may move meanwhile

void ToWire(const MemberRef& from, v1::MemberRef* to) {
  to->set_name(from.name);
  to->set_node_id(from.node_id);
}

MembersChange FromWire(const v1::ChangeMembersResponse& from) {
  MembersChange change;
  change.epoch = from.epoch();
  change.unchanged = from.unchanged();
  change.member = client::FromWire(from.member());
  for (const v1::Member& member : from.members())
    change.members.push_back(client::FromWire(member));
  return change;
}

// The node was out of reach, belongs to no cluster (an emptied one that is to be replaced, say), or
// knows of no leader.
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

v1::ChangeMembersRequest RequestOf(const std::string& reason, const CallOptions& options) {
  v1::ChangeMembersRequest request;
  *request.mutable_context() = ContextOf(options);
  request.set_reason(reason);
  return request;
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
  return impl_->ChangeMembers(request, options);
}

absl::StatusOr<MembersChange> Admin::PromoteMember(const MemberRef& member,
                                                   const std::string& reason,
                                                   const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(member, request.mutable_promote());
  return impl_->ChangeMembers(request, options);
}

absl::StatusOr<MembersChange> Admin::RemoveMember(const MemberRef& member,
                                                  const std::string& reason,
                                                  const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(member, request.mutable_remove());
  return impl_->ChangeMembers(request, options);
}

absl::StatusOr<MembersChange> Admin::SwapMembers(const MemberRef& out, const MemberRef& in,
                                                 const std::string& reason,
                                                 const CallOptions& options) {
  v1::ChangeMembersRequest request = RequestOf(reason, options);
  ToWire(out, request.mutable_swap()->mutable_out());
  ToWire(in, request.mutable_swap()->mutable_in());
  return impl_->ChangeMembers(request, options);
}

// Asks the endpoints in order until one answers; one that does not lead says who does.
absl::StatusOr<MembersChange> Admin::Impl::ChangeMembers(const v1::ChangeMembersRequest& request,
                                                         const CallOptions& options) {
  absl::Status status = absl::UnavailableError("no endpoint is given");
  int leaders = 0;
  for (const std::string& endpoint : endpoints) {
    std::string asked = endpoint;
    while (leaders < kLeadersMax) {
      v1::ChangeMembersResponse response;
      status =
          Ask(StubOf(asked), asked, options, &v1::Cluster::Stub::ChangeMembers, request, &response);
      if (status.ok()) status = ErrorOf(response);
      if (status.ok()) return FromWire(response);
      const std::optional<ErrorInfo> said = GetErrorInfo(status);
      if (!said || said->reason != Reason::kNotLeader || said->leader_address.empty()) break;
      asked = said->leader_address;
      ++leaders;
    }
    if (!MayAnotherKnow(status)) return status;
  }
  return status;
}

}  // namespace baton
