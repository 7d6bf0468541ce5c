// The first message of every peer stream, in both directions: who speaks, to whom, in which
// versions. A side that will not talk says why, and both close. Functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "baton/peer/v1/peer.pb.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr uint32_t kClusterVersion = 1;  // of a cluster formed by this build

// Who this node is, once it is formed.
struct PeerIdentity {
  Id128 cluster;
  NodeId node;
  Id128 directory;
  // By the recovery of this node, if there was one: whom it left behind, and in which epoch.
  std::vector<MemberInfo> left_behind;
  Epoch epoch;
};

peer::v1::Hello MakeHello(const PeerIdentity& self, NodeId to);

// The answer that refuses for that reason the one with that id.
void Refuse(const std::string& reason, const PeerIdentity& self, NodeId sender,
            peer::v1::Hello* answer);
// Why this node must take part in nothing any more, for people: the peer's recovery has left it
// behind. Empty: it has not.
std::string LeftBehindBy(const peer::v1::Hello& answer, const PeerIdentity& self,
                         const MemberInfo& peer);

// Why `self` will not talk to the sender of `hello`, for people; empty: it will. `sender` is the
// member with the id it gives, null: there is none. Only members are talked to, each with the
// directory that the membership names.
std::string RefuseHello(const peer::v1::Hello& hello, const PeerIdentity& self,
                        const MemberInfo* sender);

}  // namespace baton::server
