// LeadershipTrace: what this node does about who leads, as lines of its log. Each names a reign by
// its ballot, by which all nodes know it: one search for "reign 7.2" over all logs tells an
// election or a handover from every side.
//
// Owner: Driver, on the replica loop. It decides nothing.
#pragma once

#include <optional>

#include "base/types.h"
#include "consensus/message.h"
#include "consensus/replica.h"
#include "server/replica/member_table.h"

namespace baton::server {

class LeadershipTrace {
 public:
  explicit LeadershipTrace(const MemberTable* members) : members_(members) {}

  // After each round of the loop.
  void Look(const consensus::Replica& core);
  // A message that is about to leave once what it says is durable.
  void Send(const consensus::Message& message) const;

 private:
  void Follow(const consensus::Replica& core);

  const MemberTable* const members_;
  std::optional<NodeId> leader_;  // as looked at last
  Ballot reign_;                  // its
  Ballot stood_for_;              // the last that this node asked promises for
};

}  // namespace baton::server
