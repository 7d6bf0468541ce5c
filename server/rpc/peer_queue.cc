#include "server/rpc/peer_queue.h"

#include <utility>
#include <variant>

#include "base/check.h"

namespace baton::server {

Ballot PeerQueue::HeartbeatBallot(const consensus::Message& message) {
  const auto* accept = std::get_if<consensus::Accept>(&message.body);
  return accept != nullptr && accept->entries.empty() ? accept->ballot : Ballot{};
}

bool PeerQueue::Push(FramedMessage frame, Ballot heartbeat) {
  const uint64_t size = frame.size();
  if (heartbeat != Ballot{} && !waiting_.empty() && waiting_.back().heartbeat == heartbeat) {
    bytes_ = bytes_ - waiting_.back().frame.size() + size;
    waiting_.back().frame = std::move(frame);
    return true;
  }
  if (waiting_.size() >= kMessagesMax) return false;
  if (!waiting_.empty() && bytes_ + size > kBytesMax) return false;
  bytes_ += size;
  waiting_.push_back({std::move(frame), heartbeat});
  return true;
}

std::vector<FramedMessage> PeerQueue::TakeWrite() {
  BATON_CHECK(!waiting_.empty()) << "nothing waits to be written";
  std::vector<FramedMessage> frames;
  uint64_t taken = 0;
  while (!waiting_.empty()) {
    const uint64_t size = waiting_.front().frame.size();
    if (!frames.empty() && taken + size > kWriteBytesTarget) break;
    taken += size;
    bytes_ -= size;
    frames.push_back(std::move(waiting_.front().frame));
    waiting_.pop_front();
  }
  return frames;
}

void PeerQueue::Clear() {
  waiting_.clear();
  bytes_ = 0;
}

}  // namespace baton::server
