#include "client/grpc_stream.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>

#include "baton/v1/kv.pb.h"
#include "client/wire_error.h"

namespace baton::client {
namespace {

constexpr char kMethod[] = "/baton.v1.Kv/Exchange";

google::protobuf::ArenaOptions ArenaWithBlock(char* block, size_t size) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = size;
  return options;
}

// A buffer that owns `message` without copying it.
grpc::ByteBuffer Wrap(std::string message) {
  auto* const owned = new std::string(std::move(message));
  const grpc::Slice slice(
      owned->data(), owned->size(), [](void* owner) { delete static_cast<std::string*>(owner); },
      owned);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

std::shared_ptr<GrpcStream> GrpcStream::Start(std::shared_ptr<grpc::Channel> channel,
                                              StreamListener* listener,
                                              std::function<void()> done) {
  std::shared_ptr<GrpcStream> stream(new GrpcStream(std::move(channel), listener, std::move(done)));
  stream->self_ = stream;
  stream->stub_.PrepareBidiStreamingCall(&stream->context_, kMethod, grpc::StubOptions(),
                                         stream.get());
  stream->AddHold();
  stream->StartRead(&stream->reading_);
  stream->StartCall();
  return stream;
}

GrpcStream::GrpcStream(std::shared_ptr<grpc::Channel> channel, StreamListener* listener,
                       std::function<void()> done)
    : channel_(std::move(channel)),
      listener_(listener),
      done_(std::move(done)),
      stub_(channel_),
      block_(new char[kArenaBlockBytes]),
      arena_(ArenaWithBlock(block_.get(), kArenaBlockBytes)) {}

void GrpcStream::Write(std::string message) {
  {
    MutexLock lock(&mutex_);
    if (closed_) return;
    ++users_;
  }
  writing_ = Wrap(std::move(message));
  StartWrite(&writing_);
  Leave();
}

void GrpcStream::Close() {
  {
    MutexLock lock(&mutex_);
    if (closed_) return;
    closed_ = true;
  }
  context_.TryCancel();
  Leave();
}

void GrpcStream::Leave() {
  {
    MutexLock lock(&mutex_);
    if (--users_ > 0) return;
  }
  RemoveHold();
}

void GrpcStream::OnWriteDone(bool ok) {
  if (ok) listener_->OnWritable();
}

void GrpcStream::OnReadDone(bool ok) {
  if (!ok) {
    Close();
    return;
  }
  auto* const response = google::protobuf::Arena::CreateMessage<v1::ExchangeResponse>(&arena_);
  grpc::ProtoBufferReader reader(&reading_);
  if (!reader.status().ok() || !response->ParseFromZeroCopyStream(&reader)) {
    Close();  // not a server of ours
    return;
  }
  listener_->OnMessage(response);
  arena_.Reset();
  StartRead(&reading_);
}

void GrpcStream::OnDone(const grpc::Status& status) {
  listener_->OnClosed(status.ok() ? absl::UnavailableError("the server closed the stream")
                                  : FromGrpc(status));
  const std::function<void()> done = done_;
  self_.reset();  // perhaps the end of this
  done();
}

}  // namespace baton::client
