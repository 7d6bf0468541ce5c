// How the dispatcher numbers writes: it opens sessions as they are needed, and lets writes wait for
// room in one.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "client/codec.h"
#include "client/dispatcher.h"
#include "client/wire_error.h"

namespace baton::client {
namespace {

constexpr int64_t kOpenTimeoutUs = 10'000'000;  // one attempt; writes have deadlines of their own

}  // namespace

WriteStamp Dispatcher::TakeStamp() {
  MutexLock lock(&mutex_);
  if (!unstamped_.empty()) return {};  // those were first
  return sessions_.Take().value_or(WriteStamp{});
}

// False: the call waits for one.
bool Dispatcher::HasStamp(Call* call, Outbox* outbox) {
  if (!call->header.exactly_once || call->header.stamp.session != 0) return true;
  if (unstamped_.empty()) {
    if (const std::optional<WriteStamp> stamp = sessions_.Take()) {
      Stamp(call, *stamp);
      return true;
    }
  }
  call->state = Call::State::kUnstamped;
  unstamped_.push_back(call);
  if (sessions_.WantsAnother()) OpenSession(outbox);
  return false;
}

void Dispatcher::Stamp(Call* call, const WriteStamp& stamp) {
  const size_t size_before = call->header.request.size();
  call->header.stamp = stamp;
  SetStamp(&call->header.request, stamp);
  call_bytes_ += call->header.request.size() - size_before;
}

void Dispatcher::StampWaiting(Outbox* outbox) {
  while (!unstamped_.empty()) {
    const std::optional<WriteStamp> stamp = sessions_.Take();
    if (!stamp) {
      if (sessions_.WantsAnother()) OpenSession(outbox);
      return;
    }
    Call* const call = unstamped_.front();
    unstamped_.pop_front();
    Stamp(call, *stamp);
    Route(call, outbox);
  }
}

// Asked for again if the answer is lost: a session that nobody uses ends by itself.
void Dispatcher::OpenSession(Outbox* outbox) {
  sessions_.Opening();
  CallHeader header;
  header.id = NextId();
  header.encoded_us = NowUs();
  header.deadline_us = header.encoded_us + kOpenTimeoutUs;
  header.request = EncodeOpenSession(header.id, static_cast<uint32_t>(options_.session_ttl.count()),
                                     static_cast<uint32_t>(kOpenTimeoutUs / 1000));
  Enter(std::make_unique<TypedCall<OpenedSession>>(
            std::move(header),
            [this](const absl::StatusOr<OpenedSession>& opened) { OnSession(opened); }),
        outbox);
}

void Dispatcher::OnSession(const absl::StatusOr<OpenedSession>& opened) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    if (opened.ok()) {
      sessions_.Opened(opened->id);
    } else {
      sessions_.NotOpened();
      // Out of time: tried again while anybody waits. Else it is no use.
      while (!absl::IsDeadlineExceeded(opened.status()) && !unstamped_.empty()) {
        FinishFailed(unstamped_.front(), opened.status(), &outbox);
      }
    }
    StampWaiting(&outbox);
    if (!Corked()) FlushAll(&outbox);
  }
  Run(&outbox);
}

// The nodes do not know it any more. What was sent once goes into another; what may have taken
// effect before stays unknown.
void Dispatcher::OnSessionUnknown(Call* call, Outbox* outbox) {
  sessions_.Ended(call->header.stamp.session);
  if (call->uncertain) {
    return FinishFailed(call, FateUnknown(*call, "its session has ended"), outbox);
  }
  Detach(call);
  call->header.stamp = {};
  Route(call, outbox);
}

// An attempt is refused, and an earlier one may have taken effect. Asking settles it: the refusal
// is the answer if none has, for none will any more.
void Dispatcher::Settle(Call* call, absl::Status refusal, Outbox* outbox) {
  Detach(call);
  call->state = Call::State::kSettling;
  const WriteStamp& stamp = call->header.stamp;
  CallHeader header;
  header.id = NextId();
  header.encoded_us = NowUs();
  header.deadline_us = call->header.deadline_us;
  CallOptions options;
  options.timeout = std::chrono::milliseconds(
      std::max<int64_t>((header.deadline_us - header.encoded_us) / 1000, 1));
  header.request = EncodeGetOutcome(header.id, stamp.session, stamp.sequence, options);
  Enter(std::make_unique<TypedCall<OutcomeResult>>(
            std::move(header),
            [this, id = call->header.id, refusal = std::move(refusal)](
                const absl::StatusOr<OutcomeResult>& asked) { OnSettled(id, refusal, asked); }),
        outbox);
}

void Dispatcher::OnSettled(uint64_t call_id, const absl::Status& refusal,
                           const absl::StatusOr<OutcomeResult>& asked) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    const auto found = calls_.find(call_id);
    if (found == calls_.end()) return;  // expired meanwhile
    Call* const call = found->second.get();
    const Outcome outcome = asked.ok() ? asked->outcome : Outcome::kExpired;
    if (outcome == Outcome::kNotApplied) {
      FinishFailed(call, refusal, &outbox);
    } else if (outcome == Outcome::kApplied && !asked->rejection.ok()) {
      FinishFailed(call, asked->rejection, &outbox);
    } else if (outcome == Outcome::kApplied) {
      call->applied = true;
      Route(call, &outbox);  // a repeat is answered with the result
    } else {
      FinishFailed(call, FateUnknown(*call, "then: " + std::string(refusal.message())), &outbox);
    }
    if (!Corked()) FlushAll(&outbox);
  }
  Run(&outbox);
}

void Dispatcher::Completed(const Call& call, bool unknown, Outbox* outbox) {
  if (call.header.stamp.session == 0) return;
  if (call.uncertain) sessions_.SentAgain(call.header.stamp.session);
  sessions_.Done(call.header.stamp, unknown);
  StampWaiting(outbox);
}

// Those of the cancelled calls are chosen before: what becomes of such a write may be asked for.
void Dispatcher::EndSessions(std::function<void()> ended) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    BATON_CHECK(!ending_ && !stopped_);
    ending_ = true;
    const std::vector<uint64_t> settled = sessions_.TakeSettled();
    CancelAll(&outbox);
    if (current_ != nullptr) {
      for (const uint64_t session : settled) EndSession(session, &outbox);
    }
    if (sessions_ending_ > 0) ended_ = std::exchange(ended, nullptr);
    FlushAll(&outbox);
  }
  Run(&outbox);
  if (ended != nullptr) ended();
}

void Dispatcher::EndSession(uint64_t session, Outbox* outbox) {
  ++sessions_ending_;
  CallHeader header;
  header.id = NextId();
  header.encoded_us = NowUs();
  header.deadline_us = header.encoded_us + kEndTimeoutUs;
  header.request =
      EncodeEndSession(header.id, session, static_cast<uint32_t>(kEndTimeoutUs / 1000));
  Enter(std::make_unique<TypedCall<EndedSession>>(
            std::move(header), [this](const absl::StatusOr<EndedSession>&) { OnEndedOne(); }),
        outbox);
}

// Whether or not it has: one that has not ends by itself.
void Dispatcher::OnEndedOne() {
  std::function<void()> ended;
  {
    MutexLock lock(&mutex_);
    if (--sessions_ending_ > 0) return;
    ended = std::exchange(ended_, nullptr);
  }
  ended();
}

absl::Status Dispatcher::FateUnknown(const Call& call, const std::string& why) {
  const WriteStamp& stamp = call.header.stamp;
  v1::Error error;
  error.set_reason(v1::REASON_OUTCOME_UNKNOWN);
  error.set_session(stamp.session);
  error.set_sequence(stamp.sequence);
  error.set_message("the write may or may not take effect (" + why + "): " +
                    (stamp.session == 0
                         ? "read the key before repeating it"
                         : "ask what became of session " + std::to_string(stamp.session) +
                               ", number " + std::to_string(stamp.sequence)));
  return MakeError(static_cast<int>(absl::StatusCode::kUnavailable), error);
}

}  // namespace baton::client
