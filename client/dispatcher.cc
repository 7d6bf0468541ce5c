#include "client/dispatcher.h"

#include <algorithm>

#include "base/check.h"
#include "client/codec.h"
#include "client/retry.h"
#include "client/wire_error.h"

namespace baton::client {
namespace {

// The dispatcher whose callbacks this thread runs: calls submitted meanwhile are flushed at the
// end of the batch, in one message instead of many.
thread_local const Dispatcher* t_corked = nullptr;

class Cork {
 public:
  explicit Cork(const Dispatcher* dispatcher) : before_(t_corked) { t_corked = dispatcher; }
  ~Cork() { t_corked = before_; }
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;

 private:
  const Dispatcher* const before_;
};

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, Reason::kUnspecified, "the client was destroyed");
}

template <class Queue>
void Remove(Queue* queue, const Call* call) {
  const auto at = std::find(queue->begin(), queue->end(), call);
  BATON_CHECK(at != queue->end());
  queue->erase(at);
}

}  // namespace

void Lane::OnMessage(v1::ExchangeResponse* response) { owner->OnMessage(this, response); }
void Lane::OnWritable() { owner->OnWritable(this); }
void Lane::OnClosed(const absl::Status& why) { owner->OnClosed(this, why); }

Dispatcher::Dispatcher(const ClientOptions& options, Environment* environment,
                       std::unique_ptr<Network> network, std::function<void()> wake)
    : options_(options),
      silence_us_(std::chrono::microseconds(options.silence).count()),
      environment_(environment),
      network_(std::move(network)),
      wake_(std::move(wake)),
      leaders_(options.endpoints) {}

Dispatcher::~Dispatcher() {
  MutexLock lock(&mutex_);
  BATON_CHECK(stopped_ && calls_.empty() && lanes_.empty());
}

void Dispatcher::Warm() {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    if (current_ == nullptr) StartSearch(&outbox);
  }
  Run(&outbox);
}

void Dispatcher::Submit(std::unique_ptr<Call> call) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    absl::Status admitted = Admit(*call);
    if (!admitted.ok()) {
      Completed(*call, /*unknown=*/false, &outbox);
      outbox.finished.push_back({std::move(call), nullptr, std::move(admitted)});
    } else {
      Enter(std::move(call), &outbox);
      if (!Corked()) FlushAll(&outbox);
    }
  }
  Run(&outbox);
}

void Dispatcher::Enter(std::unique_ptr<Call> call, Outbox* outbox) {
  Call* const added = call.get();
  call_bytes_ += added->header.request.size();
  deadlines_.emplace(added->header.deadline_us, added->header.id);
  WakeBy(added->header.deadline_us);
  const bool is_new = calls_.emplace(added->header.id, std::move(call)).second;
  BATON_CHECK(is_new);
  Route(added, outbox);
}

absl::Status Dispatcher::Admit(const Call& call) const {
  if (stopped_ || ending_) return Cancelled();
  const size_t size = call.header.request.size();
  if (size > kRequestBytesMax) {
    v1::Error error;
    error.set_reason(v1::REASON_LIMIT_EXCEEDED);
    error.set_limit("request_bytes_max=" + std::to_string(kRequestBytesMax));
    error.set_message("the request has " + std::to_string(size) + " bytes: split it");
    return MakeError(static_cast<int>(absl::StatusCode::kInvalidArgument), error);
  }
  if (calls_.size() >= options_.in_flight_max ||
      call_bytes_ + size > options_.in_flight_bytes_max) {
    return MakeError(absl::StatusCode::kResourceExhausted, Reason::kOverloaded,
                     "this client has " + std::to_string(calls_.size()) + " calls of " +
                         std::to_string(call_bytes_) +
                         " bytes in flight: wait for answers before starting more");
  }
  return absl::OkStatus();
}

// Gives a call that is nowhere its place: with the leader, or in the queue for one, or with the
// node that is to answer it.
void Dispatcher::Route(Call* call, Outbox* outbox) {
  if (!HasStamp(call, outbox)) return;
  if (!call->header.place.leader()) return RoutePlaced(call);
  if (current_ == nullptr) {
    call->state = Call::State::kQueued;
    queued_.push_back(call);
    StartSearch(outbox);
    return;
  }
  Gather(current_, call);
}

void Dispatcher::Gather(Lane* lane, Call* call) {
  const int64_t now_us = NowUs();
  if (now_us - call->header.encoded_us > kTimeoutSlackUs) {
    const size_t size_before = call->header.request.size();
    SetTimeout(&call->header.request, call->header.deadline_us - now_us);
    call_bytes_ += call->header.request.size() - size_before;
    call->header.encoded_us = now_us;
  }
  call->state = Call::State::kGathered;
  call->lane = lane;
  lane->gathered.push_back(call);
}

void Dispatcher::Requeue(Call* call, Outbox* outbox) {
  Detach(call);
  Route(call, outbox);
}

// Takes a call out of whatever place it is in.
void Dispatcher::Detach(Call* call) {
  switch (call->state) {
    case Call::State::kUnstamped:
      Remove(&unstamped_, call);
      break;
    case Call::State::kQueued:
      Remove(&queued_, call);
      break;
    case Call::State::kGathered:
      Remove(&call->lane->gathered, call);
      break;
    case Call::State::kSent:
      BATON_CHECK(call->lane->sent > 0);
      --call->lane->sent;
      break;
    case Call::State::kWaiting:
      resumes_.erase({call->resume_us, call->header.id});
      break;
    case Call::State::kSettling:
      break;
  }
  call->lane = nullptr;
}

std::unique_ptr<Call> Dispatcher::Take(Call* call) {
  Detach(call);
  deadlines_.erase({call->header.deadline_us, call->header.id});
  call_bytes_ -= call->header.request.size();
  auto node = calls_.extract(call->header.id);
  return std::move(node.mapped());
}

void Dispatcher::FinishFailed(Call* call, absl::Status status, Outbox* outbox) {
  const bool unknown = IsOutcomeUnknown(status);
  std::unique_ptr<Call> taken = Take(call);
  Completed(*taken, unknown, outbox);
  outbox->finished.push_back({std::move(taken), nullptr, std::move(status)});
}

void Dispatcher::Flush(Lane* lane, Outbox* outbox) {
  if (lane->writing || lane->gathered.empty()) return;
  size_t count = 0;
  size_t bytes = 0;
  while (count < lane->gathered.size() && count < kMessageCallsMax) {
    const size_t size = lane->gathered[count]->header.request.size();
    if (count > 0 && bytes + size > kMessageBytesMax) break;
    bytes += size;
    ++count;
  }
  std::string message;
  message.reserve(bytes);
  for (size_t i = 0; i < count; ++i) {
    Call* const call = lane->gathered[i];
    message += call->header.request;
    call->state = Call::State::kSent;
  }
  lane->gathered.erase(lane->gathered.begin(),
                       lane->gathered.begin() + static_cast<std::ptrdiff_t>(count));
  if (lane->sent == 0) {
    lane->heard_us = NowUs();
    WakeBy(lane->heard_us + silence_us_);
  }
  lane->sent += count;
  lane->writing = true;
  outbox->writes.push_back({lane->stream, std::move(message)});
}

void Dispatcher::FlushAll(Outbox* outbox) {
  for (const auto& lane : lanes_) {
    if (!lane->given_up) Flush(lane.get(), outbox);
  }
}

bool Dispatcher::Corked() const { return t_corked == this; }

void Dispatcher::Run(Outbox* outbox) {
  for (const std::string& address : outbox->probes) {
    network_->Probe(address, kProbeTimeoutUs,
                    [this, address](const absl::Status& status, const v1::StatusResponse& answer) {
                      OnProbe(address, status, answer);
                    });
  }
  for (Write& write : outbox->writes) write.stream->Write(std::move(write.message));
  for (const auto& stream : outbox->closes) stream->Close();
  if (outbox->finished.empty()) return;
  {
    Cork cork(this);
    for (Finished& finished : outbox->finished) {
      if (finished.result != nullptr) {
        finished.call->Succeed(finished.result);
      } else {
        finished.call->Fail(std::move(finished.status));
      }
    }
  }
  if (Corked()) return;  // an outer batch flushes
  Outbox gathered;
  {
    MutexLock lock(&mutex_);
    FlushAll(&gathered);
  }
  for (Write& write : gathered.writes) write.stream->Write(std::move(write.message));
}

void Dispatcher::OnMessage(Lane* lane, v1::ExchangeResponse* response) {
  Outbox outbox;
  outbox.finished.reserve(static_cast<size_t>(response->results_size()));
  {
    MutexLock lock(&mutex_);
    if (lane->given_up) return;
    lane->heard_us = NowUs();
    for (v1::ExchangeResult& result : *response->mutable_results()) {
      OnAnswer(lane, &result, &outbox);
    }
    if (response->has_leader() && response->leader().name() != lane->name && lane == current_) {
      Learn(response->leader().address(), &outbox);
      Follow(response->leader(), &outbox);
    }
    if (lane != current_ && !lane->reads && current_ != nullptr && lane->sent == 0) {
      GiveUp(lane, lane->address + " leads no more", &outbox);
    }
    // If a callback is about to run, its calls travel with those that were put back just now.
    if (outbox.finished.empty()) FlushAll(&outbox);
  }
  Run(&outbox);
}

void Dispatcher::OnAnswer(Lane* lane, v1::ExchangeResult* result, Outbox* outbox) {
  const auto found = calls_.find(result->id());
  if (found == calls_.end()) return;  // expired meanwhile
  Call* const call = found->second.get();
  if (call->lane != lane || call->state != Call::State::kSent) return;  // sent elsewhere meanwhile
  const v1::Error& error = result->error();
  if (error.reason() == v1::REASON_SESSION_UNKNOWN && call->header.stamp.session != 0) {
    return OnSessionUnknown(call, outbox);
  }
  const bool in_time = result->code() != static_cast<int>(absl::StatusCode::kDeadlineExceeded);
  switch (Judge(result->code(), error.reason(), call->header.write)) {
    case Verdict::kDone: {
      rounds_ = 0;
      followed_ = false;
      std::unique_ptr<Call> taken = Take(call);
      Completed(*taken, /*unknown=*/false, outbox);
      outbox->finished.push_back({std::move(taken), result, absl::OkStatus()});
      break;
    }
    case Verdict::kFail:
      rounds_ = 0;
      if (error.reason() == v1::REASON_DEADLINE) PassOver(*call);
      if (call->applied) {  // and its result cannot be had: its keyspace was dropped, say
        const std::string why = "it took effect, and then: " + error.message();
        FinishFailed(call, FateUnknown(*call, why), outbox);
      } else if (call->uncertain && !IsKept(error.reason())) {
        Settle(call, MakeError(result->code(), error), outbox);
      } else {
        FinishFailed(call, MakeError(result->code(), error), outbox);
      }
      break;
    case Verdict::kLater:
      WaitFor(call, error);
      break;
    case Verdict::kFateUnknown:
      if (call->header.stamp.session == 0 || !in_time) {
        FinishFailed(call, FateUnknown(*call, error.message()), outbox);
        break;
      }
      call->uncertain = true;
      [[fallthrough]];
    case Verdict::kFindLeader:
      trouble_ = lane->address + ": " + result->error().message();
      if (lane->reads) places_.Failed(lane->address, NowUs());
      Learn(error.leader().address(), outbox);
      if (lane == current_) Follow(error.leader(), outbox);
      Requeue(call, outbox);
      break;
  }
}

void Dispatcher::WaitFor(Call* call, const v1::Error& error) {
  Detach(call);
  const int64_t delay_us =
      std::max(BackoffUs(kOverloadBackoff, call->overloads, environment_->Random()),
               int64_t{error.retry_after_ms()} * 1000);
  ++call->overloads;
  ResumeAt(call, NowUs() + delay_us);
}

void Dispatcher::ResumeAt(Call* call, int64_t time_us) {
  call->state = Call::State::kWaiting;
  call->resume_us = time_us;
  resumes_.emplace(call->resume_us, call->header.id);
  WakeBy(call->resume_us);
}

void Dispatcher::OnWritable(Lane* lane) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    lane->writing = false;
    Flush(lane, &outbox);
  }
  Run(&outbox);
}

void Dispatcher::OnClosed(Lane* lane, const absl::Status& why) {
  Outbox outbox;
  std::unique_ptr<Lane> closed;
  {
    MutexLock lock(&mutex_);
    if (!lane->given_up) {
      trouble_ = lane->address + ": " + std::string(why.message());
      GiveUp(lane, "the connection to " + lane->address + " broke", &outbox);
    }
    const auto at = std::find_if(lanes_.begin(), lanes_.end(),
                                 [&](const auto& candidate) { return candidate.get() == lane; });
    BATON_CHECK(at != lanes_.end());
    closed = std::move(*at);
    lanes_.erase(at);
  }
  Run(&outbox);
}

void Dispatcher::CheckSilence(int64_t now_us, Outbox* outbox) {
  if (current_ != nullptr && current_->sent > 0 && now_us - current_->heard_us >= silence_us_) {
    trouble_ = current_->address + ": silent";
    Demote(outbox);
  }
  if (current_ == nullptr) return;
  for (const auto& lane : lanes_) {
    if (lane.get() == current_ || lane->reads || lane->given_up) continue;
    if (now_us - std::max(lane->heard_us, adopted_us_) >= silence_us_) {
      GiveUp(lane.get(), lane->address + " leads no more and fell silent", outbox);
    }
  }
}

// A call's time is up.
void Dispatcher::Expire(Call* call, Outbox* outbox) {
  if (call->header.write && (call->state == Call::State::kSent || call->uncertain)) {
    FinishFailed(call, FateUnknown(*call, "no answer in time"), outbox);
    return;
  }
  std::string message =
      call->header.write ? "not done in time, and surely without effect" : "not answered in time";
  PassOver(*call);
  const bool placed = !call->header.place.leader();
  const bool waiting = call->state == Call::State::kWaiting;
  const bool queued = call->state == Call::State::kQueued;
  const bool unstamped = call->state == Call::State::kUnstamped;
  if (queued) message += "; no leader was found";
  if (unstamped) message += "; no session has room for it yet";
  if (waiting) message += placed ? "; no node could answer it" : "; the leader is overloaded";
  if ((queued || unstamped || placed) && !trouble_.empty()) message += " (" + trouble_ + ")";
  FinishFailed(call, MakeError(absl::StatusCode::kDeadlineExceeded, Reason::kDeadline, message),
               outbox);
}

int64_t Dispatcher::RunTimers() {
  Outbox outbox;
  int64_t next_us = kNever;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return kNever;
    const int64_t now_us = NowUs();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
      Expire(calls_.find(deadlines_.begin()->second)->second.get(), &outbox);
    }
    while (!resumes_.empty() && resumes_.begin()->first <= now_us) {
      Requeue(calls_.find(resumes_.begin()->second)->second.get(), &outbox);
    }
    CheckSilence(now_us, &outbox);
    CheckReadLanes(now_us, &outbox);
    if (searching_ && next_round_us_ <= now_us) AskAll(&outbox);
    FlushAll(&outbox);
    next_us = NextTimer();
    sleeping_until_us_ = next_us;
  }
  Run(&outbox);
  return next_us;
}

int64_t Dispatcher::NextTimer() const {
  int64_t next_us = kNever;
  if (!deadlines_.empty()) next_us = std::min(next_us, deadlines_.begin()->first);
  if (!resumes_.empty()) next_us = std::min(next_us, resumes_.begin()->first);
  if (searching_) next_us = std::min(next_us, next_round_us_);
  for (const auto& lane : lanes_) {
    if (lane->given_up || (current_ == nullptr && !lane->reads)) continue;
    if (lane.get() == current_ || lane->reads) {
      if (lane->sent > 0) next_us = std::min(next_us, lane->heard_us + silence_us_);
    } else {
      next_us = std::min(next_us, std::max(lane->heard_us, adopted_us_) + silence_us_);
    }
  }
  return next_us;
}

void Dispatcher::WakeBy(int64_t time_us) {
  if (time_us >= sleeping_until_us_) return;
  sleeping_until_us_ = time_us;
  wake_();
}

// In the order they came, so that a run repeats itself.
void Dispatcher::CancelAll(Outbox* outbox) {
  std::vector<Call*> all;
  all.reserve(calls_.size());
  for (const auto& [id, call] : calls_) all.push_back(call.get());
  std::sort(all.begin(), all.end(),
            [](const Call* a, const Call* b) { return a->header.id < b->header.id; });
  for (Call* call : all) outbox->finished.push_back({Take(call), nullptr, Cancelled()});
}

void Dispatcher::Stop() {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    stopped_ = true;
    searching_ = false;
    current_ = nullptr;
    for (const auto& lane : lanes_) {
      lane->given_up = true;
      lane->gathered.clear();
      lane->sent = 0;
      outbox.closes.push_back(lane->stream);
    }
    queued_.clear();
    unstamped_.clear();
    resumes_.clear();
    deadlines_.clear();
    call_bytes_ = 0;
    for (auto& [id, call] : calls_) {
      outbox.finished.push_back({std::move(call), nullptr, Cancelled()});
    }
    calls_.clear();
  }
  Run(&outbox);
  network_->Shutdown();
}

}  // namespace baton::client
