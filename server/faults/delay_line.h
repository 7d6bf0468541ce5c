// DelayLine: messages on their way, in the order in which they are due.
//
// A value without threads or clocks: times are given. Messages to one peer leave in the order in
// which they were put in, however the delays change meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "consensus/message.h"

namespace baton::server {

class DelayLine {
 public:
  static constexpr size_t kMessagesMax = 16'384;  // on their way; more are dropped

  // Returns false when the line is full: the message is lost.
  bool Put(int64_t due_us, consensus::Message message);
  // The next message that is due at `now_us`; nothing if none is.
  std::optional<consensus::Message> Take(int64_t now_us);
  // When the next is due; INT64_MAX: there is none.
  int64_t NextDueUs() const { return line_.empty() ? INT64_MAX : line_.begin()->first; }
  // Whether a message to `peer` has to queue behind others.
  bool Holds(NodeId peer) const { return last_.contains(peer); }

 private:
  struct Last {
    int64_t due_us;  // of the newest message to this peer
    size_t messages;
  };
  std::multimap<int64_t, consensus::Message> line_;  // equal times keep their order
  std::map<NodeId, Last> last_;                      // peers with messages in the line
};

}  // namespace baton::server
