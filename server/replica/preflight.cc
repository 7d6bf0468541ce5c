#include "server/replica/preflight.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "consensus/quorum.h"
#include "consensus/rank.h"
#include "server/replica/handover_checks.h"
#include "server/replica/handover_target.h"

namespace baton::server {
namespace {

// What the leader knows of the target by itself.
HandoverView ViewOf(const Preflight::Parts& parts, NodeId target, int64_t now_us) {
  HandoverView view;
  view.voter = IsVoter(*parts.core, target);
  view.changing = parts.members->Read()->changing;
  const auto& nodes = parts.core->health().nodes;
  if (const auto found = nodes.find(target); found != nodes.end()) view.health = found->second;
  view.lag = parts.core->log().last().slot.value - parts.core->MatchOf(target).value;
  view.own_write_us = parts.meter->Read(now_us).recent_us;
  view.wall_time_us = parts.clock->WallNowUs();
  return view;
}

std::string Otherwise(const std::vector<HandoverCheck>& checks,
                      const std::vector<HandoverCheck>& shadow) {
  const std::string failed = FailedChecks(checks), shadow_failed = FailedChecks(shadow);
  if (failed.empty() == shadow_failed.empty()) return "";
  if (failed.empty()) return absl::StrCat("it would have been rejected: ", shadow_failed);
  return "it would not have been rejected";
}

}  // namespace

void Preflight::Advance(int64_t now_us) {
  if (verdict_ == Verdict::kOpen && now_us >= asked_us_ + kAskAgainUs) Ask(now_us);
}

void Preflight::Ask(int64_t now_us) {
  asked_us_ = now_us;
  const AskReady ask{handover_, promise_, hold_us_, applied_};
  parts_.transport->Send(HandoverMessage(parts_.core->self(), target_, ask));
}

void Preflight::Release() const {
  if (!promise_) return;
  const AskReady none{handover_, /*promise=*/true, /*hold_us=*/0, Slot{}};
  parts_.transport->Send(HandoverMessage(parts_.core->self(), target_, none));
}

// The target counts from when it answers, which is after it was asked: its promise lasts at least
// until what is reckoned here, a tenth for the clocks taken off.
void Preflight::On(NodeId from, const TellReady& told, int64_t now_us) {
  if (from != target_ || told.handover != handover_ || verdict_ != Verdict::kOpen) return;
  round_trip_us_ = now_us - asked_us_;
  if (!promise_) {
    const HandoverView view = ViewOf(parts_, target_, now_us);
    checks_ = CheckTarget(view, told, judges_.policy);
    if (judges_.shadow) {
      otherwise_ = Otherwise(checks_, CheckTarget(view, told, *judges_.shadow));
    }
    write_us_ = std::max(view.own_write_us, told.write_us);
    if (!FailedChecks(checks_).empty()) {
      verdict_ = Verdict::kFailed;
    } else if (hold_us_ == kNoPromise) {
      verdict_ = Verdict::kReady;
    } else {
      promise_ = true;
      Ask(now_us);
    }
  } else if (told.promised) {
    promised_until_us_ = asked_us_ + hold_us_ - hold_us_ / 10;
    checks_.push_back({"promise", absl::StrCat("slot ", applied_.value, " on its disk and applied"),
                       absl::StrCat("slot ", told.applied.value, "; it will take over for ",
                                    (promised_until_us_ - now_us) / 1000, " ms more"),
                       true});
    verdict_ = Verdict::kReady;
  }
}

NodeId BestRanked(const consensus::Replica& core) {
  return consensus::FirstInRank(core.configurations(), core.health(), core.self());
}

bool IsVoter(const consensus::Replica& core, NodeId node) {
  const consensus::Member* member = consensus::FindMember(core.membership(), node);
  return member != nullptr && member->role == consensus::Role::kVoter;
}

std::string WhyNoTarget(const Preflight::Parts& parts, NodeId to, NodeId asked) {
  const std::string name = parts.members->NameOf(to);
  if (to == parts.core->self()) {
    return asked == NodeId{} ? "there is no other node that may lead"
                             : absl::StrCat(name, " leads already");
  }
  const bool member = consensus::FindMember(parts.core->membership(), to) != nullptr;
  return member ? "" : absl::StrCat(name, " is no member any more");
}

}  // namespace baton::server
