#include "client/grpc_network.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <utility>

#include "base/check.h"
#include "baton/v1/cluster_service.grpc.pb.h"
#include "client/grpc_stream.h"
#include "client/wire_error.h"

namespace baton::client {
namespace {

constexpr int kReconnectMs = 100;  // the least that gRPC allows
constexpr int kConnectMs = 1000;   // an attempt to connect takes no longer
// A connection that a network cut has silenced is dropped, used or not: TCP alone would try it for
// minutes after the cut has healed.
constexpr int kKeepaliveMs = 5000;
constexpr int kKeepaliveTimeoutMs = 2000;
constexpr int kLookaheadBytes = 4 << 20;  // a stream's receive window
constexpr int kFrameBytesMax = 1 << 20;

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // Each client has connections of its own: one that is stuck holds up nobody else's calls.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, GrpcNetwork::kAnswerBytesMax);
  arguments.SetInt(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
  // A fixed window instead of one found by pings.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrameBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // what may be repeated is ours to say
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

struct GrpcNetwork::ProbeCall {
  std::unique_ptr<v1::Cluster::Stub> stub;
  grpc::ClientContext context;
  v1::StatusRequest request;
  v1::StatusResponse response;
  ProbeDone done;
};

GrpcNetwork::~GrpcNetwork() {
  MutexLock lock(&mutex_);
  BATON_CHECK(streams_ == 0 && probes_.empty());
}

std::shared_ptr<grpc::Channel> GrpcNetwork::ChannelTo(const std::string& address) {
  MutexLock lock(&mutex_);
  std::shared_ptr<grpc::Channel>& channel = channels_[address];
  if (channel == nullptr) channel = MakeChannel(address);
  return channel;
}

std::shared_ptr<Stream> GrpcNetwork::Open(const std::string& address, StreamListener* listener) {
  std::shared_ptr<grpc::Channel> channel = ChannelTo(address);
  {
    MutexLock lock(&mutex_);
    ++streams_;
  }
  return GrpcStream::Start(std::move(channel), listener, [this] { StreamDone(); });
}

void GrpcNetwork::StreamDone() {
  MutexLock lock(&mutex_);
  --streams_;
  idle_.NotifyAll();
}

void GrpcNetwork::Probe(const std::string& address, int64_t timeout_us, ProbeDone done) {
  auto* const call = new ProbeCall;  // deleted in ProbeAnswered
  call->stub = v1::Cluster::NewStub(ChannelTo(address));
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(timeout_us));
  call->request.mutable_context()->set_timeout_ms(static_cast<uint32_t>(timeout_us / 1000));
  {
    MutexLock lock(&mutex_);
    probes_.insert(call);
    if (shut_down_) call->context.TryCancel();
  }
  call->stub->async()->Status(
      &call->context, &call->request, &call->response, [this, call](const grpc::Status& status) {
        call->done(status.ok() ? absl::OkStatus() : FromGrpc(status), call->response);
        ProbeAnswered(call);
      });
}

// What the call holds of its channel goes while the network holds the channel too: gRPC 1.51 cannot
// have the last of its channels destroyed on one of its own threads (grpc/grpc pull request 32584).
void GrpcNetwork::ProbeAnswered(ProbeCall* call) {
  MutexLock lock(&mutex_);
  probes_.erase(call);
  delete call;
  idle_.NotifyAll();
}

void GrpcNetwork::Shutdown() {
  MutexLock lock(&mutex_);
  shut_down_ = true;
  for (ProbeCall* call : probes_) call->context.TryCancel();
  while (streams_ > 0 || !probes_.empty()) idle_.Wait(&mutex_);
}

}  // namespace baton::client
