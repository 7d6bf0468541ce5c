#include "server/rpc/requests.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "engine/state/limits.h"
#include "server/replica/answers.h"
#include "server/rpc/failure.h"

namespace baton::server {
namespace {

constexpr uint8_t kPageTokenVersion = 1;

Failure ToFailure(const std::optional<engine::Refusal>& refusal) {
  return refusal ? RefusedFailure(*refusal) : Failure();
}

// Of any of the three reads.
template <class Request>
Failure ParseLevel(const Request& request, const engine::KeyspaceInfo& keyspace, ReadLevel* level) {
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
  if (!level->named() && keyspace.settings.default_staleness_ms != 0) {
    level->kind = ReadLevel::Kind::kBoundedStaleness;
    level->max_staleness_us = static_cast<int64_t>(keyspace.settings.default_staleness_ms) * 1000;
  }
  level->at_least = FromProto(request.at_least());
  return {};
}
static_assert(static_cast<int>(ReadLevel::Kind::kLinearizable) == v1::READ_LEVEL_LINEARIZABLE);
static_assert(static_cast<int>(ReadLevel::Kind::kBoundedStaleness) ==
              v1::READ_LEVEL_BOUNDED_STALENESS);
static_assert(static_cast<int>(ReadLevel::Kind::kAtLeast) == v1::READ_LEVEL_AT_LEAST);

// A condition of the wire; it is on `key` unless it names one itself.
Failure ParseCondition(v1::Condition* from, std::string key, KeyspaceId keyspace,
                       engine::WriteRequest* to) {
  using Kind = engine::Condition::Kind;
  engine::Condition condition;
  condition.keyspace = keyspace;
  condition.key = std::move(key);
  switch (from->what_case()) {
    case v1::Condition::kExists:
      condition.kind = from->exists() ? Kind::kExists : Kind::kAbsent;
      break;
    case v1::Condition::kRevision:
      condition.kind = from->revision() == 0 ? Kind::kAbsent : Kind::kRevision;
      condition.revision = Revision{from->revision()};
      break;
    case v1::Condition::kValue:
      condition.kind = Kind::kValue;
      condition.value = std::move(*from->mutable_value());
      break;
    case v1::Condition::WHAT_NOT_SET:
      return InvalidRequest("a condition is empty: set exists, revision or value");
  }
  to->conditions.push_back(std::move(condition));
  return {};
}

// One write of one operation, on one key.
template <class Request, class Op>
Failure ParseWrite(Request* request, KeyspaceId keyspace, Op op, Call* call) {
  engine::WriteRequest write;
  write.keyspace = keyspace;
  if (request->has_condition()) {
    v1::Condition* condition = request->mutable_condition();
    if (!condition->key().empty() || !condition->keyspace().empty()) {
      return InvalidRequest("the condition names a key: here it is on the key of the request");
    }
    if (Failure f = ParseCondition(condition, op.key, KeyspaceId{}, &write); !f.ok()) return f;
  }
  write.ops.emplace_back(std::move(op));
  Failure failure = ToFailure(engine::Validate(write));
  if (failure.ok()) call->request = std::move(write);
  return failure;
}

// The first key after every key that starts with `prefix`; empty: there is none.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

// KeyspaceId{}: the request's.
Failure ResolveOwn(const Node& node, const std::string& name, KeyspaceId* id) {
  if (name.empty()) return {};
  engine::KeyspacePtr keyspace;
  if (Failure f = ResolveKeyspace(node, name, &keyspace); !f.ok()) return f;
  *id = keyspace->id;
  return {};
}

Failure ParseBatchOp(const Node& node, v1::BatchRequest::Op* op, engine::WriteRequest* to) {
  KeyspaceId keyspace{};
  if (Failure f = ResolveOwn(node, op->keyspace(), &keyspace); !f.ok()) return f;
  switch (op->op_case()) {
    case v1::BatchRequest::Op::kPut: {
      v1::Record* put = op->mutable_put();
      to->ops.emplace_back(engine::PutOp{std::move(*put->mutable_key()),
                                         std::move(*put->mutable_value()), keyspace});
      return {};
    }
    case v1::BatchRequest::Op::kDeleteKey:
      to->ops.emplace_back(engine::DeleteOp{std::move(*op->mutable_delete_key()), false, keyspace});
      return {};
    case v1::BatchRequest::Op::kDeleteRange: {
      v1::DeleteRangeRequest* range = op->mutable_delete_range();
      to->ops.emplace_back(engine::DeleteRangeOp{
          std::move(*range->mutable_begin()), std::move(*range->mutable_end()), false, keyspace});
      return {};
    }
    case v1::BatchRequest::Op::kIncrement: {
      v1::IncrementRequest* increment = op->mutable_increment();
      to->ops.emplace_back(
          engine::IncrementOp{std::move(*increment->mutable_key()), increment->by(), keyspace});
      return {};
    }
    case v1::BatchRequest::Op::kAppend: {
      v1::Record* append = op->mutable_append();
      to->ops.emplace_back(engine::AppendOp{std::move(*append->mutable_key()),
                                            std::move(*append->mutable_value()), keyspace});
      return {};
    }
    case v1::BatchRequest::Op::OP_NOT_SET:
      break;
  }
  return InvalidRequest(
      "an operation of the batch is empty: set put, delete_key, delete_range, increment or append");
}

template <class Response>
const engine::WriteResult& FillWrite(const Answer& answer, Response* to) {
  FillPosition(answer, to);
  const auto* result = std::get_if<engine::WriteResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "a write was answered with something else";
  to->mutable_position()->set_revision(result->revision.value);
  return *result;
}

// A repeat got the result of a request of another kind.
Failure OtherRequestFailure() {
  return InvalidRequest(
      "the session has used this sequence number for another request: give each its own");
}

void FillRecord(engine::Record* record, v1::Record* to) {
  if (!record->key.empty()) to->set_key(std::move(record->key));
  to->set_value(std::move(record->value));
  to->set_revision(record->revision.value);
}

static_assert(static_cast<int>(engine::Durability::kQuorum) == v1::DURABILITY_QUORUM);

}  // namespace

Failure ParseRequest(const Node&, v1::GetRequest* request, const engine::KeyspaceInfo& keyspace,
                     Call* call) {
  if (Failure f = ParseLevel(*request, keyspace, &call->level); !f.ok()) return f;
  GetCall get;
  get.keyspace = keyspace.id;
  get.keys.push_back(std::move(*request->mutable_key()));
  if (Failure f = ToFailure(engine::ValidateKeys(get.keys)); !f.ok()) return f;
  call->request = std::move(get);
  return {};
}

Failure ParseRequest(const Node&, v1::MultiGetRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call) {
  if (Failure f = ParseLevel(*request, keyspace, &call->level); !f.ok()) return f;
  GetCall get;
  get.keyspace = keyspace.id;
  get.keys.assign(std::make_move_iterator(request->mutable_keys()->begin()),
                  std::make_move_iterator(request->mutable_keys()->end()));
  if (Failure f = ToFailure(engine::ValidateKeys(get.keys)); !f.ok()) return f;
  call->request = std::move(get);
  return {};
}

Failure ParseRequest(const Node&, v1::PutRequest* request, const engine::KeyspaceInfo& keyspace,
                     Call* call) {
  engine::PutOp op{std::move(*request->mutable_key()), std::move(*request->mutable_value())};
  return ParseWrite(request, keyspace.id, std::move(op), call);
}

Failure ParseRequest(const Node&, v1::DeleteRequest* request, const engine::KeyspaceInfo& keyspace,
                     Call* call) {
  engine::DeleteOp op{std::move(*request->mutable_key()), request->want_existed()};
  return ParseWrite(request, keyspace.id, std::move(op), call);
}

Failure ParseRequest(const Node&, v1::IncrementRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call) {
  engine::IncrementOp op{std::move(*request->mutable_key()), request->by()};
  return ParseWrite(request, keyspace.id, std::move(op), call);
}

Failure ParseRequest(const Node&, v1::AppendRequest* request, const engine::KeyspaceInfo& keyspace,
                     Call* call) {
  engine::AppendOp op{std::move(*request->mutable_key()), std::move(*request->mutable_value())};
  return ParseWrite(request, keyspace.id, std::move(op), call);
}

Failure ParseRequest(const Node&, v1::DeleteRangeRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call) {
  engine::WriteRequest write;
  write.keyspace = keyspace.id;
  write.ops.emplace_back(engine::DeleteRangeOp{std::move(*request->mutable_begin()),
                                               std::move(*request->mutable_end()),
                                               request->want_count()});
  Failure failure = ToFailure(engine::Validate(write));
  if (failure.ok()) call->request = std::move(write);
  return failure;
}

Failure ParseRequest(const Node& node, v1::BatchRequest* request,
                     const engine::KeyspaceInfo& keyspace, Call* call) {
  engine::WriteRequest write;
  write.keyspace = keyspace.id;
  write.ops.reserve(request->ops_size());
  for (v1::BatchRequest::Op& op : *request->mutable_ops()) {
    if (Failure f = ParseBatchOp(node, &op, &write); !f.ok()) return f;
  }
  for (v1::Condition& condition : *request->mutable_conditions()) {
    KeyspaceId own{};
    if (Failure f = ResolveOwn(node, condition.keyspace(), &own); !f.ok()) return f;
    std::string key = std::move(*condition.mutable_key());
    if (Failure f = ParseCondition(&condition, std::move(key), own, &write); !f.ok()) return f;
  }
  Failure failure = ToFailure(engine::Validate(write));
  if (failure.ok()) call->request = std::move(write);
  return failure;
}

Failure ParseRequest(const Node&, v1::ScanRequest* request, const engine::KeyspaceInfo& keyspace,
                     Call* call) {
  if (Failure f = ParseLevel(*request, keyspace, &call->level); !f.ok()) return f;
  if (!request->prefix().empty() && !(request->begin().empty() && request->end().empty())) {
    return InvalidRequest("give a prefix, or begin and end, not both");
  }
  engine::ScanSpec spec;
  spec.keyspace = keyspace.id;
  spec.reverse = request->reverse();
  spec.keys_only = request->keys_only();
  if (request->limit() != 0) {
    spec.limit = std::min<uint64_t>(request->limit(), kScanLimitMax);
  }
  const uint64_t binding = ScanBinding(*request, keyspace.id);
  if (request->prefix().empty()) {
    spec.begin = std::move(*request->mutable_begin());
    spec.end = std::move(*request->mutable_end());
  } else {
    spec.end = AfterPrefix(request->prefix());
    spec.begin = std::move(*request->mutable_prefix());
  }
  if (Failure f = ToFailure(engine::Validate(spec)); !f.ok()) return f;
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
  FillPosition(*answer, to);
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
        "answer_bytes_max=" + std::to_string(kAnswerBytesMax));
  }
  FillPosition(*answer, to);
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

Failure FillResponse(Answer* answer, v1::IncrementResponse* to) {
  const engine::WriteResult& result = FillWrite(*answer, to);
  if (result.numbers.size() != 1) return OtherRequestFailure();
  to->set_value(result.numbers[0]);
  return {};
}

Failure FillResponse(Answer* answer, v1::AppendResponse* to) {
  const engine::WriteResult& result = FillWrite(*answer, to);
  if (result.numbers.size() != 1) return OtherRequestFailure();
  to->set_value_bytes(static_cast<uint64_t>(result.numbers[0]));
  return {};
}

Failure FillResponse(Answer* answer, v1::BatchResponse* to) {
  const engine::WriteResult& result = FillWrite(*answer, to);
  to->mutable_numbers()->Assign(result.numbers.begin(), result.numbers.end());
  return {};
}

Failure FillResponse(Answer* answer, uint64_t binding, v1::ScanResponse* to) {
  auto* page = std::get_if<engine::ScanPage>(&answer->result);
  BATON_CHECK(page != nullptr) << "a scan was answered with something else";
  FillPosition(*answer, to);
  for (engine::Record& record : page->records) FillRecord(&record, to->add_records());
  if (page->next) {
    std::string* token = to->mutable_next_page_token();
    PutByte(token, kPageTokenVersion);
    PutFixed64(token, binding);
    *token += *page->next;
  }
  return {};
}

Failure ResolveKeyspace(const Node& node, const std::string& name, engine::KeyspacePtr* keyspace) {
  *keyspace = node.FindKeyspace(name);
  return *keyspace == nullptr ? node.NoKeyspace(name) : Failure();
}

engine::Durability FromProto(v1::Durability durability) {
  return static_cast<engine::Durability>(durability);
}

}  // namespace baton::server
