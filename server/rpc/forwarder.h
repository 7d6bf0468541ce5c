// Forwarder: passes a unary call that reached a follower on to the leader, once.
//
// The forwarded call keeps the request as it came, its remaining deadline, and is marked in its
// metadata; a marked call is never forwarded again. Any thread; callbacks run on gRPC's threads.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "baton/v1/kv_service.grpc.pb.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr char kForwardedKey[] = "baton-forwarded";

// What became of a forwarded call, as a failure for the caller. A write that may have been sent and
// was not answered by a node has an unknown outcome.
Failure ForwardedFailure(const grpc::Status& status, bool write);

class Forwarder {
 public:
  static constexpr size_t kChannelsMax = 64;  // leaders ever forwarded to; all are closed above it

  template <class Request, class Response>
  using Method = void (v1::Kv::StubInterface::async_interface::*)(
      grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);

  explicit Forwarder(std::string node_name) : node_name_(std::move(node_name)) {}

  // Calls `method` at `leader`. `request` and `response` live until `done` has been called. Returns
  // false, without calling `done`, if the leader is known not to be reachable: nothing was sent.
  template <class Request, class Response>
  bool Forward(const LeaderHint& leader, std::chrono::system_clock::time_point deadline,
               Method<Request, Response> method, const Request* request, Response* response,
               std::function<void(grpc::Status)> done) {
    auto context = std::make_shared<grpc::ClientContext>();
    context->set_deadline(deadline);
    context->AddMetadata(kForwardedKey, node_name_);
    std::shared_ptr<v1::Kv::Stub> stub = Begin(leader.client_address, context);
    if (stub == nullptr) return false;
    (stub->async()->*method)(
        context.get(), request, response,
        [this, context, stub, done = std::move(done)](grpc::Status status) mutable {
          End(std::move(context), std::move(stub));
          done(std::move(status));
        });
    return true;
  }

  // Cancels what is under way and forwards no more: a node that stops does not wait for another.
  void Stop();

 private:
  struct Target {
    std::shared_ptr<grpc::Channel> channel;
    std::shared_ptr<v1::Kv::Stub> stub;
  };
  // nullptr when the channel has failed and not recovered, and after Stop.
  std::shared_ptr<v1::Kv::Stub> Begin(const std::string& address,
                                      const std::shared_ptr<grpc::ClientContext>& context);
  // Lets go of them while the target holds its channel: gRPC 1.51 cannot have the last of its
  // channels destroyed on one of its own threads (grpc/grpc pull request 32584).
  void End(std::shared_ptr<grpc::ClientContext> context, std::shared_ptr<v1::Kv::Stub> stub);

  const std::string node_name_;
  Mutex mutex_;
  std::map<std::string, Target> targets_ BATON_GUARDED_BY(mutex_);  // by address
  std::set<std::shared_ptr<grpc::ClientContext>> under_way_ BATON_GUARDED_BY(mutex_);
  bool stopped_ BATON_GUARDED_BY(mutex_) = false;
};

}  // namespace baton::server
