// Transport: the seam between a replica and its peers.
#pragma once

#include <vector>

#include "consensus/message.h"
#include "server/replica/node.h"

namespace baton::server {

class Transport {
 public:
  virtual ~Transport() = default;
  // Sends, or drops: never blocks, never fails, keeps the order of what it delivers to one peer
  // within one connection. Any thread.
  virtual void Send(consensus::Message message) = 0;
  // Who is met from now on, and where: this node itself among them or not. What was sent before to
  // one that is not among them any more still leaves. The replica loop's, and its owner's.
  virtual void SetMembers(const std::vector<MemberInfo>& members) = 0;
  // Whether a stream to the peer stands, for status.
  virtual bool Connected(NodeId peer) const = 0;
};

}  // namespace baton::server
