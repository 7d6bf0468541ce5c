// PeerQueue: what waits to be written to one peer. Bounded by count and bytes; never blocks.
//
// Consensus survives any loss, so a full queue refuses the newest message: what is queued was sent
// earlier and keeps its order. A heartbeat that waits is replaced by a newer one of its ballot that
// says everything it says: not by one without the health of the nodes, if it has that. Not
// thread-safe: its PeerLink's lock guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/types.h"
#include "consensus/message.h"
#include "server/codec/peer_codec.h"

namespace baton::server {

class PeerQueue {
 public:
  static constexpr size_t kMessagesMax = 4096;
  static constexpr uint64_t kBytesMax = 32 << 20;
  static constexpr uint64_t kWriteBytesTarget = 1 << 20;  // messages joined in one write

  // An Accept without entries.
  struct Heartbeat {
    Ballot ballot;  // Ballot{}: it is another message
    bool has_health = false;
  };
  static Heartbeat HeartbeatOf(const consensus::Message& message);

  // Returns false when the message was refused because the queue is full.
  bool Push(FramedMessage frame, const Heartbeat& heartbeat);

  // The oldest messages, at least one, cut before they pass kWriteBytesTarget.
  // REQUIRES: !empty().
  std::vector<FramedMessage> TakeWrite();

  void Clear();
  bool empty() const { return waiting_.empty(); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    FramedMessage frame;
    Heartbeat heartbeat;
  };
  std::deque<Waiting> waiting_;  // size <= kMessagesMax
  uint64_t bytes_ = 0;           // sum of sizes; <= kBytesMax unless a single message is larger
};

}  // namespace baton::server
