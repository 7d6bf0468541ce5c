#include "server/rpc/kv_service.h"

#include <type_traits>
#include <utility>
#include <vector>

#include "server/rpc/call_context.h"
#include "server/rpc/exchange_stream.h"
#include "server/rpc/failure.h"
#include "server/rpc/requests.h"

namespace baton::server {
namespace {

template <class Request>
constexpr bool kWrites =
    !std::is_same_v<Request, v1::GetRequest> && !std::is_same_v<Request, v1::MultiGetRequest> &&
    !std::is_same_v<Request, v1::ScanRequest>;

// Waits for the answer of one unary call, and forwards the call if this node does not lead.
template <class Request, class Response>
class UnaryCall final : public AnswerSink,
                        public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  UnaryCall(grpc::CallbackServerContext* context, const Request* request, Response* response,
            Forwarder* forwarder, Forwarder::Method<Request, Response> method, RpcMetrics* metrics)
      : reactor_(context->DefaultReactor()),
        request_(request),
        response_(response),
        forwarder_(forwarder),
        method_(method),
        metrics_(metrics),
        forwarded_(context->client_metadata().count(kForwardedKey) > 0) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  // How long a forwarded call may take, and where a scan's next page is bound to.
  void SetDeadline(std::chrono::system_clock::time_point deadline) { deadline_ = deadline; }
  void SetBinding(uint64_t binding) { binding_ = binding; }
  void SetWrite(bool write) { write_ = write; }

  void Answered(uint64_t, Answer answer) override {
    Failure& failure = answer.failure;
    if (failure.reason == Reason::kNotLeader) {
      if (forwarded_) {
        failure.code = absl::StatusCode::kUnavailable;
        failure.reason = Reason::kForwardedTwice;
        failure.message = "leadership moved while the call was forwarded: try again";
      } else if (failure.leader && Forward(*failure.leader)) {
        return;
      }
    }
    if (failure.ok()) failure = Fill(&answer);
    Finish(failure);
  }
  void Flush() override {}

  void Finish(const Failure& failure) {
    if (!failure.ok()) metrics_->failures[static_cast<size_t>(failure.reason)].Add();
    reactor_->Finish(ToGrpcStatus(failure));
  }

 private:
  Failure Fill(Answer* answer) {
    if constexpr (std::is_same_v<Response, v1::ScanResponse>) {
      return FillResponse(answer, binding_, response_);
    } else {
      return FillResponse(answer, response_);
    }
  }

  bool Forward(const LeaderHint& leader) {
    auto self = this->shared_from_this();
    const bool sent = forwarder_->Forward(
        leader, deadline_, method_, request_, response_,
        [self](grpc::Status status) { self->Finish(ForwardedFailure(status, self->write_)); });
    if (sent) metrics_->forwarded.Add();
    return sent;
  }

  grpc::ServerUnaryReactor* const reactor_;
  const Request* const request_;  // lives until Finish
  Response* const response_;      // lives until Finish
  Forwarder* const forwarder_;
  const Forwarder::Method<Request, Response> method_;
  RpcMetrics* const metrics_;
  const bool forwarded_;
  std::chrono::system_clock::time_point deadline_;
  uint64_t binding_ = 0;
  bool write_ = false;
};

}  // namespace

KvService::KvService(const NodeHandle* node, const Clock* clock, std::string node_name,
                     RpcMetrics* metrics)
    : node_(node), clock_(clock), metrics_(metrics), forwarder_(std::move(node_name)) {}

template <class Request, class Response>
grpc::ServerUnaryReactor* KvService::Serve(grpc::CallbackServerContext* context,
                                           const Request* request, Response* response,
                                           Forwarder::Method<Request, Response> method) {
  metrics_->unary_calls.Add();
  auto unary = std::make_shared<UnaryCall<Request, Response>>(context, request, response,
                                                              &forwarder_, method, metrics_);
  grpc::ServerUnaryReactor* const reactor = unary->reactor();
  Node* const node = node_->get();
  if (node == nullptr) {
    unary->Finish(node_->Absent());
    return reactor;
  }
  std::vector<Call> calls(1);
  Call& call = calls[0];
  engine::KeyspacePtr keyspace;
  Request copy = *request;  // the original stays whole, to be forwarded
  const int64_t now_us = clock_->LeaseNowUs();
  const CallOrigin origin{"", RemainingUs(context->deadline())};
  Failure failure = MakeCallContext(origin, request->context(), now_us, &call.context);
  if (failure.ok()) failure = ResolveKeyspace(*node, request->context().keyspace(), &keyspace);
  if (failure.ok()) failure = ParseRequest(*node, &copy, *keyspace, &call);
  unary->SetDeadline(std::chrono::system_clock::now() +
                     std::chrono::microseconds(call.context.deadline_us - now_us));
  unary->SetWrite(kWrites<Request>);
  if (!failure.ok()) {
    Answer answer;
    answer.failure = std::move(failure);
    unary->Answered(0,
                    std::move(answer));  // the leader may know a keyspace that this node does not
    return reactor;
  }
  call.durability = FromProto(request->context().durability());
  if constexpr (std::is_same_v<Request, v1::ScanRequest>) {
    unary->SetBinding(ScanBinding(*request, keyspace->id));
  }
  node->Submit(std::move(calls), std::move(unary));
  return reactor;
}

using Remote = v1::Kv::StubInterface::async_interface;

grpc::ServerUnaryReactor* KvService::Get(grpc::CallbackServerContext* context,
                                         const v1::GetRequest* request, v1::GetResponse* response) {
  return Serve<v1::GetRequest, v1::GetResponse>(context, request, response, &Remote::Get);
}
grpc::ServerUnaryReactor* KvService::MultiGet(grpc::CallbackServerContext* context,
                                              const v1::MultiGetRequest* request,
                                              v1::MultiGetResponse* response) {
  return Serve<v1::MultiGetRequest, v1::MultiGetResponse>(context, request, response,
                                                          &Remote::MultiGet);
}
grpc::ServerUnaryReactor* KvService::Put(grpc::CallbackServerContext* context,
                                         const v1::PutRequest* request, v1::PutResponse* response) {
  return Serve<v1::PutRequest, v1::PutResponse>(context, request, response, &Remote::Put);
}
grpc::ServerUnaryReactor* KvService::Delete(grpc::CallbackServerContext* context,
                                            const v1::DeleteRequest* request,
                                            v1::DeleteResponse* response) {
  return Serve<v1::DeleteRequest, v1::DeleteResponse>(context, request, response, &Remote::Delete);
}
grpc::ServerUnaryReactor* KvService::DeleteRange(grpc::CallbackServerContext* context,
                                                 const v1::DeleteRangeRequest* request,
                                                 v1::DeleteRangeResponse* response) {
  return Serve<v1::DeleteRangeRequest, v1::DeleteRangeResponse>(context, request, response,
                                                                &Remote::DeleteRange);
}
grpc::ServerUnaryReactor* KvService::Increment(grpc::CallbackServerContext* context,
                                               const v1::IncrementRequest* request,
                                               v1::IncrementResponse* response) {
  return Serve<v1::IncrementRequest, v1::IncrementResponse>(context, request, response,
                                                            &Remote::Increment);
}
grpc::ServerUnaryReactor* KvService::Append(grpc::CallbackServerContext* context,
                                            const v1::AppendRequest* request,
                                            v1::AppendResponse* response) {
  return Serve<v1::AppendRequest, v1::AppendResponse>(context, request, response, &Remote::Append);
}
grpc::ServerUnaryReactor* KvService::Batch(grpc::CallbackServerContext* context,
                                           const v1::BatchRequest* request,
                                           v1::BatchResponse* response) {
  return Serve<v1::BatchRequest, v1::BatchResponse>(context, request, response, &Remote::Batch);
}
grpc::ServerUnaryReactor* KvService::Scan(grpc::CallbackServerContext* context,
                                          const v1::ScanRequest* request,
                                          v1::ScanResponse* response) {
  return Serve<v1::ScanRequest, v1::ScanResponse>(context, request, response, &Remote::Scan);
}

grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse>* KvService::Exchange(
    grpc::CallbackServerContext* context) {
  return StartExchange(context, *node_, clock_, metrics_);
}

}  // namespace baton::server
