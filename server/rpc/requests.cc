#include "server/rpc/requests.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/rpc/failure.h"

namespace baton::server {
namespace {

using engine::kKeyBytesMax;
using engine::kRequestBytesMax;
using engine::kRequestOpsMax;
using engine::kValueBytesMax;

constexpr uint8_t kPageTokenVersion = 1;

std::string Limit(const char* name, uint64_t value) {
  return std::string(name) + "=" + std::to_string(value);
}

Failure CheckKey(const std::string& key) {
  if (key.empty()) return InvalidRequest("the key is empty: a key has 1 byte to 4 KiB");
  if (key.size() > kKeyBytesMax) {
    return OverLimit("the key has " + std::to_string(key.size()) + " bytes",
                     Limit("key_bytes_max", kKeyBytesMax));
  }
  return {};
}

// A bound of a range may be empty, and one byte longer than the longest key.
Failure CheckBound(const std::string& bound) {
  if (bound.size() <= kKeyBytesMax + 1) return {};
  return OverLimit("a bound of the range has " + std::to_string(bound.size()) + " bytes",
                   Limit("key_bytes_max", kKeyBytesMax));
}

Failure CheckRange(const std::string& begin, const std::string& end) {
  if (Failure f = CheckBound(begin); !f.ok()) return f;
  if (Failure f = CheckBound(end); !f.ok()) return f;
  if (!end.empty() && end < begin) {
    return InvalidRequest("the range ends before it begins: it is [begin, end)");
  }
  return {};
}

Failure CheckValue(const std::string& value) {
  if (value.size() <= kValueBytesMax) return {};
  return OverLimit("the value has " + std::to_string(value.size()) + " bytes",
                   Limit("value_bytes_max", kValueBytesMax));
}

// Of any of the three reads.
template <class Request>
Failure ParseLevel(const Request& request, ReadLevel* level) {
  if (!v1::ReadLevel_IsValid(request.level())) {
    return InvalidRequest("read level " + std::to_string(request.level()) + " is not known");
  }
  level->kind = static_cast<ReadLevel::Kind>(request.level());
  const bool bounded = level->kind == ReadLevel::Kind::kBoundedStaleness;
  const bool at_least = level->kind == ReadLevel::Kind::kAtLeast;
  if (bounded != (request.max_staleness_ms() != 0)) {
    return InvalidRequest(
        "max_staleness_ms goes with READ_LEVEL_BOUNDED_STALENESS, which needs 1 or more");
  }
  if (at_least != request.has_at_least()) {
    return InvalidRequest("the position at_least goes with READ_LEVEL_AT_LEAST, which needs one");
  }
  if (at_least && (request.at_least().slot() == 0 || request.at_least().reign_round() == 0)) {
    return InvalidRequest(
        "the position at_least needs slot and reign_round: take both from one answer");
  }
  level->max_staleness_us = int64_t{request.max_staleness_ms()} * 1000;
  level->at_least =
      Position{request.at_least().reign_round(), Slot{request.at_least().slot()}, Revision{}};
  return {};
}
static_assert(static_cast<int>(ReadLevel::Kind::kLinearizable) == v1::READ_LEVEL_LINEARIZABLE);
static_assert(static_cast<int>(ReadLevel::Kind::kBoundedStaleness) ==
              v1::READ_LEVEL_BOUNDED_STALENESS);
static_assert(static_cast<int>(ReadLevel::Kind::kAtLeast) == v1::READ_LEVEL_AT_LEAST);

// One write of one operation.
void SetWrite(KeyspaceId keyspace, engine::WriteOp op, Call* call) {
  engine::WriteRequest write;
  write.keyspace = keyspace;
  write.ops.push_back(std::move(op));
  call->request = std::move(write);
}

// The first key after every key that starts with `prefix`; empty: there is none.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

Failure ParseBatchOp(v1::BatchRequest::Op* op, uint64_t* bytes, engine::WriteRequest* to) {
  switch (op->op_case()) {
    case v1::BatchRequest::Op::kPut: {
      v1::Record* put = op->mutable_put();
      if (Failure f = CheckKey(put->key()); !f.ok()) return f;
      if (Failure f = CheckValue(put->value()); !f.ok()) return f;
      *bytes += put->key().size() + put->value().size();
      to->ops.emplace_back(
          engine::PutOp{std::move(*put->mutable_key()), std::move(*put->mutable_value())});
      return {};
    }
    case v1::BatchRequest::Op::kDeleteKey:
      if (Failure f = CheckKey(op->delete_key()); !f.ok()) return f;
      *bytes += op->delete_key().size();
      to->ops.emplace_back(engine::DeleteOp{std::move(*op->mutable_delete_key())});
      return {};
    case v1::BatchRequest::Op::kDeleteRange: {
      v1::DeleteRangeRequest* range = op->mutable_delete_range();
      if (Failure f = CheckRange(range->begin(), range->end()); !f.ok()) return f;
      *bytes += range->begin().size() + range->end().size();
      to->ops.emplace_back(engine::DeleteRangeOp{std::move(*range->mutable_begin()),
                                                 std::move(*range->mutable_end())});
      return {};
    }
    case v1::BatchRequest::Op::OP_NOT_SET:
      break;
  }
  return InvalidRequest("an operation of the batch is empty: set put, delete_key or delete_range");
}

template <class Response>
const engine::WriteResult& FillWrite(const Answer& answer, Response* to) {
  ToProto(answer.position, to->mutable_position());
  to->set_durability(static_cast<v1::Durability>(answer.durability));
  const auto* result = std::get_if<engine::WriteResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "a write was answered with something else";
  to->mutable_position()->set_revision(result->revision.value);
  return *result;
}

void FillRecord(engine::Record* record, v1::Record* to) {
  if (!record->key.empty()) to->set_key(std::move(record->key));
  to->set_value(std::move(record->value));
  to->set_revision(record->revision.value);
}

static_assert(static_cast<int>(engine::Durability::kQuorum) == v1::DURABILITY_QUORUM);

}  // namespace

Failure ParseRequest(v1::GetRequest* request, KeyspaceId keyspace, Call* call) {
  if (Failure f = CheckKey(request->key()); !f.ok()) return f;
  if (Failure f = ParseLevel(*request, &call->level); !f.ok()) return f;
  GetCall get;
  get.keyspace = keyspace;
  get.keys.push_back(std::move(*request->mutable_key()));
  call->request = std::move(get);
  return {};
}

Failure ParseRequest(v1::MultiGetRequest* request, KeyspaceId keyspace, Call* call) {
  if (request->keys().empty()) return InvalidRequest("no key is asked for");
  if (request->keys_size() > kMultiGetKeysMax) {
    return OverLimit("the request asks for " + std::to_string(request->keys_size()) + " keys",
                     Limit("multi_get_keys_max", kMultiGetKeysMax));
  }
  if (Failure f = ParseLevel(*request, &call->level); !f.ok()) return f;
  GetCall get;
  get.keyspace = keyspace;
  get.keys.reserve(request->keys_size());
  for (std::string& key : *request->mutable_keys()) {
    if (Failure f = CheckKey(key); !f.ok()) return f;
    get.keys.push_back(std::move(key));
  }
  call->request = std::move(get);
  return {};
}

Failure ParseRequest(v1::PutRequest* request, KeyspaceId keyspace, Call* call) {
  if (Failure f = CheckKey(request->key()); !f.ok()) return f;
  if (Failure f = CheckValue(request->value()); !f.ok()) return f;
  SetWrite(keyspace,
           engine::PutOp{std::move(*request->mutable_key()), std::move(*request->mutable_value())},
           call);
  return {};
}

Failure ParseRequest(v1::DeleteRequest* request, KeyspaceId keyspace, Call* call) {
  if (Failure f = CheckKey(request->key()); !f.ok()) return f;
  SetWrite(keyspace, engine::DeleteOp{std::move(*request->mutable_key()), request->want_existed()},
           call);
  return {};
}

Failure ParseRequest(v1::DeleteRangeRequest* request, KeyspaceId keyspace, Call* call) {
  if (Failure f = CheckRange(request->begin(), request->end()); !f.ok()) return f;
  SetWrite(keyspace,
           engine::DeleteRangeOp{std::move(*request->mutable_begin()),
                                 std::move(*request->mutable_end()), request->want_count()},
           call);
  return {};
}

Failure ParseRequest(v1::BatchRequest* request, KeyspaceId keyspace, Call* call) {
  if (request->ops().empty()) return InvalidRequest("the batch is empty");
  if (static_cast<uint64_t>(request->ops_size()) > kRequestOpsMax) {
    return OverLimit("the batch has " + std::to_string(request->ops_size()) + " operations",
                     Limit("request_ops_max", kRequestOpsMax));
  }
  engine::WriteRequest write;
  write.keyspace = keyspace;
  write.ops.reserve(request->ops_size());
  uint64_t bytes = 0;
  for (v1::BatchRequest::Op& op : *request->mutable_ops()) {
    if (Failure f = ParseBatchOp(&op, &bytes, &write); !f.ok()) return f;
  }
  if (bytes > kRequestBytesMax) {
    return OverLimit("the batch has " + std::to_string(bytes) + " bytes",
                     Limit("request_bytes_max", kRequestBytesMax));
  }
  call->request = std::move(write);
  return {};
}

Failure ParseRequest(v1::ScanRequest* request, KeyspaceId keyspace, Call* call) {
  if (Failure f = ParseLevel(*request, &call->level); !f.ok()) return f;
  if (Failure f = CheckBound(request->prefix()); !f.ok()) return f;
  if (Failure f = CheckRange(request->begin(), request->end()); !f.ok()) return f;
  if (!request->prefix().empty() && !(request->begin().empty() && request->end().empty())) {
    return InvalidRequest("give a prefix, or begin and end, not both");
  }
  engine::ScanSpec spec;
  spec.keyspace = keyspace;
  spec.reverse = request->reverse();
  spec.keys_only = request->keys_only();
  if (request->limit() != 0) {
    spec.limit = std::min<uint64_t>(request->limit(), kScanLimitMax);
  }
  const uint64_t binding = ScanBinding(*request, keyspace);
  if (request->prefix().empty()) {
    spec.begin = std::move(*request->mutable_begin());
    spec.end = std::move(*request->mutable_end());
  } else {
    spec.end = AfterPrefix(request->prefix());
    spec.begin = std::move(*request->mutable_prefix());
  }
  if (!request->page_token().empty()) {
    Decoder decoder(request->page_token());
    if (decoder.ReadByte() != kPageTokenVersion || decoder.ReadFixed64() != binding ||
        !decoder.ok()) {
      return InvalidRequest("the page token belongs to another scan: repeat it as it was");
    }
    (spec.reverse ? spec.end : spec.begin) = std::string(decoder.rest());
  }
  call->request = std::move(spec);
  return {};
}

uint64_t ScanBinding(const v1::ScanRequest& request, KeyspaceId keyspace) {
  std::string bound;
  PutFixed32(&bound, keyspace.value);
  PutString(&bound, request.begin());
  PutString(&bound, request.end());
  PutString(&bound, request.prefix());
  PutByte(&bound, request.reverse());
  PutByte(&bound, request.keys_only());
  return Checksum(bound);
}

Failure FillResponse(Answer* answer, v1::GetResponse* to) {
  auto* result = std::get_if<GetResult>(&answer->result);
  BATON_CHECK(result != nullptr && result->records.size() == 1) << "a get has one record";
  ToProto(answer->position, to->mutable_position());
  if (std::optional<engine::Record>& record = result->records[0]) {
    to->set_found(true);
    FillRecord(&*record, to->mutable_record());
  }
  return {};
}

Failure FillResponse(Answer* answer, v1::MultiGetResponse* to) {
  auto* result = std::get_if<GetResult>(&answer->result);
  BATON_CHECK(result != nullptr) << "a multi-get was answered with something else";
  uint64_t bytes = 0;
  for (const auto& record : result->records) bytes += record ? record->value.size() : 0;
  if (bytes > kAnswerBytesMax) {
    return OverLimit(
        "the values asked for have " + std::to_string(bytes) + " bytes: ask for fewer keys at once",
        Limit("answer_bytes_max", kAnswerBytesMax));
  }
  ToProto(answer->position, to->mutable_position());
  for (auto& record : result->records) {
    v1::MultiGetResponse::Item* item = to->add_items();
    item->set_found(record.has_value());
    if (record) FillRecord(&*record, item->mutable_record());
  }
  return {};
}

Failure FillResponse(Answer* answer, v1::PutResponse* to) {
  FillWrite(*answer, to);
  return {};
}

Failure FillResponse(Answer* answer, v1::DeleteResponse* to) {
  const engine::WriteResult& result = FillWrite(*answer, to);
  if (result.existed) to->set_existed(*result.existed);
  return {};
}

Failure FillResponse(Answer* answer, v1::DeleteRangeResponse* to) {
  const engine::WriteResult& result = FillWrite(*answer, to);
  if (result.deleted) to->set_count(*result.deleted);
  return {};
}

Failure FillResponse(Answer* answer, v1::BatchResponse* to) {
  FillWrite(*answer, to);
  return {};
}

Failure FillResponse(Answer* answer, uint64_t binding, v1::ScanResponse* to) {
  auto* page = std::get_if<engine::ScanPage>(&answer->result);
  BATON_CHECK(page != nullptr) << "a scan was answered with something else";
  ToProto(answer->position, to->mutable_position());
  for (engine::Record& record : page->records) FillRecord(&record, to->add_records());
  if (page->next) {
    std::string* token = to->mutable_next_page_token();
    PutByte(token, kPageTokenVersion);
    PutFixed64(token, binding);
    *token += *page->next;
  }
  return {};
}

Failure ResolveKeyspace(const Node& node, const std::string& name, KeyspaceId* id) {
  if (name.empty() || name == "default") {
    *id = kDefaultKeyspace;
    return {};
  }
  const std::optional<KeyspaceId> found = node.FindKeyspace(name);
  if (found && *found != kSystemKeyspace) {
    *id = *found;
    return {};
  }
  Failure failure;
  failure.code = absl::StatusCode::kNotFound;
  failure.reason = Reason::kKeyspaceUnknown;
  failure.message = "there is no keyspace of that name";
  if (name.size() <= 64) failure.message = "there is no keyspace named \"" + name + "\"";
  failure.message += "; the one that always exists is named default";
  return failure;
}

engine::Durability FromProto(v1::Durability durability) {
  return static_cast<engine::Durability>(durability);
}

}  // namespace baton::server
