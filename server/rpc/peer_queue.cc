#include "server/rpc/peer_queue.h"

#include <utility>
#include <variant>

#include "base/check.h"

namespace baton::server {

PeerQueue::Heartbeat PeerQueue::HeartbeatOf(const consensus::Message& message) {
  const auto* accept = std::get_if<consensus::Accept>(&message.body);
  if (accept == nullptr || !accept->entries.empty()) return {};
  return {accept->ballot, accept->health.number != 0};
}

bool PeerQueue::Push(FramedMessage frame, const Heartbeat& heartbeat) {
  const uint64_t size = frame.size();
  if (heartbeat.ballot != Ballot{} && !waiting_.empty()) {
    Waiting& last = waiting_.back();
    const bool says_all = heartbeat.has_health || !last.heartbeat.has_health;
    if (last.heartbeat.ballot == heartbeat.ballot && says_all) {
      bytes_ = bytes_ - last.frame.size() + size;
      last = {std::move(frame), heartbeat};
      return true;
    }
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
