#include "server/replica/handover_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/rank.h"
#include "server/replica/answers.h"
#include "server/replica/election_records.h"
#include "server/replica/handover_checks.h"
#include "server/replica/handover_risk.h"
#include "server/replica/handover_rows.h"
#include "server/replica/handover_target.h"
#include "server/replica/reign_rows.h"

namespace baton::server {
namespace {

constexpr int64_t kHandBackDeadlineUs = 10'000'000;
constexpr int64_t kBusyLeases = 2;  // a write as long as that before a leader was lost

std::string Millis(int64_t us) { return absl::StrCat(us / 1'000, ".", us / 100 % 10, " ms"); }

}  // namespace

// ---- What the log has

void HandoverDesk::Serve(Slot reign_slot, const ElectionSeen& election, int64_t first_commit_us,
                         int64_t now_us) {
  BATON_CHECK(!serving_);
  seen_ = election;
  serving_ = true;
  ballot_ = parts_.core->promised();
  known_ = false;
  probation_ = Probation(reign_slot, limits_.write_objective_us, first_commit_us, now_us);
  probation_end_us_ = kNever;
  Look({});
}

// An empty id: the newest. On a reader, from all that is chosen.
void HandoverDesk::Look(std::string id) {
  BATON_CHECK(!looking_);
  looking_ = true;
  parts_.readers->PostOwn([engine = parts_.engine, overlay = parts_.overlay, inbox = parts_.inbox,
                           commit = parts_.core->commit(), ballot = ballot_, id = std::move(id)] {
    const engine::View view(*engine, *overlay, commit);
    HandoversRead read{ballot, id};
    auto row = id.empty() ? NewestHandover(view) : FindHandover(view, id);
    if (row.ok() && *row && id.empty()) {
      auto after = ReignAfter(view, (*row)->ballot, engine::ReadTier::kAny);
      if (after.ok()) read.reign_after = *std::move(after);
      if (!after.ok()) read.status = after.status();
    }
    if (id.empty()) {
      auto reign = NewestReign(view, engine::ReadTier::kAny);
      if (reign.ok()) read.reign = *std::move(reign);
      if (!reign.ok()) read.status = reign.status();
    }
    if (row.ok()) read.row = *std::move(row);
    if (!row.ok()) read.status = row.status();
    inbox->PushNotice(std::move(read));
  });
}

void HandoverDesk::On(HandoversRead& read) {
  if (!serving_ || read.ballot != ballot_) return;
  looking_ = false;
  if (!read.status.ok()) {
    parts_.fatal("the handovers cannot be read: " + std::string(read.status.message()));
    return;
  }
  if (!read.id.empty()) {
    found_ = Found{std::move(read.id), std::move(read.row)};
    return;
  }
  known_ = true;
  row_ = std::move(read.row);
  if (!Settled()) SettleOfBefore(read.reign_after);
  BATON_CHECK(read.reign && read.reign->reign.ballot == ballot_) << "this reign has no row";
  const auto page = parts_.orders->Read();
  for (HandoverRow& row : ElectionRecords(
           {parts_.core, parts_.members, page.get(), &seen_, parts_.clock}, *read.reign, row_)) {
    elections_.push_back(std::move(row));
  }
}

// The outcome of a handover is the reign that directly follows its own.
void HandoverDesk::SettleOfBefore(const std::optional<ReignRow>& after) {
  BATON_CHECK(after.has_value()) << "the reign of " << row_->order.id << " has not ended";
  const std::string leads = absl::StrCat(Named(ballot_.node), " leads since ", ToString(ballot_));
  const bool sealed = row_->state() == HandoverState::kSealed;
  const bool done = sealed && after->reign.cause == consensus::Cause::kHandover &&
                    after->reign.handover == row_->number;
  if (row_->state() == HandoverState::kProbation) {
    return Step(HandoverState::kDone, absl::StrCat("its probation was cut short: ", leads));
  }
  if (!done) {
    const bool here = row_->number == gave_up_number_;
    if (!here) ended_by_.clear();
    const bool came_back = after->reign.ballot.node == row_->ballot.node;
    const std::string why = here        ? gave_up_why_
                            : !sealed   ? "the leader that had begun it led no more"
                            : came_back ? "its target did not take over in time"
                                        : "the leader was lost before its target had taken over";
    Step(HandoverState::kAborted, absl::StrCat(why, ": ", leads));
    proposal_->successor = after->reign.ballot;
    return;
  }
  proposal_ = row_;
  proposal_->successor = after->reign.ballot;
  proposal_->steps.push_back(
      {HandoverState::kReign, after->slot, after->log_time_us, after->wall_time_us});
  if (after->reign.ballot == ballot_) {
    proposal_->steps.push_back({HandoverState::kProbation});
  } else {
    proposal_->steps.push_back({HandoverState::kDone});
    proposal_->outcome = absl::StrCat(Named(row_->to), " took over; ", leads);
  }
}

bool HandoverDesk::Chosen() const {
  return row_ && !proposal_ && parts_.core->commit() >= row_->steps.back().slot;
}

void HandoverDesk::Step(HandoverState state, std::string outcome) {
  BATON_CHECK(!proposal_ && MayFollow(row_->state(), state));
  proposal_ = row_;
  proposal_->steps.push_back({state});
  if (preflight_ && !row_->election()) proposal_->checks = preflight_->checks();
  proposal_->outcome = std::move(outcome);
  if (state != HandoverState::kAborted) return;
  proposal_->ended_by = ended_by_;
  if (preflight_) preflight_->Release();
}

void HandoverDesk::Proposed(HandoverRow row) {
  proposal_.reset();
  row_ = std::move(row);
  spdlog::info("reign {}: {}{} to {}: {}{}{}", ToString(ballot_),
               row_->election() ? "" : "handover ", row_->order.id, Named(row_->to),
               NameOf(row_->state()), row_->outcome.empty() ? "" : ": ", row_->outcome);
}

void HandoverDesk::EndReign(const Failure& redirect, int64_t last_ack_us) {
  if (const std::optional<NodeId> successor = Successor()) {
    const int64_t since_us = parts_.clock->LeaseNowUs() - std::max(last_ack_us, sealed_us_);
    const TellHanded word{row_->number, since_us + preflight_->round_trip_us() / 2};
    parts_.transport->Send(HandoverMessage(parts_.core->self(), *successor, word));
  }
  if (given_up_) {  // the next reign, if it is this node's, says so
    gave_up_number_ = row_->number;
    gave_up_why_ = *give_up_;
  }
  give_up_.reset();
  given_up_ = false;
  RefuseCalls(redirect);
  looking_ = false;
  serving_ = false;
  known_ = false;
  row_.reset();
  proposal_.reset();
  elections_.clear();
  preflight_.reset();
}

std::optional<NodeId> HandoverDesk::Successor() const {
  const bool handed = serving_ && Chosen() && row_->state() == HandoverState::kSealed && !given_up_;
  return handed ? std::optional(row_->to) : std::nullopt;
}

// ---- Steps

std::optional<consensus::HandoverGivenUp> HandoverDesk::Advance(int64_t now_us) {
  if (!serving_) return std::nullopt;
  rehearsal_.Advance(now_us);
  probation_.Look(parts_.core->commit(), parts_.core->log().last().slot, now_us);
  AnswerWaiting();
  if (!elections_.empty() && !proposal_ && Settled() && (!row_ || Chosen())) {
    proposal_ = std::move(elections_.front());
    elections_.pop_front();
    preflight_.reset();
  }
  if (elections_.empty()) TakeCalls();
  AnswerWaiting();
  if (!known_ || proposal_ || Settled()) return std::nullopt;
  if (row_->state() == HandoverState::kSealed && parts_.core->sealed() && !given_up_) {
    if (!give_up_ && now_us >= sealed_us_ + limits_.lease_us) {
      give_up_ = absl::StrCat(Named(row_->to), " did not get the Seal in time");
    }
    if (!give_up_) return std::nullopt;
    given_up_ = true;
    return consensus::HandoverGivenUp{};
  }
  if (Chosen()) AdvanceState(now_us);
  return std::nullopt;
}

void HandoverDesk::AdvanceState(int64_t now_us) {
  const bool begins = BeforeSeal(row_->state());
  if (begins && give_up_) return Step(HandoverState::kAborted, *give_up_);
  if (begins && now_us >= DeadlineUs()) return Step(HandoverState::kAborted, TooLate());
  switch (row_->state()) {
    case HandoverState::kRequested:
      return ChooseTarget(now_us);
    case HandoverState::kApproved:
      return Step(HandoverState::kPreflight);
    case HandoverState::kPreflight:
      return Examine(now_us);
    case HandoverState::kReady:
      return Seal(now_us);
    case HandoverState::kProbation:
      return Prove(now_us);
    default:
      return;  // the core has it, or it is over
  }
}

int64_t HandoverDesk::DeadlineUs() const {
  const bool awaiting = row_->state() == HandoverState::kAwaiting;
  const int64_t wait_us =
      awaiting ? Judges().policy.Us(PolicyLimit::kApprovalWait) : row_->order.deadline_us;
  return std::min(begun_us_ + wait_us, approved_until_us_);
}

std::string HandoverDesk::TooLate() const {
  if (row_->state() == HandoverState::kAwaiting) return "nobody approved it in time";
  if (approved_until_us_ < begun_us_ + row_->order.deadline_us) {
    return absl::StrCat("the approval of ", row_->approval.actor, " ran out");
  }
  return absl::StrCat("its deadline passed: ", Named(row_->to), " was not ready in time");
}

// The versions that it began with. A version, once there, does not change.
Preflight::Judges HandoverDesk::Judges() const {
  const auto page = parts_.orders->Read();
  const PolicyRow* const policy = page->policies.Find(row_->opinion.policy);
  const PolicyRow* const shadow = page->policies.Find(row_->opinion.shadow);
  BATON_CHECK(policy != nullptr) << "policy " << row_->opinion.policy << " is gone";
  return {policy->policy, shadow == nullptr ? std::nullopt : std::optional(shadow->policy)};
}

std::string HandoverDesk::Risk(NodeId to, const Policy& policy) const {
  return AsksApproval(
      policy, RiskOf(*parts_.core, parts_.orders->Read()->reigns, to, parts_.clock->WallNowUs()));
}

void HandoverDesk::Differs(const std::string& otherwise) {
  std::string* const all = &proposal_->opinion.otherwise;
  if (!otherwise.empty()) absl::StrAppend(all, all->empty() ? "" : "; ", otherwise);
}

void HandoverDesk::ChooseTarget(int64_t now_us) {
  const NodeId to = row_->to == NodeId{} ? BestRanked(*parts_.core) : row_->to;
  const Preflight::Judges judges = Judges();
  const std::string risk = urgent_ ? "" : Risk(to, judges.policy);
  if (risk.empty()) {
    Step(HandoverState::kPreflight);
  } else {
    Step(HandoverState::kAwaiting);
    begun_us_ = now_us;
  }
  proposal_->to = to;
  proposal_->approval.risk = risk;
  if (!judges.shadow) return;
  if (row_->to == NodeId{}) {
    consensus::HealthTable table = parts_.core->health();
    table.order = judges.shadow->order;
    const NodeId other = FirstInRank(parts_.core->configurations(), table, parts_.core->self());
    if (other != to) Differs(absl::StrCat("it would have gone to ", Named(other)));
  }
  const std::string other_risk = urgent_ ? "" : Risk(to, *judges.shadow);
  if (risk.empty() == other_risk.empty()) return;
  Differs(risk.empty() ? absl::StrCat("it would have asked for an approval: ", other_risk)
                       : "it would not have asked for an approval");
}

void HandoverDesk::Examine(int64_t now_us) {
  if (std::string why = WhyNoTarget(PreflightParts(), row_->to, row_->order.to); !why.empty()) {
    return Step(HandoverState::kRejected, std::move(why));
  }
  if (!preflight_) {
    preflight_.emplace(PreflightParts(), Judges(), row_->number, row_->to, row_->steps.back().slot,
                       kPromiseLeases * limits_.lease_us);
  }
  preflight_->Advance(now_us);
  switch (preflight_->verdict()) {
    case Preflight::Verdict::kOpen:
      return;
    case Preflight::Verdict::kFailed:
      Step(HandoverState::kRejected, FailedChecks(preflight_->checks()));
      return Differs(preflight_->otherwise());
    case Preflight::Verdict::kReady:
      Step(HandoverState::kReady);
      return Differs(preflight_->otherwise());
  }
}

void HandoverDesk::Seal(int64_t now_us) {
  if (now_us >= preflight_->promised_until_us()) {
    return Step(HandoverState::kAborted,
                absl::StrCat("the promise of ", Named(row_->to), " ran out"));
  }
  // A change of members may have begun since the target was examined.
  if (!IsVoter(*parts_.core, row_->to)) {
    return Step(HandoverState::kAborted, absl::StrCat(Named(row_->to), " is no voter any more"));
  }
  sealed_us_ = now_us;
  Step(HandoverState::kSealed);
}

void HandoverDesk::Prove(int64_t now_us) {
  const int64_t first_us = probation_.first_ack_us();
  if (row_->election()) {
    Step(HandoverState::kDone, absl::StrCat(Named(row_->to), " was elected"));
    proposal_->first_write_us = parts_.clock->WallNowUs() - (parts_.clock->LeaseNowUs() - first_us);
    // Where nothing was written for a while before, nobody waited.
    const bool written = seen_.committed_us != 0 &&
                         seen_.lost_us - seen_.committed_us <= kBusyLeases * limits_.lease_us;
    if (written) proposal_->write_pause_us = first_us - seen_.committed_us;
    return;
  }
  if (probation_end_us_ == kNever) probation_end_us_ = now_us + row_->order.probation_us;
  if (row_->order.probation_us != 0 && probation_.Failed()) return HandBack();
  if (now_us < probation_end_us_) return;
  Step(HandoverState::kDone,
       absl::StrCat(Named(row_->to), " leads; the log stood still for at most ",
                    Millis(probation_.worst_us()), " in its probation of ",
                    Millis(row_->order.probation_us)));
  const bool heard = handed_ && handed_->handover == row_->number && first_us >= handed_us_;
  if (heard) proposal_->write_pause_us = handed_->since_ack_us + (first_us - handed_us_);
  parts_.metrics->handovers_done.Add();
}

// Once: that handover has no probation. Not while leadership is frozen. Its own preflight says
// whether the other is worse.
void HandoverDesk::HandBack() {
  const int64_t wall_us = parts_.clock->WallNowUs();
  const auto page = parts_.orders->Read();
  if (page->orders.Find(OrderKind::kFreeze, NodeId{}, wall_us) != nullptr) {
    return Step(HandoverState::kDone,
                absl::StrCat(Named(row_->to), " leads, though the log stood still for ",
                             Millis(probation_.worst_us()),
                             " in its probation: leadership is frozen, it is not handed back"));
  }
  HandoverCall call;
  call.order.id = absl::StrCat(std::string(kHandBackIdPrefix), row_->number);
  call.order.to = row_->ballot.node;
  call.order.reason = absl::StrCat("handed back: in the probation of ", row_->order.id,
                                   " the log stood still for ", Millis(probation_.worst_us()));
  call.order.deadline_us = kHandBackDeadlineUs;
  call.actor = Named(parts_.core->self());
  Step(HandoverState::kHandedBack,
       absl::StrCat("handover ", call.order.id, " goes back to ", Named(call.order.to),
                    ": the log stood still for ", Millis(probation_.worst_us())));
  calls_.push_back({std::move(call), [](const HandoverResult&) {}});
}

void HandoverDesk::On(NodeId from, const TellReady& told, int64_t now_us) {
  if (preflight_) preflight_->On(from, told, now_us);
  rehearsal_.On(from, told, now_us);
}

void HandoverDesk::On(const TellHanded& told, int64_t now_us) {
  handed_ = told;
  handed_us_ = now_us;
}

std::string HandoverDesk::Named(NodeId node) const {
  return node == NodeId{} ? "the best-ranked" : parts_.members->NameOf(node);
}

int64_t HandoverDesk::NextDeadlineUs() const {
  int64_t next_us = kNever;
  const auto note = [&next_us](const QueuedHandoverCall& queued) {
    if (queued.call.deadline_us != 0) next_us = std::min(next_us, queued.call.deadline_us);
  };
  std::for_each(calls_.begin(), calls_.end(), note);
  std::for_each(waiting_.begin(), waiting_.end(), note);
  return std::min({next_us, StepDueUs(), serving_ ? rehearsal_.NextDeadlineUs() : kNever});
}

// Kept to what can be done then: what is not chosen yet is heard of by a message.
int64_t HandoverDesk::StepDueUs() const {
  if (!serving_ || !known_ || proposal_ || Settled()) return kNever;
  if (row_->state() == HandoverState::kSealed) {
    return given_up_ || !parts_.core->sealed() ? kNever : sealed_us_ + limits_.lease_us;
  }
  if (!Chosen()) return kNever;
  if (row_->state() == HandoverState::kProbation) {
    return std::min(probation_end_us_, probation_.NextDeadlineUs());
  }
  const int64_t deadline_us = DeadlineUs();
  return preflight_ ? std::min(deadline_us, preflight_->NextDeadlineUs()) : deadline_us;
}

}  // namespace baton::server
