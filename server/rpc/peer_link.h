// PeerLink: the stream on which this node sends to one peer. Dials, says Hello, writes what is
// queued, and dials again when the stream ends.
//
// Owner: GrpcTransport. Send, Open, Close and Cancel: any thread. Everything else runs on the peer
// I/O thread. A write is started by the thread that sends when none is in flight, so an idle link
// costs no hand-off. Lifetime: until Done() after Close().
//
//   kIdle -> kDialing -> kGreeting -> kOpen -> kEnding -> kWaiting -> kDialing ...  | kClosed
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "consensus/message.h"
#include "server/rpc/hello.h"
#include "server/rpc/metrics.h"
#include "server/rpc/operation.h"
#include "server/rpc/peer_queue.h"

namespace baton::server {

class PeerLink {
 public:
  struct Options {
    PeerIdentity self;
    MemberInfo peer;
    // Told why when the peer's recovery has left this node behind; must not block.
    std::function<void(const std::string& why)> left_behind;
  };
  // `closed` is called once, on the peer I/O thread or in Close, when nothing is in flight and
  // nothing will be.
  PeerLink(Options options, grpc::CompletionQueue* queue, PeerMetrics* metrics,
           std::function<void()> closed);
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void Open();  // once
  // Sends what waits, then hangs up. Once, after Open.
  void Close();
  void Cancel();  // hangs up at once; after Close

  void Send(const consensus::Message& message);
  bool connected() const;
  std::string refusal() const;  // why no stream stands, if one side refused; else empty

 private:
  enum class State { kIdle, kDialing, kGreeting, kOpen, kEnding, kWaiting, kClosed };
  // One stream and all it needs. Written by the I/O thread only.
  struct Attempt {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
    grpc::ByteBuffer read;
    grpc::Status status;
  };

  void Dial();
  void OnStarted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnAlarm(bool ok);
  // Why the peer's Hello is not good; empty when it is.
  std::string TakeHello() BATON_REQUIRES(mutex_);
  // REQUIRES: writing_, claimed by the caller.
  void StartWrite(const std::vector<FramedMessage>& frames);
  void HalfClose() BATON_REQUIRES(mutex_);
  void FinishIfQuiet();
  void Closed();
  int64_t RedialDelayUs();

  const Options options_;
  grpc::CompletionQueue* const queue_;
  PeerMetrics* const metrics_;
  const std::function<void()> closed_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;

  MethodOperation<PeerLink> on_started_{this, &PeerLink::OnStarted};
  MethodOperation<PeerLink> on_read_{this, &PeerLink::OnRead};
  MethodOperation<PeerLink> on_written_{this, &PeerLink::OnWritten};
  MethodOperation<PeerLink> on_finished_{this, &PeerLink::OnFinished};
  MethodOperation<PeerLink> on_alarm_{this, &PeerLink::OnAlarm};

  // I/O thread only.
  bool greeted_ = false;        // this attempt got as far as kOpen
  uint32_t failures_ = 0;       // attempts in a row that did not
  bool refused_now_ = false;    // this attempt was refused by a side
  bool peer_unformed_ = false;  // it was, because the peer belongs to no cluster yet
  uint64_t jitter_state_;

  mutable Mutex mutex_;
  State state_ BATON_GUARDED_BY(mutex_) = State::kIdle;
  bool closing_ BATON_GUARDED_BY(mutex_) = false;
  bool half_closed_ BATON_GUARDED_BY(mutex_) = false;  // only while closing
  bool writing_ BATON_GUARDED_BY(mutex_) = false;  // a write is in flight, or about to be started
  bool reading_ BATON_GUARDED_BY(mutex_) = false;
  PeerQueue waiting_ BATON_GUARDED_BY(mutex_);  // empty unless kOpen
  std::string refusal_ BATON_GUARDED_BY(mutex_);
  std::unique_ptr<Attempt> attempt_ BATON_GUARDED_BY(mutex_);  // replaced when nothing is in flight
  grpc::Alarm alarm_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::server
