// One unary call that becomes one call of the node, and is refused by a node that cannot answer it.
// Functions, any thread.
#pragma once

#include <grpcpp/server_context.h>

#include <memory>
#include <utility>
#include <vector>

#include "server/replica/clock.h"
#include "server/rpc/call_context.h"
#include "server/rpc/failure.h"
#include "server/rpc/node_handle.h"

namespace baton::server {

// The node, and who calls it until when. Fails when there is no node to be called.
template <class Request>
Failure BeginCall(const NodeHandle& handle, const Clock& clock,
                  grpc::CallbackServerContext* context, const Request& request, Node** node,
                  CallContext* call) {
  *node = handle.get();
  if (*node == nullptr) return handle.Absent();
  return MakeCallContext({"", RemainingUs(context->deadline())}, request.context(),
                         clock.LeaseNowUs(), call);
}

// Waits for the answer, which a FillResponse(const Answer&, Response*) turns into the response.
template <class Response>
class NodeCall final : public AnswerSink {
 public:
  NodeCall(grpc::ServerUnaryReactor* reactor, Response* response)
      : reactor_(reactor), response_(response) {}
  void Answered(uint64_t, Answer answer) override {
    Failure failure = answer.failure;
    if (failure.ok()) failure = FillResponse(answer, response_);
    reactor_->Finish(ToGrpcStatus(failure));
  }
  void Flush() override {}

 private:
  grpc::ServerUnaryReactor* const reactor_;
  Response* const response_;  // lives until Finish
};

// `request` of the node, answered into `response`.
template <class Response>
void Ask(Node* node, Request request, const CallContext& context, grpc::ServerUnaryReactor* reactor,
         Response* response) {
  std::vector<Call> calls(1);
  calls[0].context = context;
  calls[0].request = std::move(request);
  node->Submit(std::move(calls), std::make_shared<NodeCall<Response>>(reactor, response));
}

// A change that an operator asks for: parse(request, node, &change) gives what is wrong with it.
// Actor and reason are kept with it.
template <class Change, class Request, class Response, class Parse>
grpc::ServerUnaryReactor* AskForChange(const NodeHandle& handle, const Clock& clock,
                                       grpc::CallbackServerContext* context, const Request& request,
                                       Response* response, const Parse& parse) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  Node* node = nullptr;
  CallContext call;
  Change change;
  Failure failure = BeginCall(handle, clock, context, request, &node, &call);
  if (failure.ok()) failure = CheckReason(request.reason());
  if (failure.ok()) failure = parse(request, *node, &change);
  if (!failure.ok()) {
    reactor->Finish(ToGrpcStatus(failure));
    return reactor;
  }
  change.actor = call.actor;
  change.reason = request.reason();
  Ask(node, std::move(change), call, reactor, response);
  return reactor;
}

}  // namespace baton::server
