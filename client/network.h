// The client's way out: streams to one node each, and the question who leads. A seam: the
// dispatcher is tested over a network without gRPC.
//
// Implementations call back on threads of their own, never from within a call made to them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "baton/v1/cluster.pb.h"
#include "baton/v1/kv.pb.h"

namespace baton::client {

// Told of what happens on one stream, by one thread at a time.
class StreamListener {
 public:
  virtual ~StreamListener() = default;
  // The listener may move parts out of `response`, which is gone when the call returns.
  virtual void OnMessage(v1::ExchangeResponse* response) = 0;
  // The message last written was taken: the next may be written. May run beside OnMessage.
  virtual void OnWritable() = 0;
  // The stream broke or was closed. The last call.
  virtual void OnClosed(const absl::Status& why) = 0;
};

// One Exchange stream. Thread-safe.
class Stream {
 public:
  virtual ~Stream() = default;
  // Sends one serialized v1.ExchangeRequest. REQUIRES: OnWritable came for the one before. On a
  // closed stream it does nothing.
  virtual void Write(std::string message) = 0;
  // Gives the stream up; OnClosed follows. May be repeated.
  virtual void Close() = 0;
};

class Network {
 public:
  // The answer of a node, or why there is none.
  using ProbeDone = std::function<void(const absl::Status&, const v1::StatusResponse&)>;

  virtual ~Network() = default;
  // Opens a stream. The listener lives until its OnClosed returns.
  virtual std::shared_ptr<Stream> Open(const std::string& address, StreamListener* listener) = 0;
  // Asks the node at `address` for its status.
  virtual void Probe(const std::string& address, int64_t timeout_us, ProbeDone done) = 0;
  // Cancels all probes and returns once every probe and every stream has made its last call.
  // REQUIRES: every stream was closed. Nothing is opened or asked afterwards.
  virtual void Shutdown() = 0;
};

}  // namespace baton::client
