#include "consensus/election.h"

#include <algorithm>

namespace baton::consensus {

Election::Election(const Config& config, int64_t free_at_us, uint32_t rank)
    : rank_step_us_(config.timing.rank_step_us),
      lease_us_(config.timing.lease_us),
      prng_(config.seed ^ (uint64_t{config.self.value} << 32) ^ config.group.value),
      stand_at_us_(free_at_us + rank * rank_step_us_) {}

// The nodes granted this lease when they heard the leader, not all at once. Half a step later it
// has ended at the others too, and the first in rank is not sent away for the second's benefit.
void Election::LeaseRuns(int64_t lease_end_us, uint32_t rank) {
  stand_at_us_ = lease_end_us + rank_step_us_ / 2 + rank * rank_step_us_;
  attempts_ = 0;
  patient_until_us_ = 0;
}

void Election::LeaderGone(int64_t now_us, uint32_t rank) {
  stand_at_us_ = now_us + rank * rank_step_us_;
  attempts_ = 0;
  patient_until_us_ = 0;
}

void Election::GiveTime(NodeId candidate, int64_t now_us, uint32_t rank) {
  patient_with_ = candidate;
  patient_until_us_ = now_us + lease_us_ / 2;
  stand_at_us_ = patient_until_us_ + rank * rank_step_us_;
}

void Election::BackOff(int64_t now_us) {
  const int64_t base_us = std::min(rank_step_us_ << attempts_, lease_us_);
  attempts_ = std::min(attempts_ + 1, kDoublingsMax);
  const auto jitter_us = static_cast<int64_t>(prng_.Below(static_cast<uint64_t>(base_us) + 1));
  stand_at_us_ = now_us + base_us + jitter_us;
}

void Election::Bar(int64_t until_us) { barred_until_us_ = std::max(barred_until_us_, until_us); }

int64_t Election::StandAtUs() const { return std::max(stand_at_us_, barred_until_us_); }

bool Election::GivesTimeToAnother(NodeId candidate, int64_t now_us) const {
  return candidate != patient_with_ && now_us < patient_until_us_;
}

void Election::Feed(Hasher* hasher) const {
  prng_.Feed(hasher);
  hasher->AddTime(stand_at_us_);
  hasher->AddTime(barred_until_us_);
  hasher->Add(uint64_t{attempts_});
  hasher->Add(patient_with_);
  hasher->AddTime(patient_until_us_);
}

}  // namespace baton::consensus
