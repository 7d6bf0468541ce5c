#include "server/rpc/forwarder.h"

#include "server/rpc/channel.h"
#include "server/rpc/failure.h"

namespace baton::server {

Failure ForwardedFailure(const grpc::Status& status, bool write) {
  Failure failure = FromGrpcStatus(status);
  if (failure.ok()) return failure;
  if (failure.reason == Reason::kNone) {  // no node said this: the call was lost on the way
    failure.code = absl::StatusCode::kUnavailable;
    failure.reason = write ? Reason::kOutcomeUnknown : Reason::kNoLeader;
    failure.message = "forwarded to the leader, which did not answer: " + status.error_message();
    return failure;
  }
  if (failure.reason == Reason::kNotLeader) {
    failure.code = absl::StatusCode::kUnavailable;
    failure.reason = Reason::kForwardedTwice;
    failure.message = "leadership moved while the call was forwarded: try again";
  }
  return failure;
}

std::shared_ptr<v1::Kv::Stub> Forwarder::Begin(
    const std::string& address, const std::shared_ptr<grpc::ClientContext>& context) {
  MutexLock lock(&mutex_);
  if (stopped_) return nullptr;
  auto it = targets_.find(address);
  if (it == targets_.end()) {
    if (targets_.size() >= kChannelsMax) targets_.clear();
    Target target;
    target.channel = ConnectToNode(address);
    target.stub = v1::Kv::NewStub(target.channel);
    it = targets_.emplace(address, std::move(target)).first;
  }
  const grpc_connectivity_state state = it->second.channel->GetState(/*try_to_connect=*/true);
  if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return nullptr;
  under_way_.insert(context);
  return it->second.stub;
}

void Forwarder::End(std::shared_ptr<grpc::ClientContext> context,
                    std::shared_ptr<v1::Kv::Stub> stub) {
  MutexLock lock(&mutex_);
  under_way_.erase(context);
  context.reset();
  stub.reset();
}

void Forwarder::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  for (const auto& context : under_way_) context->TryCancel();
}

}  // namespace baton::server
