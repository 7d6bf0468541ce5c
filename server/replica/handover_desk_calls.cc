// The desk's part for calls: each is of one id, and is answered with what the log has of that.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "server/replica/answers.h"
#include "server/replica/handover_desk.h"

namespace baton::server {
namespace {

HandoverResult Refused(absl::StatusCode code, std::string why) {
  HandoverResult result;
  result.failure = HandoverRefusedFailure(code, std::move(why));
  return result;
}

HandoverResult ResultOf(Failure failure) {
  HandoverResult result;
  result.failure = std::move(failure);
  return result;
}

}  // namespace

void HandoverDesk::Admit(QueuedHandoverCall call) {
  if (stopping_) return call.done(ResultOf(ShuttingDownFailure()));
  if (parts_.core->standing() != consensus::Standing::kLeader) {
    return call.done(ResultOf(NotLeaderFailure(parts_.members->Hint(parts_.core->leader()))));
  }
  if (call.call.what == HandoverCall::What::kPredict) return rehearsal_.Admit(std::move(call));
  if (calls_.size() + waiting_.size() >= kCallsMax) {
    return call.done(ResultOf(OverloadedFailure(absl::StrCat("handover_calls_max=", kCallsMax))));
  }
  calls_.push_back(std::move(call));
}

void HandoverDesk::TakeCalls() {
  while (known_ && !calls_.empty() && TakeFront()) {
    calls_.pop_front();
    found_.reset();
  }
}

// The newest handover is known; any other is looked up. One at a time.
bool HandoverDesk::TakeFront() {
  QueuedHandoverCall& queued = calls_.front();
  const HandoverCall& call = queued.call;
  const std::string& id = call.order.id;
  const bool newest = row_ && row_->order.id == id;
  if (proposal_ && proposal_->order.id == id && !newest) return false;  // in the log first
  if (newest && call.what == HandoverCall::What::kApprove &&
      row_->state() == HandoverState::kAwaiting) {
    return Approve(&queued);
  }
  if (newest && call.what == HandoverCall::What::kAbort && !Settled()) {
    if (!BeforeSeal(row_->state()) && row_->state() != HandoverState::kSealed) {
      queued.done(Refused(absl::StatusCode::kFailedPrecondition,
                          absl::StrCat("handover ", id, " has taken place: start another to ",
                                       Named(row_->ballot.node), " to go back")));
      return true;
    }
    if (proposal_ && proposal_->state() == HandoverState::kSealed) proposal_.reset();
    ended_by_ = call.actor;
    give_up_ = absl::StrCat("aborted by ", call.actor, call.order.reason.empty() ? "" : ": ",
                            call.order.reason);
    waiting_.push_back(std::move(queued));
    return true;
  }
  if (newest) {
    if (Chosen()) Answer(queued, *row_);
    return Chosen();
  }
  if (!found_ || found_->id != id) {
    if (!looking_) Look(id);
    return false;
  }
  if (found_->row) {
    Answer(queued, *found_->row);
    return true;
  }
  if (call.what != HandoverCall::What::kStart) {
    queued.done(Refused(absl::StatusCode::kNotFound, absl::StrCat("there is no handover ", id)));
    return true;
  }
  if (Settled() && !proposal_) {
    if (row_ && !Chosen()) return false;
    Begin(std::move(queued));
    return true;
  }
  if (row_ && row_->state() == HandoverState::kProbation) {
    if (Chosen()) {
      Step(HandoverState::kDone, absl::StrCat("its probation was ended by handover ", id));
    }
    return false;
  }
  if (row_ && row_->state() == HandoverState::kAwaiting) {
    if (Chosen()) {
      Step(HandoverState::kAborted,
           absl::StrCat("it was waiting for an approval when handover ", id, " was asked for"));
    }
    return false;
  }
  const HandoverRow& open = proposal_ ? *proposal_ : *row_;
  queued.done(
      Refused(absl::StatusCode::kFailedPrecondition,
              absl::StrCat("handover ", open.order.id, " is under way (",
                           std::string(NameOf(open.state())), "): wait for it, or abort it")));
  return true;
}

// false: it waits.
bool HandoverDesk::Approve(QueuedHandoverCall* queued) {
  if (!Chosen()) return false;
  const HandoverCall& call = queued->call;
  Step(HandoverState::kApproved);
  proposal_->approval.actor = call.actor;
  proposal_->approval.reason = call.order.reason;
  proposal_->approval.until_us = parts_.clock->WallNowUs() + call.approved_for_us;
  begun_us_ = parts_.clock->LeaseNowUs();
  approved_until_us_ = begun_us_ + call.approved_for_us;
  waiting_.push_back(std::move(*queued));
  return true;
}

// What was asked before with this id.
void HandoverDesk::Answer(const QueuedHandoverCall& queued, const HandoverRow& row) {
  const HandoverCall& call = queued.call;
  const bool aborts = call.what == HandoverCall::What::kAbort;
  if (aborts && row.state() != HandoverState::kAborted) {
    queued.done(Refused(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("handover ", row.order.id, " is over: ", std::string(NameOf(row.state())))));
    return;
  }
  if (call.what == HandoverCall::What::kApprove && row.approval.until_us == 0) {
    queued.done(Refused(absl::StatusCode::kFailedPrecondition,
                        Final(row.state())
                            ? absl::StrCat("handover ", row.order.id,
                                           " is over: ", std::string(NameOf(row.state())))
                            : absl::StrCat("handover ", row.order.id, " asks for none")));
    return;
  }
  if (call.what == HandoverCall::What::kStart && call.order != row.order) {
    queued.done(Refused(absl::StatusCode::kAlreadyExists,
                        absl::StrCat("handover ", row.order.id,
                                     " was asked for with other arguments: give another id")));
    return;
  }
  if (Final(row.state()) || row.state() == HandoverState::kAwaiting || !call.wait) {
    HandoverResult result;
    result.row = row;
    return queued.done(std::move(result));
  }
  waiting_.push_back(queued);
}

// Those that wait for the newest handover, as far as it has come.
void HandoverDesk::AnswerWaiting() {
  if (waiting_.empty() || !Chosen()) return;
  std::erase_if(waiting_, [this](const QueuedHandoverCall& queued) {
    const bool rests = Final(row_->state()) || row_->state() == HandoverState::kAwaiting;
    if (queued.call.wait && !rests) return false;
    HandoverResult result;
    result.row = row_;
    queued.done(std::move(result));
    return true;
  });
}

void HandoverDesk::Begin(QueuedHandoverCall call) {
  AnswerWaiting();  // for the one before
  BATON_CHECK(waiting_.empty());
  HandoverRow row;
  row.order = call.call.order;
  row.actor = call.call.actor;
  row.ballot = ballot_;
  row.to = row.order.to;
  row.steps.push_back({HandoverState::kRequested});
  const auto page = parts_.orders->Read();
  row.opinion.policy = page->policies.Active().version;
  if (const PolicyRow* const shadow = page->policies.Shadow()) row.opinion.shadow = shadow->version;
  proposal_ = std::move(row);
  begun_us_ = parts_.clock->LeaseNowUs();
  urgent_ = call.call.urgent;
  approved_until_us_ = kNever;
  preflight_.reset();
  give_up_.reset();
  ended_by_.clear();
  parts_.metrics->handovers_begun.Add();
  waiting_.push_back(std::move(call));
}

void HandoverDesk::Expire(int64_t now_us) {
  const auto late = [now_us](const QueuedHandoverCall& queued) {
    if (!queued.call.PastDeadline(now_us)) return false;
    HandoverResult result = ResultOf(OutcomeUnknownFailure(""));
    result.failure.code = absl::StatusCode::kDeadlineExceeded;
    result.failure.message =
        "the handover has no outcome yet: ask again with the same id, or show it";
    queued.done(std::move(result));
    return true;
  };
  std::erase_if(waiting_, late);
  std::erase_if(calls_, late);
  rehearsal_.Expire(now_us);
}

void HandoverDesk::RefuseCalls(const Failure& failure) {
  for (const auto& call : calls_) call.done(ResultOf(failure));
  for (const auto& call : waiting_) call.done(ResultOf(failure));
  rehearsal_.EndReign(failure);
  calls_.clear();
  waiting_.clear();
  found_.reset();
}

}  // namespace baton::server
