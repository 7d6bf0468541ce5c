// Counters of server/rpc, read by the metrics page. Any thread; relaxed, each stands alone.
#pragma once

#include <array>
#include <cstddef>

#include "server/replica/metrics.h"

namespace baton::server {

inline constexpr size_t kReasonCount = 32;  // > the largest Reason

struct RpcMetrics {
  Counter unary_calls;
  Counter exchange_requests;
  Counter exchange_streams_opened;
  Counter exchange_streams_closed;
  Counter forwarded;
  std::array<Counter, kReasonCount> failures;  // by Reason
};

// Of one peer.
struct PeerMetrics {
  Counter sent_messages;
  Counter sent_bytes;
  Counter dropped_messages;  // no stream stood, or the queue was full
  Counter received_messages;
  Counter received_bytes;  // of entries
  Counter connects;        // streams that both sides agreed to
  Counter refusals;        // by either side
};

// Of the peer port as a whole.
struct PeerPortMetrics {
  Counter bad_frames;      // bytes that were no message, or were damaged
  Counter refused_hellos;  // of anyone
};

}  // namespace baton::server
