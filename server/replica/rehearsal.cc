#include "server/replica/rehearsal.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/answers.h"
#include "server/replica/handover_checks.h"
#include "server/replica/handover_risk.h"

namespace baton::server {
namespace {

// From the last write before to the first after it: the Seal, and the new Reign with that write
// behind it, each wait for the slower of the two disks and for one round trip.
constexpr int64_t kRoundsOfAHandover = 2;

}  // namespace

void Rehearsal::Admit(QueuedHandoverCall call) {
  if (calls_.size() < kCallsMax) {
    calls_.push_back(std::move(call));
    return;
  }
  HandoverResult result;
  result.failure = OverloadedFailure(absl::StrCat("handover_predictions_max=", kCallsMax));
  call.done(result);
}

void Rehearsal::Advance(int64_t now_us) {
  while (!calls_.empty()) {
    if (!preflight_) Begin();
    if (!preflight_) continue;  // it was answered
    preflight_->Advance(now_us);
    if (preflight_->verdict() == Preflight::Verdict::kOpen) return;
    const auto page = orders_->Read();
    HandoverForecast forecast{.to = preflight_->target(), .checks = preflight_->checks()};
    forecast.risk =
        AsksApproval(page->policies.Active().policy,
                     RiskOf(*parts_.core, page->reigns, forecast.to, parts_.clock->WallNowUs()));
    forecast.refusal = FailedChecks(forecast.checks);
    if (forecast.refusal.empty() && preflight_->write_us() != 0) {
      forecast.write_pause_us =
          kRoundsOfAHandover * (preflight_->write_us() + preflight_->round_trip_us());
    }
    Answer(std::move(forecast));
  }
}

void Rehearsal::Begin() {
  const NodeId asked = calls_.front().call.order.to;
  const NodeId to = asked == NodeId{} ? BestRanked(*parts_.core) : asked;
  if (std::string why = WhyNoTarget(parts_, to, asked); !why.empty()) {
    return Answer({.to = to, .refusal = std::move(why)});
  }
  const Preflight::Judges judges{orders_->Read()->policies.Active().policy, std::nullopt};
  preflight_.emplace(parts_, judges, kNumberBit | ++begun_, to, Slot{}, Preflight::kNoPromise);
}

void Rehearsal::Answer(HandoverForecast forecast) {
  preflight_.reset();
  HandoverResult result;
  result.forecast = std::move(forecast);
  calls_.front().done(result);
  calls_.pop_front();
}

void Rehearsal::On(NodeId from, const TellReady& told, int64_t now_us) {
  if (preflight_) preflight_->On(from, told, now_us);
}

void Rehearsal::EndReign(const Failure& redirect) {
  HandoverResult result;
  result.failure = redirect;
  for (const QueuedHandoverCall& call : calls_) call.done(result);
  calls_.clear();
  preflight_.reset();
}

void Rehearsal::Expire(int64_t now_us) {
  while (!calls_.empty() && calls_.front().call.PastDeadline(now_us)) {
    const NodeId to = preflight_ ? preflight_->target() : NodeId{};
    Answer({.to = to, .refusal = "the target has not answered in time"});
  }
}

int64_t Rehearsal::NextDeadlineUs() const {
  if (calls_.empty()) return kNever;
  const int64_t deadline_us = calls_.front().call.deadline_us;
  const int64_t next_us = preflight_ ? preflight_->NextDeadlineUs() : 0;
  return deadline_us == 0 ? next_us : std::min(deadline_us, next_us);
}

}  // namespace baton::server
