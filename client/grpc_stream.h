// One Exchange stream over gRPC.
//
// The request side carries bytes that are serialized already; an answer is parsed into an arena
// that is used again for the next. The object keeps itself alive until gRPC's last reaction.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "client/network.h"

namespace baton::client {

class GrpcStream final : public Stream,
                         public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Opens a stream on `channel`. `done` is called after the listener's OnClosed, as the very last.
  static std::shared_ptr<GrpcStream> Start(std::shared_ptr<grpc::Channel> channel,
                                           StreamListener* listener, std::function<void()> done);

  void Write(std::string message) override;
  void Close() override;

 private:
  static constexpr size_t kArenaBlockBytes = 64 << 10;

  GrpcStream(std::shared_ptr<grpc::Channel> channel, StreamListener* listener,
             std::function<void()> done);

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Ends a use of the reactor by a thread that is not gRPC's; the last one after Close lets gRPC
  // finish.
  void Leave() BATON_EXCLUDES(mutex_);

  const std::shared_ptr<grpc::Channel> channel_;
  StreamListener* const listener_;
  const std::function<void()> done_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::shared_ptr<GrpcStream> self_;  // set until OnDone

  grpc::ByteBuffer writing_;  // of the one write under way
  grpc::ByteBuffer reading_;
  const std::unique_ptr<char[]> block_;
  google::protobuf::Arena arena_;  // of the message being handled

  Mutex mutex_;
  bool closed_ BATON_GUARDED_BY(mutex_) = false;
  // Threads inside Write, and one more until Close. At 0 the hold on the reactor is gone.
  int users_ BATON_GUARDED_BY(mutex_) = 1;
};

}  // namespace baton::client
