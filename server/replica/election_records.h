// Election records: what a new leader writes of how it came to lead, when nobody handed over to it:
// a row of the same kind as that of a handover, with the times of the election, how each voter
// stood and what it said. And of reigns before its own that were lost before they had recorded
// anything.
//
// Functions, of the replica loop.
#pragma once

#include <optional>
#include <vector>

#include "consensus/replica.h"
#include "server/codec/handover_row.h"
#include "server/codec/stored_rows.h"
#include "server/replica/clock.h"
#include "server/replica/election_seen.h"
#include "server/replica/member_table.h"
#include "server/replica/order_book.h"

namespace baton::server {

struct ElectionSources {
  const consensus::Replica* core;
  const MemberTable* members;
  const OrderBook::Page* page;  // with the reigns up to this one
  const ElectionSeen* seen;
  const Clock* clock;
};

// By age, this reign's last if it came by an election: that one is in its probation, until its
// first write is chosen. `reign`: this node's own; `newest`: the newest record that there is.
std::vector<HandoverRow> ElectionRecords(const ElectionSources& from, const ReignRow& reign,
                                         const std::optional<HandoverRow>& newest);

}  // namespace baton::server
