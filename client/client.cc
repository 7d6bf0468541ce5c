#include "baton/client.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "client/call.h"
#include "client/check_endpoint.h"
#include "client/codec.h"
#include "client/dispatcher.h"
#include "client/environment.h"
#include "client/grpc_network.h"
#include "client/timer_thread.h"

namespace baton {
namespace {

using client::Call;
using client::CallHeader;
using client::TypedCall;
using client::WriteStamp;

// Where a synchronous call waits for its own callback.
template <class Result>
class Waiter {
 public:
  Callback<Result> Done() {
    return [this](absl::StatusOr<Result> result) {
      MutexLock lock(&mutex_);
      result_.emplace(std::move(result));
      done_.NotifyOne();
    };
  }
  absl::StatusOr<Result> Wait() {
    MutexLock lock(&mutex_);
    while (!result_) done_.Wait(&mutex_);
    return *std::move(result_);
  }

 private:
  Mutex mutex_;
  CondVar done_;
  std::optional<absl::StatusOr<Result>> result_ BATON_GUARDED_BY(mutex_);
};

// Whatever the options say of reads.
CallOptions LeadersOwn(CallOptions options) {
  options.read = {};
  return options;
}

}  // namespace

// The dispatcher, the thread of its timers, and what both need.
struct Client::Parts {
  explicit Parts(const ClientOptions& options)
      : exactly_once(options.exactly_once),
        environment(client::Environment::Real()),
        dispatcher(options, environment, std::make_unique<client::GrpcNetwork>(),
                   [this] { timers->Wake(); }),
        timers(std::make_unique<client::TimerThread>(environment,
                                                     [this] { return dispatcher.RunTimers(); })) {
    dispatcher.Warm();
  }
  ~Parts() {
    Waiter<bool> ended;
    dispatcher.EndSessions([&ended] { ended.Done()(true); });
    ended.Wait().IgnoreError();
    timers->Stop();
    dispatcher.Stop();
  }

  // Starts one call. `encode` turns its id into the bytes of its request.
  template <class Result, class Encode>
  void Start(bool write, const CallOptions& options, Callback<Result> done, Encode encode) {
    absl::Status checked = client::CheckOptions(options);
    if (!checked.ok()) return done(std::move(checked));
    CallHeader header;
    header.id = dispatcher.NextId();
    header.write = write;
    if (!write) header.place = {options.read.from, options.read.node};
    header.request = encode(header.id);
    Submit(std::move(header), options, std::move(done));
  }

  // A write: `encode` takes its stamp too.
  template <class Result, class Encode>
  void StartWrite(const CallOptions& options, Callback<Result> done, Encode encode) {
    absl::Status checked = client::CheckOptions(options);
    if (!checked.ok()) return done(std::move(checked));
    CallHeader header;
    header.id = dispatcher.NextId();
    header.write = true;
    header.exactly_once = exactly_once;
    if (exactly_once) header.stamp = dispatcher.TakeStamp();
    header.request = encode(header.id, header.stamp);
    Submit(std::move(header), options, std::move(done));
  }

  template <class Result>
  void Submit(CallHeader header, const CallOptions& options, Callback<Result> done) {
    header.encoded_us = dispatcher.NowUs();
    header.deadline_us = header.encoded_us + std::chrono::microseconds(options.timeout).count();
    dispatcher.Submit(std::make_unique<TypedCall<Result>>(std::move(header), std::move(done)));
  }

  const bool exactly_once;
  client::Environment* const environment;
  client::Dispatcher dispatcher;
  std::unique_ptr<client::TimerThread> timers;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(ClientOptions options) {
  absl::Status checked = client::CheckEndpoints(options.endpoints);
  if (checked.ok()) checked = client::CheckSessionTtl(options);
  if (!checked.ok()) return checked;
  return std::unique_ptr<Client>(new Client(std::make_unique<Parts>(options)));
}

Client::Client(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Client::~Client() = default;

void Client::GetAsync(std::string_view key, const CallOptions& options, Callback<GetResult> done) {
  parts_->Start(false, options, std::move(done),
                [&](uint64_t id) { return client::EncodeGet(id, key, options); });
}

void Client::MultiGetAsync(const std::vector<std::string>& keys, const CallOptions& options,
                           Callback<MultiGetResult> done) {
  parts_->Start(false, options, std::move(done),
                [&](uint64_t id) { return client::EncodeMultiGet(id, keys, options); });
}

void Client::ScanAsync(const ScanRange& range, const PageOptions& page, const CallOptions& options,
                       Callback<ScanPage> done) {
  parts_->Start(false, options, std::move(done),
                [&](uint64_t id) { return client::EncodeScan(id, range, page, options); });
}

void Client::PutAsync(std::string_view key, std::string_view value, const CallOptions& options,
                      Callback<WriteResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodePut(id, key, value, options, stamp);
  });
}

void Client::DeleteAsync(std::string_view key, const DeleteOptions& what,
                         const CallOptions& options, Callback<DeleteResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodeDelete(id, key, what, options, stamp);
  });
}

void Client::DeleteRangeAsync(std::string_view begin, std::string_view end,
                              const DeleteRangeOptions& what, const CallOptions& options,
                              Callback<DeleteRangeResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodeDeleteRange(id, begin, end, what, options, stamp);
  });
}

void Client::IncrementAsync(std::string_view key, int64_t by, const CallOptions& options,
                            Callback<IncrementResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodeIncrement(id, key, by, options, stamp);
  });
}

void Client::AppendAsync(std::string_view key, std::string_view bytes, const CallOptions& options,
                         Callback<AppendResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodeAppend(id, key, bytes, options, stamp);
  });
}

void Client::BatchAsync(const WriteBatch& batch, const CallOptions& options,
                        Callback<BatchResult> done) {
  parts_->StartWrite(options, std::move(done), [&](uint64_t id, const WriteStamp& stamp) {
    return client::EncodeBatch(id, batch, options, stamp);
  });
}

void Client::GetOutcomeAsync(uint64_t session, uint64_t sequence, const CallOptions& options,
                             Callback<OutcomeResult> done) {
  parts_->Start(false, LeadersOwn(options), std::move(done), [&](uint64_t id) {
    return client::EncodeGetOutcome(id, session, sequence, options);
  });
}

absl::StatusOr<GetResult> Client::Get(std::string_view key, const CallOptions& options) {
  Waiter<GetResult> waiter;
  GetAsync(key, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<MultiGetResult> Client::MultiGet(const std::vector<std::string>& keys,
                                                const CallOptions& options) {
  Waiter<MultiGetResult> waiter;
  MultiGetAsync(keys, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<ScanPage> Client::Scan(const ScanRange& range, const PageOptions& page,
                                      const CallOptions& options) {
  Waiter<ScanPage> waiter;
  ScanAsync(range, page, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<WriteResult> Client::Put(std::string_view key, std::string_view value,
                                        const CallOptions& options) {
  Waiter<WriteResult> waiter;
  PutAsync(key, value, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<DeleteResult> Client::Delete(std::string_view key, const DeleteOptions& what,
                                            const CallOptions& options) {
  Waiter<DeleteResult> waiter;
  DeleteAsync(key, what, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<DeleteRangeResult> Client::DeleteRange(std::string_view begin, std::string_view end,
                                                      const DeleteRangeOptions& what,
                                                      const CallOptions& options) {
  Waiter<DeleteRangeResult> waiter;
  DeleteRangeAsync(begin, end, what, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<IncrementResult> Client::Increment(std::string_view key, int64_t by,
                                                  const CallOptions& options) {
  Waiter<IncrementResult> waiter;
  IncrementAsync(key, by, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<AppendResult> Client::Append(std::string_view key, std::string_view bytes,
                                            const CallOptions& options) {
  Waiter<AppendResult> waiter;
  AppendAsync(key, bytes, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<BatchResult> Client::Batch(const WriteBatch& batch, const CallOptions& options) {
  Waiter<BatchResult> waiter;
  BatchAsync(batch, options, waiter.Done());
  return waiter.Wait();
}

absl::StatusOr<OutcomeResult> Client::GetOutcome(uint64_t session, uint64_t sequence,
                                                 const CallOptions& options) {
  Waiter<OutcomeResult> waiter;
  GetOutcomeAsync(session, sequence, options, waiter.Done());
  return waiter.Wait();
}

}  // namespace baton
