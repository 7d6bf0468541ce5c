// What the sequencer does about sessions: a request that was answered before gets that answer, and
// what is asked of sessions is done.
#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "server/replica/sequencer.h"

namespace baton::server {
namespace {

constexpr int64_t kIdleLookUs = 1'000'000;          // at the most so often
constexpr int64_t kEndIdleDeadlineUs = 10'000'000;  // it is asked for again anyway
constexpr char kManyKept[] =
    "the results that are kept for sessions take too much room: their clients are to say by "
    "acked_below which they have, or end their sessions";

engine::Fate FateOf(const engine::KeptResult& kept) {
  absl::StatusOr<engine::Fate> fate = engine::DecodeFate(kept.fate, kept.of_request);
  BATON_CHECK(fate.ok()) << "a kept result cannot be read: "
                         << std::string(fate.status().message());
  return *std::move(fate);
}

}  // namespace

// Whether the request needs no evaluation any more. What its answer says was true when it was
// sequenced: the answer waits until a quorum has what the session's table saw. That of a keyspace
// whose budget holds back the first answer does not come by a repeat.
bool Sequencer::AnsweredBySession(Turn* turn) {
  const engine::SessionStamp& stamp = turn->write.stamp;
  const engine::Session* session = sessions_.Find(stamp.session);
  if (session == nullptr) {
    Refuse(SessionUnknownFailure(stamp.session), turn);
    return true;
  }
  switch (engine::StandingOf(*session, stamp.sequence, stamp.acked_below)) {
    case engine::Standing::kNew:
      if (!sessions_.full()) return false;
      Overloaded("session_bytes_max", engine::kKeptBytesMax, kManyKept, turn);
      return true;
    case engine::Standing::kTooFarOn:
      Overloaded("session_window_max", engine::kSessionWindowMax,
                 "the number is too far above the lowest that its client still waits for: wait for "
                 "answers, and say by acked_below which have come",
                 turn);
      return true;
    case engine::Standing::kTooOld:
      Refuse(SessionTooOldFailure(stamp.sequence), turn);
      return true;
    case engine::Standing::kKept:
      break;
  }
  parts_.metrics->repeats_answered.Add();
  engine::Fate fate = FateOf(session->kept.at(stamp.sequence));
  GatedAnswer gated = Gated(/*has_effect=*/false, turn);
  gated.has_effect = !fate.fenced;  // the first attempt's, which need not be chosen yet
  if (fate.fenced) gated.answer.failure = FencedFailure(stamp.sequence);
  if (fate.result.rejection) gated.answer.failure = RejectedFailure(*fate.result.rejection);
  gated.answer.position.revision = fate.result.revision;
  gated.answer.result = std::move(fate.result);
  turn->gate->Add(std::move(gated));
  return true;
}

// Once it is sure that this node leads still.
void Sequencer::Refuse(Failure failure, Turn* turn) {
  GatedAnswer gated = Gated(/*has_effect=*/false, turn);
  gated.answer.failure = std::move(failure);
  turn->gate->Add(std::move(gated));
}

// At once: it says nothing of the state.
void Sequencer::Overloaded(const char* limit, uint64_t max, const char* what, Turn* turn) {
  Failure failure = OverloadedFailure(std::string(limit) + "=" + std::to_string(max));
  failure.message = what;
  turn->answers->Fail(turn->write.to, std::move(failure));
  parts_.metrics->refused_overload.Add();
}

void Sequencer::Evaluate(const engine::SessionRequest& request, Turn* turn) {
  std::visit([&](const auto& asked) { Ask(asked, turn); }, request);
}

void Sequencer::Ask(const engine::OpenSession& open, Turn* turn) {
  const std::optional<uint64_t> id = sessions_.Open(open.ttl_ms);
  if (!id) {
    return Overloaded("sessions_max", engine::kSessionsMax,
                      "too many sessions are open: end some, or wait until idle ones end", turn);
  }
  parts_.metrics->sessions_opened.Add();
  NoteIdle(turn->now_us);
  GatedAnswer gated = Gated(/*has_effect=*/true, turn);
  gated.answer.position.revision = Revision{*id};
  gated.answer.result = engine::SessionResult{.session = *id, .ttl_ms = open.ttl_ms};
  turn->gate->Add(std::move(gated));
}

void Sequencer::Ask(const engine::TouchSession& touch, Turn* turn) {
  if (sessions_.Find(touch.session) == nullptr) {
    return Refuse(SessionUnknownFailure(touch.session), turn);
  }
  sessions_.Touch(touch.session);
  GatedAnswer gated = Gated(/*has_effect=*/true, turn);
  gated.answer.result = engine::SessionResult{.session = touch.session};
  turn->gate->Add(std::move(gated));
}

void Sequencer::Ask(const engine::EndSession& end, Turn* turn) {
  const bool there = sessions_.Find(end.session) != nullptr;
  if (there) sessions_.End(end.session);
  NoteIdle(turn->now_us);
  GatedAnswer gated = Gated(there, turn);
  gated.answer.result = engine::SessionResult{.session = end.session};
  turn->gate->Add(std::move(gated));
}

void Sequencer::Ask(const engine::GetOutcome& get, Turn* turn) {
  using Outcome = engine::SessionResult::Outcome;
  engine::SessionResult result{.session = get.session, .outcome = Outcome::kExpired};
  bool fenced_now = false;
  if (const engine::Session* session = sessions_.Find(get.session)) {
    switch (engine::StandingOf(*session, get.sequence, 0)) {
      case engine::Standing::kTooFarOn:
        return Overloaded("session_window_max", engine::kSessionWindowMax,
                          "the number is too far above the lowest that its client is known to wait "
                          "for: send another request of the session, which says by acked_below "
                          "which answers have come, and ask again",
                          turn);
      case engine::Standing::kTooOld:
        break;
      case engine::Standing::kNew:
        if (sessions_.full()) {
          return Overloaded("session_bytes_max", engine::kKeptBytesMax, kManyKept, turn);
        }
        sessions_.Fence(get.session, get.sequence);
        parts_.metrics->requests_fenced.Add();
        fenced_now = true;
        result.outcome = Outcome::kNotApplied;
        break;
      case engine::Standing::kKept: {
        engine::Fate fate = FateOf(session->kept.at(get.sequence));
        result.outcome = fate.fenced ? Outcome::kNotApplied : Outcome::kApplied;
        if (fate.lost) {
          result.outcome = Outcome::kLost;
          result.lost = *fate.lost;
        }
        result.result = std::move(fate.result);
        break;
      }
    }
  }
  GatedAnswer gated = Gated(fenced_now, turn);
  gated.answer.position.revision = result.result.revision;
  gated.answer.result = std::move(result);
  turn->gate->Add(std::move(gated));
}

// ---- Sessions that were idle

QueuedWrite Sequencer::EndIdle(int64_t now_us) {
  idle_due_us_ = now_us + kIdleLookUs;
  QueuedWrite write{.deadline_us = now_us + kEndIdleDeadlineUs, .queued_at_us = now_us};
  write.request = EndIdleSessions{};
  return write;
}

void Sequencer::Evaluate(const EndIdleSessions&, Turn* turn) {
  sessions_.EndIdle();
  NoteIdle(turn->now_us);
}

void Sequencer::NoteIdle(int64_t now_us) {
  parts_.metrics->sessions.Set(sessions_.size());
  const std::optional<int64_t> next_us = sessions_.NextIdleUs();
  idle_due_us_ = next_us ? now_us + std::max(*next_us - Now().log_us, kIdleLookUs) : kNever;
}

}  // namespace baton::server
