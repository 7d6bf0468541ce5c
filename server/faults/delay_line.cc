#include "server/faults/delay_line.h"

#include <algorithm>
#include <utility>

namespace baton::server {

bool DelayLine::Put(int64_t due_us, consensus::Message message) {
  if (line_.size() >= kMessagesMax) return false;
  auto [last, first] = last_.try_emplace(message.to, Last{due_us, 0});
  last->second.due_us = std::max(last->second.due_us, due_us);
  ++last->second.messages;
  line_.emplace(last->second.due_us, std::move(message));
  return true;
}

std::optional<consensus::Message> DelayLine::Take(int64_t now_us) {
  const auto next = line_.begin();
  if (next == line_.end() || next->first > now_us) return std::nullopt;
  consensus::Message message = std::move(next->second);
  line_.erase(next);
  const auto last = last_.find(message.to);
  if (--last->second.messages == 0) last_.erase(last);
  return message;
}

}  // namespace baton::server
