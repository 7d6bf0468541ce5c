// An Exchange stream: many requests a message in, many answers a message out.
//
// Every message becomes one Node::Submit. Answers gather in chunks while a write is in flight, so
// that messages grow with load. A stream holds a bounded amount of unanswered work; above it, it
// stops reading. It is told who leads when it opens, and of each new leader.
//
// Handlers run on gRPC's callback threads, answers arrive on the node's; neither is ever blocked.
// The reactor deletes itself; what the node holds of the stream outlives it harmlessly.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>

#include "baton/v1/kv.pb.h"
#include "server/replica/clock.h"
#include "server/rpc/metrics.h"
#include "server/rpc/node_handle.h"

namespace baton::server {

inline constexpr size_t kExchangeRequestsMax = 8192;    // unanswered, of one stream
inline constexpr uint64_t kExchangeCostMax = 32 << 20;  // bytes they are reckoned at
inline constexpr uint64_t kExchangeWriteBytesTarget = 1 << 20;
inline constexpr int kExchangeItemsMax = 4096;  // of one message; more are refused

// Without a node the stream is refused.
grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse>* StartExchange(
    grpc::CallbackServerContext* context, const NodeHandle& node, const Clock* clock,
    RpcMetrics* metrics);

}  // namespace baton::server
