// PeerQueue: what waits to be written to one peer. Bounded by count and bytes; never blocks.
//
// Consensus survives any loss, so a full queue refuses the newest message: what is queued was sent
// earlier and keeps its order. A heartbeat that waits is replaced by a newer one of its ballot,
// which says everything the older one said. Not thread-safe: its PeerLink's lock guards it.
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

  // The ballot of an Accept without entries; Ballot{} for every other message.
  static Ballot HeartbeatBallot(const consensus::Message& message);

  // Returns false when the message was refused because the queue is full.
  bool Push(FramedMessage frame, Ballot heartbeat);

  // The oldest messages, at least one, cut before they pass kWriteBytesTarget.
  // REQUIRES: !empty().
  std::vector<FramedMessage> TakeWrite();

  void Clear();
  bool empty() const { return waiting_.empty(); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    FramedMessage frame;
    Ballot heartbeat;
  };
  std::deque<Waiting> waiting_;  // size <= kMessagesMax
  uint64_t bytes_ = 0;           // sum of sizes; <= kBytesMax unless a single message is larger
};

}  // namespace baton::server
