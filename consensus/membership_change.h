// Membership changes: which may be made, and through which memberships. Pure functions; the leader
// applies them (leadership_members.cc).
//
//   voters stay the same:  now ─► wanted
//   voters change:         now ─► joint (wanted, with the voters of now outgoing) ─► wanted
//
// Each arrow is one entry of the log, proposed once the one before it is chosen and may be left
// behind: every quorum of what follows has a voter that holds data and that entry. A witness may
// have helped to choose it, and cannot lead. After Ongaro's dissertation (2014), section 4.3, where
// all voters hold data and the second follows from the first.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/entry.h"
#include "consensus/health.h"

namespace baton::consensus {

// What the leader knows of a member, itself included.
struct MemberState {
  Slot match;                        // durable there
  LagClass lag = LagClass::kSilent;  // what the leader measures: silent, or heard within a lease

  bool heard() const { return lag != LagClass::kSilent; }
};

// Why `wanted` cannot follow `now`, for the operator; "" when it can. Refused are a second change
// at a time; one that leaves no quorum among the nodes heard, or nobody to lead, or that could not
// end while the others are away; a voter that has not been a learner that caught up with `commit`;
// a witness that turns into something else; and what no entry may bring (well_formed.h), the
// members of now counted too.
std::string WhyNot(const Configurations& now, const std::vector<Member>& wanted,
                   const std::map<NodeId, MemberState>& states, Slot commit,
                   uint64_t learner_lag_max);

// The membership of the first entry on the way to `wanted`.
Membership FirstStep(const Membership& now, std::vector<Member> wanted);
// That of the second. REQUIRES: joint.joint().
Membership LastStep(const Membership& joint);

}  // namespace baton::consensus
