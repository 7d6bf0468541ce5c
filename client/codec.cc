#include "client/codec.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "client/check_endpoint.h"
#include "client/wire_error.h"

namespace baton::client {
namespace {

constexpr auto kTimeoutMax = std::chrono::hours(24);

// A one-item request on an arena that usually needs no memory of its own.
class Encoder {
 public:
  explicit Encoder(uint64_t id)
      : arena_(block_, sizeof block_),
        request_(google::protobuf::Arena::CreateMessage<v1::ExchangeRequest>(&arena_)),
        item_(request_->add_items()) {
    item_->set_id(id);
  }
  v1::ExchangeItem* item() { return item_; }
  std::string Finish() const { return request_->SerializeAsString(); }

 private:
  alignas(8) char block_[1024];
  google::protobuf::Arena arena_;
  v1::ExchangeRequest* const request_;
  v1::ExchangeItem* const item_;
};

void SetContext(const CallOptions& options, v1::RequestContext* context) {
  context->set_timeout_ms(static_cast<uint32_t>(options.timeout.count()));
  if (!options.keyspace.empty()) context->set_keyspace(options.keyspace);
  if (options.durability != Durability::kDefault) {
    context->set_durability(static_cast<v1::Durability>(options.durability));
  }
  if (!options.actor.empty()) context->set_actor(options.actor);
  if (!options.traceparent.empty()) context->set_traceparent(options.traceparent);
}

// Of any of the three reads.
template <class Request>
void SetAnyLevel(const ReadOptions& read, Request* request) {
  switch (read.level) {
    case ReadLevel::kDefault:
      if (read.from == ReadFrom::kLeader && read.node.empty()) return;
      [[fallthrough]];  // other nodes answer only what names a level
    case ReadLevel::kLinearizable:
      request->set_level(v1::READ_LEVEL_LINEARIZABLE);
      return;
    case ReadLevel::kBoundedStaleness:
      request->set_level(v1::READ_LEVEL_BOUNDED_STALENESS);
      request->set_max_staleness_ms(static_cast<uint32_t>(read.max_staleness.count()));
      return;
    case ReadLevel::kAtLeast:
      request->set_level(v1::READ_LEVEL_AT_LEAST);
      request->mutable_at_least()->set_reign_round(read.at_least.reign);
      request->mutable_at_least()->set_slot(read.at_least.slot);
      return;
  }
}

// Of a condition that says something.
void SetCondition(const Condition& from, v1::Condition* to) {
  switch (from.kind()) {
    case Condition::Kind::kNone:
      break;
    case Condition::Kind::kAbsent:
      to->set_exists(false);
      break;
    case Condition::Kind::kExists:
      to->set_exists(true);
      break;
    case Condition::Kind::kRevision:
      to->set_revision(from.revision());
      break;
    case Condition::Kind::kValue:
      to->set_value(from.value());
      break;
  }
}

void SetStamp(const WriteStamp& stamp, v1::RequestContext* context) {
  if (stamp.session == 0) return;
  context->set_session(stamp.session);
  context->set_sequence(stamp.sequence);
  context->set_acked_below(stamp.acked_below);
}

void SetWriteContext(const CallOptions& options, const WriteStamp& stamp,
                     v1::RequestContext* context) {
  SetContext(options, context);
  SetStamp(stamp, context);
}

// The context and the condition of any write of one key.
template <class Request>
void SetOptions(const CallOptions& options, const WriteStamp& stamp, Request* request) {
  SetWriteContext(options, stamp, request->mutable_context());
  if (options.condition.kind() == Condition::Kind::kNone) return;
  SetCondition(options.condition, request->mutable_condition());
}

absl::Status BadOption(const std::string& what) {
  return MakeError(absl::StatusCode::kInvalidArgument, Reason::kInvalidArgument, what);
}

absl::Status CheckReadOptions(const ReadOptions& read) {
  const bool bounded = read.level == ReadLevel::kBoundedStaleness;
  const auto staleness = read.max_staleness;
  if (bounded && (staleness < std::chrono::milliseconds(1) || staleness > kTimeoutMax)) {
    return BadOption("max_staleness is " + std::to_string(staleness.count()) +
                     " ms: choose one between 1 ms and 24 hours");
  }
  if (!bounded && staleness.count() != 0) {
    return BadOption("max_staleness is given: set level to kBoundedStaleness as well");
  }
  const Position& at_least = read.at_least;
  if (read.level == ReadLevel::kAtLeast ? at_least.slot == 0 || at_least.reign == 0
                                        : at_least.slot != 0 || at_least.reign != 0) {
    return BadOption("the position at_least goes with level kAtLeast: take it from a result");
  }
  return read.node.empty() ? absl::OkStatus() : CheckEndpoint(read.node);
}

v1::RequestContext* MutableContext(v1::ExchangeItem* item) {
  switch (item->request_case()) {
    case v1::ExchangeItem::kGet:
      return item->mutable_get()->mutable_context();
    case v1::ExchangeItem::kMultiGet:
      return item->mutable_multi_get()->mutable_context();
    case v1::ExchangeItem::kPut:
      return item->mutable_put()->mutable_context();
    case v1::ExchangeItem::kDelete:
      return item->mutable_delete_()->mutable_context();
    case v1::ExchangeItem::kDeleteRange:
      return item->mutable_delete_range()->mutable_context();
    case v1::ExchangeItem::kIncrement:
      return item->mutable_increment()->mutable_context();
    case v1::ExchangeItem::kAppend:
      return item->mutable_append()->mutable_context();
    case v1::ExchangeItem::kBatch:
      return item->mutable_batch()->mutable_context();
    case v1::ExchangeItem::kScan:
      return item->mutable_scan()->mutable_context();
    case v1::ExchangeItem::kOpenSession:
      return item->mutable_open_session()->mutable_context();
    case v1::ExchangeItem::kKeepSession:
      return item->mutable_keep_session()->mutable_context();
    case v1::ExchangeItem::kEndSession:
      return item->mutable_end_session()->mutable_context();
    case v1::ExchangeItem::kGetOutcome:
      return item->mutable_get_outcome()->mutable_context();
    case v1::ExchangeItem::REQUEST_NOT_SET:
      break;
  }
  BATON_CHECK(false) << "an encoded request without an operation";
  return nullptr;
}

absl::Status WrongKind(const v1::ExchangeResult& result) {
  return MakeError(absl::StatusCode::kInternal, Reason::kUnspecified,
                   "the server answered with a result of kind " +
                       std::to_string(result.result_case()) +
                       ", which is not what was asked; is it of another version?");
}

// T is any v1 response of the data.
template <class T, class Result>
void SetPosition(const T& response, Result* result) {
  result->slot = response.position().slot();
  result->reign = response.position().reign_round();
  result->durability = static_cast<Durability>(response.durability());
}

template <class T>
void SetWrite(const T& response, WriteResult* result) {
  SetPosition(response, result);
  result->revision = response.position().revision();
}

Record TakeRecord(v1::Record* from) {
  Record record;
  record.key = std::move(*from->mutable_key());
  record.value = std::move(*from->mutable_value());
  record.revision = from->revision();
  return record;
}

}  // namespace

absl::Status CheckOptions(const CallOptions& options) {
  if (options.timeout < std::chrono::milliseconds(1) || options.timeout > kTimeoutMax) {
    return BadOption("timeout is " + std::to_string(options.timeout.count()) +
                     " ms: choose one between 1 ms and 24 hours");
  }
  return CheckReadOptions(options.read);
}

absl::Status CheckSessionTtl(const ClientOptions& options) {
  const auto ttl = options.session_ttl;
  if (ttl >= std::chrono::seconds(1) && ttl <= std::chrono::hours(24)) return absl::OkStatus();
  return BadOption("session_ttl is " + std::to_string(ttl.count()) +
                   " ms: choose one between 1 s and 24 hours");
}

void SetLevel(const ReadOptions& read, v1::GetRequest* request) { SetAnyLevel(read, request); }

std::string EncodeGet(uint64_t id, std::string_view key, const CallOptions& options) {
  Encoder encoder(id);
  v1::GetRequest* const get = encoder.item()->mutable_get();
  SetContext(options, get->mutable_context());
  SetAnyLevel(options.read, get);
  get->set_key(key.data(), key.size());
  return encoder.Finish();
}

std::string EncodeMultiGet(uint64_t id, const std::vector<std::string>& keys,
                           const CallOptions& options) {
  Encoder encoder(id);
  v1::MultiGetRequest* const multi_get = encoder.item()->mutable_multi_get();
  SetContext(options, multi_get->mutable_context());
  SetAnyLevel(options.read, multi_get);
  for (const std::string& key : keys) multi_get->add_keys(key);
  return encoder.Finish();
}

std::string EncodeScan(uint64_t id, const ScanRange& range, const PageOptions& page,
                       const CallOptions& options) {
  Encoder encoder(id);
  v1::ScanRequest* const scan = encoder.item()->mutable_scan();
  SetContext(options, scan->mutable_context());
  SetAnyLevel(options.read, scan);
  scan->set_begin(range.begin);
  scan->set_end(range.end);
  scan->set_prefix(range.prefix);
  scan->set_reverse(range.reverse);
  scan->set_keys_only(range.keys_only);
  scan->set_limit(page.limit);
  scan->set_page_token(page.page_token);
  return encoder.Finish();
}

std::string EncodePut(uint64_t id, std::string_view key, std::string_view value,
                      const CallOptions& options, const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::PutRequest* const put = encoder.item()->mutable_put();
  SetOptions(options, stamp, put);
  put->set_key(key.data(), key.size());
  put->set_value(value.data(), value.size());
  return encoder.Finish();
}

std::string EncodeDelete(uint64_t id, std::string_view key, const DeleteOptions& what,
                         const CallOptions& options, const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::DeleteRequest* const request = encoder.item()->mutable_delete_();
  SetOptions(options, stamp, request);
  request->set_key(key.data(), key.size());
  request->set_want_existed(what.want_existed);
  return encoder.Finish();
}

std::string EncodeDeleteRange(uint64_t id, std::string_view begin, std::string_view end,
                              const DeleteRangeOptions& what, const CallOptions& options,
                              const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::DeleteRangeRequest* const request = encoder.item()->mutable_delete_range();
  SetWriteContext(options, stamp, request->mutable_context());
  request->set_begin(begin.data(), begin.size());
  request->set_end(end.data(), end.size());
  request->set_want_count(what.want_count);
  return encoder.Finish();
}

std::string EncodeIncrement(uint64_t id, std::string_view key, int64_t by,
                            const CallOptions& options, const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::IncrementRequest* const request = encoder.item()->mutable_increment();
  SetOptions(options, stamp, request);
  request->set_key(key.data(), key.size());
  request->set_by(by);
  return encoder.Finish();
}

std::string EncodeAppend(uint64_t id, std::string_view key, std::string_view bytes,
                         const CallOptions& options, const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::AppendRequest* const request = encoder.item()->mutable_append();
  SetOptions(options, stamp, request);
  request->set_key(key.data(), key.size());
  request->set_value(bytes.data(), bytes.size());
  return encoder.Finish();
}

namespace {

void Encode(const WriteBatch::PutOp& from, v1::BatchRequest::Op* to) {
  to->mutable_put()->set_key(from.key);
  to->mutable_put()->set_value(from.value);
}
void Encode(const WriteBatch::DeleteOp& from, v1::BatchRequest::Op* to) {
  to->set_delete_key(from.key);
}
void Encode(const WriteBatch::DeleteRangeOp& from, v1::BatchRequest::Op* to) {
  to->mutable_delete_range()->set_begin(from.begin);
  to->mutable_delete_range()->set_end(from.end);
}
void Encode(const WriteBatch::IncrementOp& from, v1::BatchRequest::Op* to) {
  to->mutable_increment()->set_key(from.key);
  to->mutable_increment()->set_by(from.by);
}
void Encode(const WriteBatch::AppendOp& from, v1::BatchRequest::Op* to) {
  to->mutable_append()->set_key(from.key);
  to->mutable_append()->set_value(from.bytes);
}

}  // namespace

std::string EncodeBatch(uint64_t id, const WriteBatch& batch, const CallOptions& options,
                        const WriteStamp& stamp) {
  Encoder encoder(id);
  v1::BatchRequest* const request = encoder.item()->mutable_batch();
  SetWriteContext(options, stamp, request->mutable_context());
  for (const WriteBatch::Op& from : batch.ops()) {
    v1::BatchRequest::Op* const to = request->add_ops();
    if (!from.keyspace.empty()) to->set_keyspace(from.keyspace);
    std::visit([to](const auto& what) { Encode(what, to); }, from.what);
  }
  for (const WriteBatch::Requirement& from : batch.requirements()) {
    v1::Condition* const to = request->add_conditions();
    to->set_key(from.key);
    if (!from.keyspace.empty()) to->set_keyspace(from.keyspace);
    SetCondition(from.condition, to);
  }
  return encoder.Finish();
}

std::string EncodeOpenSession(uint64_t id, uint32_t ttl_ms, uint32_t timeout_ms) {
  Encoder encoder(id);
  v1::OpenSessionRequest* const open = encoder.item()->mutable_open_session();
  open->mutable_context()->set_timeout_ms(timeout_ms);
  open->set_ttl_ms(ttl_ms);
  return encoder.Finish();
}

std::string EncodeEndSession(uint64_t id, uint64_t session, uint32_t timeout_ms) {
  Encoder encoder(id);
  v1::EndSessionRequest* const end = encoder.item()->mutable_end_session();
  end->mutable_context()->set_timeout_ms(timeout_ms);
  end->set_session(session);
  return encoder.Finish();
}

std::string EncodeGetOutcome(uint64_t id, uint64_t session, uint64_t sequence,
                             const CallOptions& options) {
  Encoder encoder(id);
  v1::GetOutcomeRequest* const get = encoder.item()->mutable_get_outcome();
  SetContext(options, get->mutable_context());
  get->set_session(session);
  get->set_sequence(sequence);
  return encoder.Finish();
}

namespace {

// `change` writes into the context of the one item.
template <class Change>
void Rewrite(std::string* request, Change change) {
  v1::ExchangeRequest decoded;
  BATON_CHECK(decoded.ParseFromString(*request) && decoded.items_size() == 1);
  change(MutableContext(decoded.mutable_items(0)));
  *request = decoded.SerializeAsString();
}

}  // namespace

void SetStamp(std::string* request, const WriteStamp& stamp) {
  Rewrite(request, [&](v1::RequestContext* context) { SetStamp(stamp, context); });
}

void SetTimeout(std::string* request, int64_t timeout_us) {
  const int64_t timeout_ms = std::max<int64_t>(1, timeout_us / 1000);
  Rewrite(request, [&](v1::RequestContext* context) {
    context->set_timeout_ms(static_cast<uint32_t>(timeout_ms));
  });
}

template <>
absl::StatusOr<GetResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_get()) return WrongKind(*result);
  v1::GetResponse* const get = result->mutable_get();
  GetResult decoded;
  SetPosition(*get, &decoded);
  if (get->found()) decoded.record = TakeRecord(get->mutable_record());
  return decoded;
}

template <>
absl::StatusOr<MultiGetResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_multi_get()) return WrongKind(*result);
  v1::MultiGetResponse* const multi_get = result->mutable_multi_get();
  MultiGetResult decoded;
  SetPosition(*multi_get, &decoded);
  decoded.records.reserve(static_cast<size_t>(multi_get->items_size()));
  for (v1::MultiGetResponse::Item& item : *multi_get->mutable_items()) {
    decoded.records.emplace_back();
    if (item.found()) decoded.records.back() = TakeRecord(item.mutable_record());
  }
  return decoded;
}

template <>
absl::StatusOr<ScanPage> Decode(v1::ExchangeResult* result) {
  if (!result->has_scan()) return WrongKind(*result);
  v1::ScanResponse* const scan = result->mutable_scan();
  ScanPage decoded;
  SetPosition(*scan, &decoded);
  decoded.records.reserve(static_cast<size_t>(scan->records_size()));
  for (v1::Record& record : *scan->mutable_records()) {
    decoded.records.push_back(TakeRecord(&record));
  }
  decoded.next_page_token = std::move(*scan->mutable_next_page_token());
  return decoded;
}

template <>
absl::StatusOr<WriteResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_put()) return WrongKind(*result);
  WriteResult decoded;
  SetWrite(result->put(), &decoded);
  return decoded;
}

template <>
absl::StatusOr<IncrementResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_increment()) return WrongKind(*result);
  IncrementResult decoded;
  SetWrite(result->increment(), &decoded);
  decoded.value = result->increment().value();
  return decoded;
}

template <>
absl::StatusOr<AppendResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_append()) return WrongKind(*result);
  AppendResult decoded;
  SetWrite(result->append(), &decoded);
  decoded.value_bytes = result->append().value_bytes();
  return decoded;
}

template <>
absl::StatusOr<BatchResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_batch()) return WrongKind(*result);
  BatchResult decoded;
  SetWrite(result->batch(), &decoded);
  decoded.numbers.assign(result->batch().numbers().begin(), result->batch().numbers().end());
  return decoded;
}

template <>
absl::StatusOr<DeleteResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_delete_()) return WrongKind(*result);
  DeleteResult decoded;
  SetWrite(result->delete_(), &decoded);
  if (result->delete_().has_existed()) decoded.existed = result->delete_().existed();
  return decoded;
}

template <>
absl::StatusOr<DeleteRangeResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_delete_range()) return WrongKind(*result);
  DeleteRangeResult decoded;
  SetWrite(result->delete_range(), &decoded);
  if (result->delete_range().has_count()) decoded.count = result->delete_range().count();
  return decoded;
}

template <>
absl::StatusOr<OpenedSession> Decode(v1::ExchangeResult* result) {
  if (!result->has_open_session()) return WrongKind(*result);
  return OpenedSession{result->open_session().session()};
}

template <>
absl::StatusOr<EndedSession> Decode(v1::ExchangeResult* result) {
  if (!result->has_end_session()) return WrongKind(*result);
  return EndedSession{};
}

template <>
absl::StatusOr<OutcomeResult> Decode(v1::ExchangeResult* result) {
  if (!result->has_get_outcome()) return WrongKind(*result);
  const v1::GetOutcomeResponse& from = result->get_outcome();
  if (from.outcome() < v1::OUTCOME_APPLIED || from.outcome() > v1::OUTCOME_EXPIRED) {
    return WrongKind(*result);
  }
  OutcomeResult decoded;
  SetPosition(from, &decoded);
  decoded.outcome = static_cast<Outcome>(from.outcome());
  const v1::WriteOutcome& write = from.result();
  decoded.revision = write.revision();
  if (write.has_existed()) decoded.existed = write.existed();
  if (write.has_count()) decoded.count = write.count();
  decoded.numbers.assign(write.numbers().begin(), write.numbers().end());
  if (write.has_rejection()) {
    decoded.rejection = MakeError(write.rejection_code(), write.rejection());
  }
  if (from.has_lost()) {
    decoded.lost = std::to_string(from.lost().born_round()) + "." +
                   std::to_string(from.lost().born_node()) + "/" +
                   std::to_string(from.lost().slot()) + "/" + std::to_string(from.lost().index());
  }
  return decoded;
}

}  // namespace baton::client
