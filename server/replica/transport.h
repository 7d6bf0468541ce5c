// Transport: the seam between a replica and its peers.
#pragma once

#include "consensus/message.h"

namespace baton::server {

class Transport {
 public:
  virtual ~Transport() = default;
  // Sends, or drops: never blocks, never fails, keeps the order of what it delivers to one peer
  // within one connection. Any thread.
  virtual void Send(consensus::Message message) = 0;
  // Whether a stream to the peer stands, for status.
  virtual bool Connected(NodeId peer) const = 0;
};

}  // namespace baton::server
