#include "server/rpc/hello.h"

#include <algorithm>
#include <optional>

#include "server/codec/entry_codec.h"
#include "server/codec/peer_codec.h"
#include "server/rpc/id_bytes.h"

namespace baton::server {

peer::v1::Hello MakeHello(const PeerIdentity& self, NodeId to) {
  peer::v1::Hello hello;
  hello.set_cluster_id(IdToBytes(self.cluster));
  hello.set_node_id(self.node.value);
  hello.set_directory_id(IdToBytes(self.directory));
  hello.set_wire_version(kWireVersion);
  hello.set_entry_version(kEntryVersion);
  hello.set_to_node_id(to.value);
  return hello;
}

namespace {

bool LeftBehind(const PeerIdentity& self, NodeId node) {
  return std::any_of(self.left_behind.begin(), self.left_behind.end(),
                     [node](const MemberInfo& member) { return member.node == node; });
}

}  // namespace

void Refuse(const std::string& reason, const PeerIdentity& self, NodeId sender,
            peer::v1::Hello* answer) {
  answer->set_refused(reason);
  if (LeftBehind(self, sender)) answer->set_left_behind_epoch(self.epoch.value);
}

std::string LeftBehindBy(const peer::v1::Hello& answer, const PeerIdentity& self,
                         const MemberInfo& peer) {
  const bool known = IdFromBytes(answer.cluster_id()) == self.cluster &&
                     IdFromBytes(answer.directory_id()) == peer.directory;
  if (!known || answer.left_behind_epoch() == 0) return "";
  return "an unsafe recovery of " + peer.name + " has left this node behind, in epoch " +
         std::to_string(answer.left_behind_epoch()) +
         ": what it has that the others lack is no part of the cluster any more; keep its data "
         "directory for whoever needs it, and add this node anew with an empty one";
}

std::string RefuseHello(const peer::v1::Hello& hello, const PeerIdentity& self,
                        const MemberInfo* sender) {
  if (!hello.refused().empty()) return "the peer refuses: " + hello.refused();
  if (hello.wire_version() != kWireVersion) {
    return "peer wire version " + std::to_string(hello.wire_version()) + ", here " +
           std::to_string(kWireVersion) + ": run versions that can be mixed";
  }
  if (hello.entry_version() < kClusterVersion) {
    return "the peer reads entries up to version " + std::to_string(hello.entry_version()) +
           ", the cluster writes " + std::to_string(kClusterVersion) + ": upgrade the peer";
  }
  const std::optional<Id128> cluster = IdFromBytes(hello.cluster_id());
  if (!cluster || *cluster != self.cluster) {
    return "the peer is of cluster " + (cluster ? ToString(*cluster) : "(malformed)") + ", here " +
           ToString(self.cluster) + ": one of the addresses names a node of another cluster";
  }
  if (hello.to_node_id() != self.node.value) {
    return "the peer looks for node " + std::to_string(hello.to_node_id()) + ", this is node " +
           std::to_string(self.node.value) + ": check peer addresses";
  }
  if (sender == nullptr && LeftBehind(self, NodeId{hello.node_id()})) {
    return "node " + std::to_string(hello.node_id()) +
           " was left behind by an unsafe recovery, in epoch " + std::to_string(self.epoch.value);
  }
  if (sender == nullptr) {
    return "node " + std::to_string(hello.node_id()) +
           " is no member of this cluster: it was removed, or has not been added yet";
  }
  const std::optional<Id128> directory = IdFromBytes(hello.directory_id());
  if (!directory || *directory != sender->directory) {
    return "node " + sender->name + " comes with directory " +
           (directory ? ToString(*directory) : "(malformed)") + ", the membership has " +
           ToString(sender->directory) + ": its data directory was replaced";
  }
  return "";
}

}  // namespace baton::server
