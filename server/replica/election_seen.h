// ElectionSeen: an election as a candidate sees it, for the record of its reign: when what
// happened, and what each voter said to it. It decides nothing: the core does.
//
// A value of the replica loop; times are by its lease clock.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/types.h"
#include "consensus/replica.h"

namespace baton::server {

struct ElectionSeen {
  int64_t committed_us = 0;  // it heard last of a write that was chosen; 0: of none in this life
  int64_t lost_us = 0;       // it knew of no leader any more
  int64_t stood_us = 0;
  int64_t won_us = 0;
  consensus::HealthTable health;           // as the leader before had told last
  std::map<NodeId, std::string> verdicts;  // what a voter said last, in words
  std::set<NodeId> rivals;                 // voters that have stood since a leader was heard

  // It stands, and nobody has said anything to it yet.
  void Stand(const consensus::Replica& core, int64_t now_us);
  // A message that has come, before the core gets it.
  void Hear(const consensus::Message& message, const consensus::Replica& core);
};

}  // namespace baton::server
