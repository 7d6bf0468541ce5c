// KvService: the key-value service, on gRPC's callback threads, which it never blocks.
//
// A unary call becomes one call of the node; at a follower it is forwarded to the leader once. An
// Exchange stream is an ExchangeStream. Outlives the server it is added to.
#pragma once

#include <memory>
#include <string>

#include "baton/v1/kv_service.grpc.pb.h"
#include "server/replica/clock.h"
#include "server/rpc/forwarder.h"
#include "server/rpc/metrics.h"
#include "server/rpc/node_handle.h"

namespace baton::server {

class KvService final : public v1::Kv::CallbackService {
 public:
  KvService(const NodeHandle* node, const Clock* clock, std::string node_name, RpcMetrics* metrics);

  // Before the server is shut down: forwards no more, and gives up what is being forwarded.
  void Stop() { forwarder_.Stop(); }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* MultiGet(grpc::CallbackServerContext* context,
                                     const v1::MultiGetRequest* request,
                                     v1::MultiGetResponse* response) override;
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const v1::PutRequest* request,
                                v1::PutResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const v1::DeleteRequest* request,
                                   v1::DeleteResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRange(grpc::CallbackServerContext* context,
                                        const v1::DeleteRangeRequest* request,
                                        v1::DeleteRangeResponse* response) override;
  grpc::ServerUnaryReactor* Increment(grpc::CallbackServerContext* context,
                                      const v1::IncrementRequest* request,
                                      v1::IncrementResponse* response) override;
  grpc::ServerUnaryReactor* Append(grpc::CallbackServerContext* context,
                                   const v1::AppendRequest* request,
                                   v1::AppendResponse* response) override;
  grpc::ServerUnaryReactor* Batch(grpc::CallbackServerContext* context,
                                  const v1::BatchRequest* request,
                                  v1::BatchResponse* response) override;
  grpc::ServerUnaryReactor* Scan(grpc::CallbackServerContext* context,
                                 const v1::ScanRequest* request,
                                 v1::ScanResponse* response) override;
  grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse>* Exchange(
      grpc::CallbackServerContext* context) override;

 private:
  template <class Request, class Response>
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, Forwarder::Method<Request, Response> method);

  const NodeHandle* const node_;
  const Clock* const clock_;
  RpcMetrics* const metrics_;
  Forwarder forwarder_;
};

}  // namespace baton::server
