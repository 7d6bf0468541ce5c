// Requests of the wire as calls of the node, and its answers back.
//
// Parse… moves strings out of `*request` and fills the request of `*call`. What it refuses, it
// refuses whole; `node` knows the keyspaces that a batch names. Fill… moves records into the
// response; REQUIRES: the answer is ok. Functions, any thread; none blocks.
#pragma once

#include <cstdint>

#include "baton/v1/kv.pb.h"
#include "server/replica/node.h"

namespace baton::server {

inline constexpr uint64_t kScanLimitMax = 10'000;
inline constexpr uint64_t kAnswerBytesMax = 8 << 20;  // of one multi-get

Failure ParseRequest(const Node& node, v1::GetRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::MultiGetRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::PutRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::DeleteRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::DeleteRangeRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::IncrementRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::AppendRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::BatchRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);
Failure ParseRequest(const Node& node, v1::ScanRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call);

// A failure here is one of the answer's size, or of a sequence number that stands for another
// request.
Failure FillResponse(Answer* answer, v1::GetResponse* to);
Failure FillResponse(Answer* answer, v1::MultiGetResponse* to);
Failure FillResponse(Answer* answer, v1::PutResponse* to);
Failure FillResponse(Answer* answer, v1::DeleteResponse* to);
Failure FillResponse(Answer* answer, v1::DeleteRangeResponse* to);
Failure FillResponse(Answer* answer, v1::IncrementResponse* to);
Failure FillResponse(Answer* answer, v1::AppendResponse* to);
Failure FillResponse(Answer* answer, v1::BatchResponse* to);
// `binding`: ScanBinding of the request that was answered.
Failure FillResponse(Answer* answer, uint64_t binding, v1::ScanResponse* to);

// What a page token is bound to: everything of the request but its limit, deadline and token.
uint64_t ScanBinding(const v1::ScanRequest& request, KeyspaceId keyspace);

// The request's keyspace. Fails for one that is not there, or is not known to this node.
Failure ResolveKeyspace(const Node& node, const std::string& name, engine::KeyspacePtr* keyspace);

engine::Durability FromProto(v1::Durability durability);  // REQUIRES: a known one

}  // namespace baton::server
