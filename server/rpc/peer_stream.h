// PeerStream: a stream that a peer opened to this node. Checks its Hello, then hands every message
// that arrives to the node.
//
// Owner: GrpcTransport. All on the peer I/O thread. Lifetime: until it calls `ended`.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <optional>
#include <string>

#include "server/codec/peer_codec.h"
#include "server/rpc/operation.h"

namespace baton::server {

class PeerService;
class PeerStream;

// What a stream asks of the transport.
class PeerStreamHost {
 public:
  virtual ~PeerStreamHost() = default;
  virtual void StreamStarted(PeerStream* stream) = 0;  // a peer has called
  // The answer to a Hello; its `refused` says whether the stream may go on.
  virtual peer::v1::Hello Greet(PeerStream* stream, const peer::v1::Hello& hello) = 0;
  virtual void Deliver(consensus::Message message) = 0;
  virtual void BadFrame(const std::string& from, const std::string& what) = 0;
  virtual void StreamEnded(PeerStream* stream, bool started) = 0;  // deletes it
};

class PeerStream {
 public:
  // Waits for a peer to call.
  PeerStream(PeerStreamHost* host, PeerService* service, grpc::ServerCompletionQueue* queue);
  PeerStream(const PeerStream&) = delete;
  PeerStream& operator=(const PeerStream&) = delete;

  void Cancel();                           // REQUIRES: started
  uint32_t peer() const { return peer_; }  // node id; 0 before the Hello

 private:
  void OnCalled(bool ok);
  void OnRead(bool ok);
  void OnGreeted(bool ok);
  void OnFinished(bool ok);
  void OnAlarm(bool ok);
  bool Take(PeerMessage message);
  void End(grpc::Status status);
  void FinishIfQuiet();

  PeerStreamHost* const host_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};
  grpc::ByteBuffer read_;
  grpc::Alarm hello_alarm_;
  MethodOperation<PeerStream> on_called_{this, &PeerStream::OnCalled};
  MethodOperation<PeerStream> on_read_{this, &PeerStream::OnRead};
  MethodOperation<PeerStream> on_greeted_{this, &PeerStream::OnGreeted};
  MethodOperation<PeerStream> on_finished_{this, &PeerStream::OnFinished};
  MethodOperation<PeerStream> on_alarm_{this, &PeerStream::OnAlarm};

  uint32_t peer_ = 0;
  bool greeted_ = false;  // its Hello was good
  bool reading_ = false;
  bool writing_ = false;
  bool alarm_set_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  std::optional<grpc::Status> end_;  // set: no more reads; finish with this
};

}  // namespace baton::server
