#include "server/rpc/exchange_stream.h"

#include <google/protobuf/arena.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "server/rpc/call_context.h"
#include "server/rpc/failure.h"
#include "server/rpc/requests.h"
#include "server/rpc/session_wire.h"

namespace baton::server {
namespace {

using Item = v1::ExchangeItem;
using Reactor = grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse>;

constexpr size_t kArenaBlockBytes = 16 << 10;
constexpr size_t kArenaBlockBytesMax = 256 << 10;
// A get is reckoned at this until its value is known.
constexpr uint64_t kReadCost = 1024;

google::protobuf::ArenaOptions ArenaSize() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = kArenaBlockBytes;
  options.max_block_size = kArenaBlockBytesMax;
  return options;
}

// A request that the node has and has not answered.
struct Pending {
  uint64_t id = 0;  // the client's
  Item::RequestCase kind = Item::REQUEST_NOT_SET;
  uint64_t binding = 0;  // scans
  uint64_t cost = 0;
};

// One message to the client, being gathered or written.
struct Chunk {
  google::protobuf::Arena arena{ArenaSize()};
  v1::ExchangeResponse* response =
      google::protobuf::Arena::CreateMessage<v1::ExchangeResponse>(&arena);
  uint64_t bytes = 0;     // about
  uint64_t requests = 0;  // answered in it
  uint64_t cost = 0;      // of those
};

uint64_t AnswerBytes(const Answer& answer) {
  uint64_t bytes = 64 + answer.failure.message.size();
  if (const auto* get = std::get_if<GetResult>(&answer.result)) {
    for (const auto& record : get->records) bytes += 16 + (record ? record->value.size() : 0);
  } else if (const auto* page = std::get_if<engine::ScanPage>(&answer.result)) {
    for (const engine::Record& record : page->records) {
      bytes += 16 + record.key.size() + record.value.size();
    }
  }
  return bytes;
}

void SetFailure(const Failure& failure, v1::ExchangeResult* to) {
  to->set_code(static_cast<int>(failure.code));
  ToProto(failure, to->mutable_error());
}

Failure FillResult(const Pending& pending, Answer* answer, v1::ExchangeResult* to) {
  switch (pending.kind) {
    case Item::kGet:
      return FillResponse(answer, to->mutable_get());
    case Item::kMultiGet:
      return FillResponse(answer, to->mutable_multi_get());
    case Item::kPut:
      return FillResponse(answer, to->mutable_put());
    case Item::kDelete:
      return FillResponse(answer, to->mutable_delete_());
    case Item::kDeleteRange:
      return FillResponse(answer, to->mutable_delete_range());
    case Item::kIncrement:
      return FillResponse(answer, to->mutable_increment());
    case Item::kAppend:
      return FillResponse(answer, to->mutable_append());
    case Item::kBatch:
      return FillResponse(answer, to->mutable_batch());
    case Item::kScan:
      return FillResponse(answer, pending.binding, to->mutable_scan());
    case Item::kOpenSession:
      return FillResponse(*answer, to->mutable_open_session());
    case Item::kKeepSession:
      return FillResponse(*answer, to->mutable_keep_session());
    case Item::kEndSession:
      return FillResponse(*answer, to->mutable_end_session());
    case Item::kGetOutcome:
      return FillResponse(*answer, to->mutable_get_outcome());
    case Item::REQUEST_NOT_SET:
      break;
  }
  BATON_CHECK(false) << "an answer to no request";
  return {};
}

// What one message asks for, checked.
struct Parsed {
  std::vector<Call> calls;
  std::vector<Pending> pending;                       // one a call
  std::vector<std::pair<uint64_t, Failure>> refused;  // client's id, why
};

class MessageParser {
 public:
  MessageParser(const Node& node, const CallOrigin& origin, int64_t now_us)
      : node_(node), origin_(origin), now_us_(now_us) {}

  Parsed Parse(v1::ExchangeRequest* message) {
    Parsed parsed;
    parsed.calls.reserve(message->items_size());
    parsed.pending.reserve(message->items_size());
    int count = 0;
    for (Item& item : *message->mutable_items()) {
      Pending pending;
      pending.id = item.id();
      pending.kind = item.request_case();
      Call call;
      const Failure failure =
          ++count > kExchangeItemsMax
              ? OverLimit("the message has too many requests",
                          "exchange_items_max=" + std::to_string(kExchangeItemsMax))
              : ParseItem(message->defaults(), &item, &call, &pending);
      if (failure.ok()) {
        parsed.calls.push_back(std::move(call));
        parsed.pending.push_back(pending);
      } else {
        parsed.refused.emplace_back(item.id(), failure);
      }
    }
    return parsed;
  }

 private:
  Failure ParseItem(const v1::RequestContext& defaults, Item* item, Call* call, Pending* pending) {
    switch (item->request_case()) {
      case Item::kGet:
        pending->cost = kReadCost;
        return ParseOne(defaults, item->mutable_get(), call, pending);
      case Item::kMultiGet:
        pending->cost = kReadCost * item->multi_get().keys_size();
        return ParseOne(defaults, item->mutable_multi_get(), call, pending);
      case Item::kPut:
        pending->cost = item->put().key().size() + item->put().value().size();
        return ParseOne(defaults, item->mutable_put(), call, pending);
      case Item::kDelete:
        return ParseOne(defaults, item->mutable_delete_(), call, pending);
      case Item::kDeleteRange:
        return ParseOne(defaults, item->mutable_delete_range(), call, pending);
      case Item::kIncrement:
        return ParseOne(defaults, item->mutable_increment(), call, pending);
      case Item::kAppend:
        pending->cost = item->append().key().size() + item->append().value().size();
        return ParseOne(defaults, item->mutable_append(), call, pending);
      case Item::kBatch:
        pending->cost = item->batch().ByteSizeLong();
        return ParseOne(defaults, item->mutable_batch(), call, pending);
      case Item::kScan:
        pending->cost = engine::kPageBytesMax;
        return ParseOne(defaults, item->mutable_scan(), call, pending);
      case Item::kOpenSession:
        return ParseOfSession(defaults, item->open_session(), call);
      case Item::kKeepSession:
        return ParseOfSession(defaults, item->keep_session(), call);
      case Item::kEndSession:
        return ParseOfSession(defaults, item->end_session(), call);
      case Item::kGetOutcome:
        return ParseOfSession(defaults, item->get_outcome(), call);
      case Item::REQUEST_NOT_SET:
        break;
    }
    return InvalidRequest("the item holds no request that this version knows");
  }

  template <class Request>
  Failure ParseOne(const v1::RequestContext& defaults, Request* request, Call* call,
                   Pending* pending) {
    if (!request->has_context() && defaults.sequence() != 0) {
      return InvalidRequest("the defaults have a sequence number: give each request its own");
    }
    const v1::RequestContext& context = request->has_context() ? request->context() : defaults;
    if (Failure f = MakeCallContext(origin_, context, now_us_, &call->context); !f.ok()) return f;
    engine::KeyspacePtr keyspace;
    if (Failure f = ResolveKeyspace(node_, context.keyspace(), &keyspace); !f.ok()) return f;
    call->durability = FromProto(context.durability());
    if constexpr (std::is_same_v<Request, v1::ScanRequest>) {
      pending->binding = ScanBinding(*request, keyspace->id);
    }
    return ParseRequest(node_, request, *keyspace, call);
  }

  template <class Request>
  Failure ParseOfSession(const v1::RequestContext& defaults, const Request& request, Call* call) {
    const v1::RequestContext& context = request.has_context() ? request.context() : defaults;
    if (Failure f = MakeCallContext(origin_, context, now_us_, &call->context); !f.ok()) return f;
    engine::SessionRequest asked;
    if (Failure f = ParseRequest(request, &asked); !f.ok()) return f;
    call->request = asked;
    return {};
  }

  const Node& node_;
  const CallOrigin& origin_;
  const int64_t now_us_;
};

class ExchangeStream final : public AnswerSink {
 public:
  explicit ExchangeStream(Reactor* reactor, RpcMetrics* metrics)
      : reactor_(reactor), metrics_(metrics) {}

  // Takes tags for the calls, answers what was refused.
  void Register(Parsed* parsed) {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < parsed->calls.size(); ++i) {
      parsed->calls[i].tag = TakeTag(parsed->pending[i]);
      ++requests_;
      cost_ += parsed->pending[i].cost;
    }
    for (const auto& [id, failure] : parsed->refused) {
      metrics_->failures[static_cast<size_t>(failure.reason)].Add();
      Chunk* chunk = Gathering();
      v1::ExchangeResult* result = chunk->response->add_results();
      result->set_id(id);
      SetFailure(failure, result);
      chunk->bytes += 64 + failure.message.size();
      chunk->requests += 1;
      ++requests_;
    }
  }

  void Answered(uint64_t tag, Answer answer) override {
    MutexLock lock(&mutex_);
    if (cancelled_) return;
    BATON_CHECK(tag < pending_.size()) << "an answer to no request";
    const Pending pending = pending_[tag];
    free_tags_.push_back(tag);
    Chunk* chunk = Gathering();
    chunk->bytes += AnswerBytes(answer);
    chunk->requests += 1;
    chunk->cost += pending.cost;
    v1::ExchangeResult* result = chunk->response->add_results();
    result->set_id(pending.id);
    if (answer.failure.ok()) {
      answer.failure = FillResult(pending, &answer, result);
      if (!answer.failure.ok()) result->clear_result();
    }
    if (!answer.failure.ok()) {
      metrics_->failures[static_cast<size_t>(answer.failure.reason)].Add();
      SetFailure(answer.failure, result);
    }
  }

  void Flush() override {
    v1::ExchangeResponse* write = nullptr;
    {
      MutexLock lock(&mutex_);
      if (writing_ || cancelled_ || gathered_.empty()) return;
      write = NextWrite();
    }
    reactor_->StartWrite(write);
  }

  void TellLeader(const LeaderHint& leader) {
    {
      MutexLock lock(&mutex_);
      if (cancelled_) return;
      v1::Leader* to = Gathering()->response->mutable_leader();
      to->set_name(leader.name);
      to->set_address(leader.client_address);
    }
    Flush();
  }

  void ReadEnded() {
    bool finish = false;
    {
      MutexLock lock(&mutex_);
      reading_ = false;
      read_ended_ = true;
      finish = ClaimFinish();
    }
    if (finish) reactor_->Finish(grpc::Status::OK);
  }

  // Returns true when reading, which had stopped, goes on.
  bool WriteDone(bool ok) {
    v1::ExchangeResponse* write = nullptr;
    bool finish = false;
    bool resume = false;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      requests_ -= written_->requests;
      cost_ -= written_->cost;
      written_.reset();
      if (!ok) cancelled_ = true;
      if (!cancelled_ && !gathered_.empty()) write = NextWrite();
      if (!cancelled_ && !reading_ && !read_ended_ && !processing_ &&
          requests_ < kExchangeRequestsMax / 2 && cost_ < kExchangeCostMax / 2) {
        reading_ = resume = true;
      }
      finish = ClaimFinish();
    }
    if (write != nullptr) reactor_->StartWrite(write);
    if (finish) reactor_->Finish(grpc::Status::OK);
    return resume;
  }

  void Cancelled() {
    bool finish = false;
    {
      MutexLock lock(&mutex_);
      cancelled_ = true;
      gathered_.clear();
      finish = ClaimFinish();
    }
    if (finish) reactor_->Finish(grpc::Status::CANCELLED);
  }

  // A message has arrived and is being taken in: no read and no finish meanwhile.
  void BeginMessage() {
    MutexLock lock(&mutex_);
    reading_ = false;
    processing_ = true;
  }
  // Returns true when the next message may be read at once.
  bool EndMessage() {
    bool finish = false;
    bool read = false;
    {
      MutexLock lock(&mutex_);
      processing_ = false;
      finish = ClaimFinish();
      if (!finish && !cancelled_ && requests_ < kExchangeRequestsMax && cost_ < kExchangeCostMax) {
        reading_ = read = true;
      }
    }
    if (finish) reactor_->Finish(grpc::Status::CANCELLED);
    return read;
  }

 private:
  uint64_t TakeTag(const Pending& pending) BATON_REQUIRES(mutex_) {
    if (free_tags_.empty()) {
      pending_.push_back(pending);
      return pending_.size() - 1;
    }
    const uint64_t tag = free_tags_.back();
    free_tags_.pop_back();
    pending_[tag] = pending;
    return tag;
  }

  Chunk* Gathering() BATON_REQUIRES(mutex_) {
    if (gathered_.empty() || gathered_.back()->bytes >= kExchangeWriteBytesTarget) {
      gathered_.push_back(std::make_unique<Chunk>());
    }
    return gathered_.back().get();
  }

  v1::ExchangeResponse* NextWrite() BATON_REQUIRES(mutex_) {
    writing_ = true;
    written_ = std::move(gathered_.front());
    gathered_.pop_front();
    return written_->response;
  }

  // True, once, when the stream is over: nothing in flight, and either it was cancelled or every
  // request of a client that says no more is answered.
  bool ClaimFinish() BATON_REQUIRES(mutex_) {
    if (finished_ || writing_ || reading_ || processing_) return false;
    const bool answered = read_ended_ && requests_ == 0 && gathered_.empty();
    if (!cancelled_ && !answered) return false;
    cancelled_ = true;  // a late notice of a new leader finds no stream
    finished_ = true;
    return true;
  }

  Reactor* const reactor_;  // alive until finished_
  RpcMetrics* const metrics_;
  Mutex mutex_;
  std::vector<Pending> pending_ BATON_GUARDED_BY(mutex_);  // by tag
  std::vector<uint64_t> free_tags_ BATON_GUARDED_BY(mutex_);
  uint64_t requests_ BATON_GUARDED_BY(mutex_) = 0;  // read, and their answers not written
  uint64_t cost_ BATON_GUARDED_BY(mutex_) = 0;      // of those
  std::deque<std::unique_ptr<Chunk>> gathered_ BATON_GUARDED_BY(mutex_);
  std::unique_ptr<Chunk> written_ BATON_GUARDED_BY(mutex_);  // not null while writing_
  bool writing_ BATON_GUARDED_BY(mutex_) = false;
  bool reading_ BATON_GUARDED_BY(mutex_) = true;
  bool processing_ BATON_GUARDED_BY(mutex_) = false;
  bool read_ended_ BATON_GUARDED_BY(mutex_) = false;
  bool cancelled_ BATON_GUARDED_BY(mutex_) = false;
  bool finished_ BATON_GUARDED_BY(mutex_) = false;
};

class ExchangeReactor final : public Reactor {
 public:
  ExchangeReactor(grpc::CallbackServerContext* context, Node* node, const Clock* clock,
                  RpcMetrics* metrics)
      : context_(context),
        node_(node),
        clock_(clock),
        metrics_(metrics),
        stream_(std::make_shared<ExchangeStream>(this, metrics)) {
    metrics_->exchange_streams_opened.Add();
    watch_ = node_->WatchLeader(
        [weak = std::weak_ptr<ExchangeStream>(stream_)](const LeaderHint& leader) {
          if (auto stream = weak.lock()) stream->TellLeader(leader);
        });
    const NodeStatus status = node_->Status();
    if (status.leader && !status.expecting) stream_->TellLeader(*status.leader);
    Read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      stream_->ReadEnded();
      return;
    }
    stream_->BeginMessage();
    const CallOrigin origin{"", RemainingUs(context_->deadline())};
    Parsed parsed = MessageParser(*node_, origin, clock_->LeaseNowUs()).Parse(request_);
    metrics_->exchange_requests.Add(parsed.calls.size() + parsed.refused.size());
    stream_->Register(&parsed);
    if (!parsed.calls.empty()) node_->Submit(std::move(parsed.calls), stream_);
    if (!parsed.refused.empty()) stream_->Flush();
    if (stream_->EndMessage()) Read();
  }
  void OnWriteDone(bool ok) override {
    if (stream_->WriteDone(ok)) Read();
  }
  void OnCancel() override { stream_->Cancelled(); }
  void OnDone() override {
    metrics_->exchange_streams_closed.Add();
    node_->UnwatchLeader(watch_);
    delete this;
  }

 private:
  void Read() {
    arena_.Reset();
    request_ = google::protobuf::Arena::CreateMessage<v1::ExchangeRequest>(&arena_);
    StartRead(request_);
  }

  grpc::CallbackServerContext* const context_;
  Node* const node_;
  const Clock* const clock_;
  RpcMetrics* const metrics_;
  const std::shared_ptr<ExchangeStream> stream_;
  uint64_t watch_ = 0;
  google::protobuf::Arena arena_{ArenaSize()};
  v1::ExchangeRequest* request_ = nullptr;  // in arena_
};

class RefusedExchange final : public Reactor {
 public:
  explicit RefusedExchange(const Failure& failure) { Finish(ToGrpcStatus(failure)); }
  void OnDone() override { delete this; }
};

}  // namespace

Reactor* StartExchange(grpc::CallbackServerContext* context, const NodeHandle& handle,
                       const Clock* clock, RpcMetrics* metrics) {
  Node* const node = handle.get();
  if (node == nullptr) return new RefusedExchange(handle.Absent());
  return new ExchangeReactor(context, node, clock, metrics);
}

}  // namespace baton::server
