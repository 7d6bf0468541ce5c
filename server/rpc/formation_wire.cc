#include "server/rpc/formation_wire.h"

#include <optional>

#include "server/codec/entry_codec.h"
#include "server/codec/membership_codec.h"
#include "server/rpc/id_bytes.h"

namespace baton::server {

peer::v1::JoinRequest ToJoinRequest(const FormationRecord& record) {
  peer::v1::JoinRequest request;
  request.set_cluster_id(IdToBytes(record.cluster));
  request.set_epoch(record.epoch.value);
  request.set_your_node_id(record.self.value);
  request.set_cluster_version(record.cluster_version);
  request.set_profile(record.profile);
  for (const MemberInfo& member : record.members) {
    peer::v1::JoinMember* to = request.add_members();
    to->set_node_id(member.node.value);
    to->set_name(member.name);
    to->set_directory_id(IdToBytes(member.directory));
    to->set_client_address(member.client_address);
    to->set_peer_address(member.peer_address);
    to->set_role(member.role);
  }
  return request;
}

absl::StatusOr<FormationRecord> FromJoinRequest(const peer::v1::JoinRequest& request) {
  FormationRecord record;
  const std::optional<Id128> cluster = IdFromBytes(request.cluster_id());
  if (!cluster || cluster->IsZero()) {
    return absl::InvalidArgumentError("cluster_id must be 16 bytes, not all zero");
  }
  if (request.members().empty() || request.members_size() > static_cast<int>(server::kMembersMax)) {
    return absl::InvalidArgumentError("a cluster has 1 to " + std::to_string(server::kMembersMax) +
                                      " members");
  }
  record.cluster = *cluster;
  record.self = NodeId{request.your_node_id()};
  record.epoch = Epoch{request.epoch()};
  record.cluster_version = request.cluster_version();
  record.profile = request.profile();
  for (const peer::v1::JoinMember& member : request.members()) {
    const std::optional<Id128> directory = IdFromBytes(member.directory_id());
    if (!directory || directory->IsZero() || member.node_id() == 0) {
      return absl::InvalidArgumentError("member " + member.name() + " lacks an id");
    }
    if (member.role() < v1::ROLE_VOTER || member.role() > v1::ROLE_WITNESS) {
      return absl::InvalidArgumentError("member " + member.name() + " has a role not known here");
    }
    record.members.push_back({NodeId{member.node_id()}, member.name(), *directory,
                              member.client_address(), member.peer_address(), member.role()});
  }
  return record;
}

void ToProto(const MemberInfo& member, v1::Member* to) {
  to->set_node_id(member.node.value);
  to->set_name(member.name);
  to->set_directory_id(IdToBytes(member.directory));
  to->set_client_address(member.client_address);
  to->set_peer_address(member.peer_address);
  to->set_role(static_cast<v1::Role>(member.role));
}

}  // namespace baton::server
