#include "server/replica/handover_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/rank.h"
#include "server/replica/answers.h"
#include "server/replica/handover_checks.h"
#include "server/replica/handover_rows.h"
#include "server/replica/handover_target.h"
#include "server/replica/reign_rows.h"

namespace baton::server {
namespace {

constexpr int64_t kHandBackDeadlineUs = 10'000'000;

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

// What an election goes by, in its order; what says nothing against a node is left out.
std::string Words(const consensus::NodeHealth& health) {
  static constexpr const char* kLags[] = {"close behind", "behind", "far behind", "silent"};
  static constexpr const char* kDisks[] = {"", ", disk slow", ", disk stuck"};
  std::string words = kLags[static_cast<size_t>(health.lag)];
  absl::StrAppend(&words, kDisks[static_cast<size_t>(health.disk)]);
  if (health.barred) absl::StrAppend(&words, ", barred");
  if (health.recovering) absl::StrAppend(&words, ", recovering");
  if (health.region != 0) absl::StrAppend(&words, ", region ", health.region);
  if (health.priority != 0) absl::StrAppend(&words, ", priority ", health.priority);
  return words;
}

std::string Millis(int64_t us) { return absl::StrCat(us / 1'000, ".", us / 100 % 10, " ms"); }

}  // namespace

// ---- What the log has

void HandoverDesk::Serve(Slot reign_slot, const ElectionSeen& election, int64_t now_us) {
  BATON_CHECK(!serving_);
  seen_ = election;
  serving_ = true;
  ballot_ = parts_.core->promised();
  known_ = false;
  probation_ = Probation(reign_slot, limits_.write_objective_us, now_us);
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
  if (read.reign->reign.cause == consensus::Cause::kElection) RecordElection(*read.reign);
}

// Times before the reign are given by the wall clock of now, less what has gone by since.
void HandoverDesk::RecordElection(const ReignRow& reign) {
  const int64_t wall_us = parts_.clock->WallNowUs() - parts_.clock->LeaseNowUs();
  const Slot before = reign.slot.Prev();
  HandoverRow row;
  row.order.id = absl::StrCat(std::string(kElectionIdPrefix), ToString(ballot_));
  row.ballot = reign.reign.predecessor;
  row.to = ballot_.node;
  row.successor = ballot_;
  row.checks = Standings(reign.reign.predecessor.node);
  for (const auto& [state, at_us] : {std::pair(HandoverState::kDetected, seen_.lost_us),
                                     std::pair(HandoverState::kCanvass, seen_.stood_us),
                                     std::pair(HandoverState::kPromised, seen_.won_us)}) {
    row.steps.push_back({state, before, 0, wall_us + at_us});
  }
  row.steps.push_back({HandoverState::kReign, reign.slot, reign.log_time_us, reign.wall_time_us});
  row.steps.push_back({HandoverState::kProbation});
  election_ = std::move(row);
}

// What the voter said to this node when it stood, and whether it went along.
std::pair<std::string, bool> HandoverDesk::VerdictOf(NodeId node) const {
  if (node == parts_.core->self()) return {"stood", true};
  const auto found = seen_.verdicts.find(node);
  if (found == seen_.verdicts.end() || found->second.empty()) return {"was not heard", false};
  return {found->second, found->second == "promised"};
}

// How those that may lead stood, and what they said, in the order of their turns: the leader that
// was gone comes last.
std::vector<HandoverCheck> HandoverDesk::Standings(NodeId lapsed) const {
  const consensus::Configurations& members = parts_.core->configurations();
  std::map<uint32_t, NodeId> turns;
  for (const NodeId node : members.Voters()) {
    if (members.MayLead(node)) turns[Rank(members, seen_.health, node, lapsed)] = node;
  }
  std::vector<HandoverCheck> standings;
  for (const auto& [turn, node] : turns) {
    const auto told = seen_.health.nodes.find(node);
    std::string words = told == seen_.health.nodes.end() ? "nothing was told" : Words(told->second);
    const auto [verdict, followed] = VerdictOf(node);
    absl::StrAppend(&words, "; ", verdict);
    standings.push_back(
        {Named(node), absl::StrCat("stands as number ", turn + 1), words, followed});
  }
  return standings;
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
    const std::string why = here     ? gave_up_why_
                            : sealed ? "its target did not take over in time"
                                     : "the leader that had begun it led no more";
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
  for (const auto& call : calls_) call.done(ResultOf(redirect));
  for (const auto& call : waiting_) call.done(ResultOf(redirect));
  rehearsal_.EndReign(redirect);
  calls_.clear();
  waiting_.clear();
  found_.reset();
  looking_ = false;
  serving_ = false;
  known_ = false;
  row_.reset();
  proposal_.reset();
  election_.reset();
  preflight_.reset();
}

std::optional<NodeId> HandoverDesk::Successor() const {
  const bool handed = serving_ && Chosen() && row_->state() == HandoverState::kSealed && !given_up_;
  return handed ? std::optional(row_->to) : std::nullopt;
}

// ---- Calls

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
  if (newest && call.what == HandoverCall::What::kAbort && !Settled()) {
    if (row_->state() >= HandoverState::kReign) {
      queued.done(Refused(absl::StatusCode::kFailedPrecondition,
                          absl::StrCat("handover ", id, " has taken place: start another to ",
                                       Named(row_->ballot.node), " to go back")));
      return true;
    }
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
  const HandoverRow& open = proposal_ ? *proposal_ : *row_;
  queued.done(
      Refused(absl::StatusCode::kFailedPrecondition,
              absl::StrCat("handover ", open.order.id, " is under way (",
                           std::string(NameOf(open.state())), "): wait for it, or abort it")));
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
  if (call.what == HandoverCall::What::kStart && call.order != row.order) {
    queued.done(Refused(absl::StatusCode::kAlreadyExists,
                        absl::StrCat("handover ", row.order.id,
                                     " was asked for with other arguments: give another id")));
    return;
  }
  if (Final(row.state()) || !call.wait) {
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
    if (queued.call.wait && !Final(row_->state())) return false;
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
  proposal_ = std::move(row);
  begun_us_ = parts_.clock->LeaseNowUs();
  preflight_.reset();
  give_up_.reset();
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

// ---- Steps

std::optional<consensus::HandoverGivenUp> HandoverDesk::Advance(int64_t now_us) {
  if (!serving_) return std::nullopt;
  rehearsal_.Advance(now_us);
  probation_.Look(parts_.core->commit(), parts_.core->log().last().slot, now_us);
  AnswerWaiting();
  if (election_ && !proposal_ && Settled() && (!row_ || Chosen())) {
    proposal_ = std::exchange(election_, std::nullopt);
    preflight_.reset();
  }
  if (!election_) TakeCalls();
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
  const bool begins = row_->state() <= HandoverState::kReady;
  if (begins && give_up_) return Step(HandoverState::kAborted, *give_up_);
  if (begins && PastDeadline(now_us)) {
    return Step(HandoverState::kAborted,
                absl::StrCat("its deadline passed: ", Named(row_->to), " was not ready in time"));
  }
  switch (row_->state()) {
    case HandoverState::kRequested:
      return BeginPreflight();
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

bool HandoverDesk::PastDeadline(int64_t now_us) const {
  return now_us >= begun_us_ + row_->order.deadline_us;
}

void HandoverDesk::BeginPreflight() {
  const NodeId to = row_->to == NodeId{} ? BestRanked(*parts_.core) : row_->to;
  Step(HandoverState::kPreflight);
  proposal_->to = to;
}

void HandoverDesk::Examine(int64_t now_us) {
  if (row_->to == parts_.core->self()) {
    return Step(HandoverState::kRejected, NoTarget(PreflightParts(), row_->order.to));
  }
  if (!preflight_) {
    preflight_.emplace(PreflightParts(), row_->number, row_->to, row_->steps.back().slot,
                       kPromiseLeases * limits_.lease_us);
  }
  preflight_->Advance(now_us);
  switch (preflight_->verdict()) {
    case Preflight::Verdict::kOpen:
      return;
    case Preflight::Verdict::kFailed:
      return Step(HandoverState::kRejected, FailedChecks(preflight_->checks()));
    case Preflight::Verdict::kReady:
      return Step(HandoverState::kReady);
  }
}

void HandoverDesk::Seal(int64_t now_us) {
  if (now_us >= preflight_->promised_until_us()) {
    return Step(HandoverState::kAborted,
                absl::StrCat("the promise of ", Named(row_->to), " ran out"));
  }
  sealed_us_ = now_us;
  Step(HandoverState::kSealed);
}

void HandoverDesk::Prove(int64_t now_us) {
  const int64_t first_us = probation_.first_ack_us();
  if (row_->election()) {
    Step(HandoverState::kDone, absl::StrCat(Named(row_->to), " was elected"));
    if (seen_.committed_us != 0) proposal_->write_pause_us = first_us - seen_.committed_us;
    return;
  }
  if (probation_end_us_ == kNever) probation_end_us_ = now_us + row_->order.probation_us;
  if (probation_.Failed()) return HandBack();
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
  call.order.id = absl::StrCat("back-", row_->number);
  call.order.to = row_->ballot.node;
  call.order.reason = absl::StrCat("handed back: in the probation of ", row_->order.id,
                                   " the log stood still for ", Millis(probation_.worst_us()));
  call.order.deadline_us = kHandBackDeadlineUs;
  call.actor = Named(parts_.core->self());
  Step(HandoverState::kHandedBack, call.order.reason);
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
  return std::min({next_us, StepDueUs(), rehearsal_.NextDeadlineUs()});
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
  const int64_t deadline_us = begun_us_ + row_->order.deadline_us;
  return preflight_ ? std::min(deadline_us, preflight_->NextDeadlineUs()) : deadline_us;
}

}  // namespace baton::server
