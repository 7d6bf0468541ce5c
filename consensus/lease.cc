#include "consensus/lease.h"

#include <algorithm>
#include <limits>

namespace baton::consensus {

bool LeaseGiven::Grant(const Ballot& ballot, int64_t now_us, int64_t lease_us) {
  if (lease_us <= 0 || Abdicated(ballot)) return false;
  end_us_ = ballot == ballot_ ? std::max(end_us_, now_us + lease_us) : now_us + lease_us;
  ballot_ = ballot;
  return true;
}

void LeaseGiven::Release(const Ballot& ballot, int64_t now_us) {
  abdicated_ = std::max(abdicated_, ballot);
  if (ballot == ballot_) end_us_ = std::min(end_us_, now_us);
}

Refusal LeaseGiven::Binds(const Ballot& ballot, int64_t now_us) const {
  if (now_us < restart_wait_end_us_) return Refusal::kRestartWait;
  if (ballot != ballot_ && now_us < end_us_) return Refusal::kLeased;
  return Refusal::kNone;
}

int64_t LeaseGiven::BoundUntilUs() const { return std::max(end_us_, restart_wait_end_us_); }

void LeaseGiven::Feed(Hasher* hasher) const {
  hasher->Add(ballot_);
  hasher->AddTime(end_us_);
  hasher->AddTime(restart_wait_end_us_);
  hasher->Add(abdicated_);
}

void LeaseHeld::Granted(NodeId node, int64_t sent_at_us) {
  const auto [at, fresh] = sent_at_us_.try_emplace(node, sent_at_us);
  if (!fresh) at->second = std::max(at->second, sent_at_us);
}

int64_t LeaseHeld::EndUs(const Configurations& configurations, NodeId self, int64_t now_us,
                         const Timing& timing) const {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
  const auto share_of = [&](NodeId node) {
    if (node == self) return now_us;
    const auto found = sent_at_us_.find(node);
    return found == sent_at_us_.end() ? kNever : found->second;
  };
  const int64_t since_us = configurations.ReachedByQuorum(share_of, kNever);
  if (since_us == kNever) return 0;
  return since_us + timing.lease_us - DriftUs(timing, timing.lease_us);
}

}  // namespace baton::consensus
