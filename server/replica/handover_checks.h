// The preflight of a handover: what is asked of the node that is to lead, how it stands, whether
// that will do. A pure function of what the leader has measured and the target has told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "consensus/health.h"
#include "server/codec/handover_row.h"
#include "server/codec/handover_word.h"
#include "server/codec/policy_row.h"

namespace baton::server {

// What the leader knows of the target by itself.
struct HandoverView {
  bool voter = false;            // by the members in force
  bool changing = false;         // a change of members is under way
  consensus::NodeHealth health;  // as the table of the leader has it
  uint64_t lag = 0;              // entries that the target has not said it has
  int64_t own_write_us = 0;      // median of the leader's log writes in the last second; 0: none
  int64_t wall_time_us = 0;      // when the target's word came
};

// Each question once, in an order that does not change. A target within the limits of the policy
// takes over what it is given without a pause that is felt.
std::vector<HandoverCheck> CheckTarget(const HandoverView& view, const TellReady& told,
                                       const Policy& policy);
// The names of those that failed, with what was found; empty: none did.
std::string FailedChecks(const std::vector<HandoverCheck>& checks);

}  // namespace baton::server
