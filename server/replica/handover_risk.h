// The risk of a handover, and whether it goes by itself or asks for an approval first. Functions:
// RiskOf is the replica loop's, the others are pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/replica.h"
#include "server/codec/policy_row.h"
#include "server/codec/stored_rows.h"

namespace baton::server {

struct HandoverRisk {
  uint8_t from_region = 0;
  uint8_t to_region = 0;
  uint64_t moves = 0;  // of leadership in the hour before, for whatever cause
};

// Of a handover from this node, which leads, to that one. `reigns`: by ballot.
HandoverRisk RiskOf(const consensus::Replica& core, const std::vector<ReignRow>& reigns, NodeId to,
                    int64_t wall_us);

// How often leadership went to another node in the hour up to then. `reigns`: by ballot.
uint64_t MovesInHour(const std::vector<ReignRow>& reigns, int64_t wall_us);

// Why it asks for an approval by that policy; empty: it asks for none. That acknowledged writes
// would be lost is none of the reasons: a handover keeps them all.
std::string AsksApproval(const Policy& policy, const HandoverRisk& risk);

}  // namespace baton::server
