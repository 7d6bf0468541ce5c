// Requests and results between the public types and the wire. Pure functions, any thread.
//
// Encode… give a serialized v1.ExchangeRequest with one item. Such requests joined end to end are
// one request with all items, because a protobuf parser appends repeated fields: a message is
// gathered by appending bytes, and a call that is sent again is not encoded again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/client.h"
#include "baton/v1/kv.pb.h"
#include "client/session_pool.h"

namespace baton::client {

// OK, or INVALID_ARGUMENT saying which option is out of its bounds.
absl::Status CheckOptions(const CallOptions& options);
absl::Status CheckSessionTtl(const ClientOptions& options);

// Names the level in a request; one that is the leader's alone stays unnamed.
void SetLevel(const ReadOptions& read, v1::GetRequest* request);

std::string EncodeGet(uint64_t id, std::string_view key, const CallOptions& options);
std::string EncodeMultiGet(uint64_t id, const std::vector<std::string>& keys,
                           const CallOptions& options);
std::string EncodeScan(uint64_t id, const ScanRange& range, const PageOptions& page,
                       const CallOptions& options);
std::string EncodePut(uint64_t id, std::string_view key, std::string_view value,
                      const CallOptions& options, const WriteStamp& stamp = {});
std::string EncodeDelete(uint64_t id, std::string_view key, const DeleteOptions& what,
                         const CallOptions& options, const WriteStamp& stamp = {});
std::string EncodeDeleteRange(uint64_t id, std::string_view begin, std::string_view end,
                              const DeleteRangeOptions& what, const CallOptions& options,
                              const WriteStamp& stamp = {});
std::string EncodeIncrement(uint64_t id, std::string_view key, int64_t by,
                            const CallOptions& options, const WriteStamp& stamp = {});
std::string EncodeAppend(uint64_t id, std::string_view key, std::string_view bytes,
                         const CallOptions& options, const WriteStamp& stamp = {});
std::string EncodeBatch(uint64_t id, const WriteBatch& batch, const CallOptions& options,
                        const WriteStamp& stamp = {});

std::string EncodeOpenSession(uint64_t id, uint32_t ttl_ms, uint32_t timeout_ms);
std::string EncodeEndSession(uint64_t id, uint64_t session, uint32_t timeout_ms);
std::string EncodeGetOutcome(uint64_t id, uint64_t session, uint64_t sequence,
                             const CallOptions& options);

// Writes another stamp into an encoded write.
void SetStamp(std::string* request, const WriteStamp& stamp);
// Writes the time that is left into an encoded request. REQUIRES: `request` is from Encode….
void SetTimeout(std::string* request, int64_t timeout_us);

// The result of a call that succeeded; strings are moved out of it. INTERNAL if the server
// answered with a result of another kind.
template <class Result>
absl::StatusOr<Result> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<GetResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<MultiGetResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<ScanPage> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<WriteResult> Decode(v1::ExchangeResult* result);  // of a put
template <>
absl::StatusOr<IncrementResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<AppendResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<BatchResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<DeleteResult> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<DeleteRangeResult> Decode(v1::ExchangeResult* result);
struct OpenedSession {
  uint64_t id = 0;
};
template <>
absl::StatusOr<OpenedSession> Decode(v1::ExchangeResult* result);
struct EndedSession {};
template <>
absl::StatusOr<EndedSession> Decode(v1::ExchangeResult* result);
template <>
absl::StatusOr<OutcomeResult> Decode(v1::ExchangeResult* result);

}  // namespace baton::client
