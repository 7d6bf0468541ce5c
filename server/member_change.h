// MemberChange: how an operator's order becomes a change of members, on the node that leads.
//
//   add      ask the node who it is ─► give it an id ─► change the members ─► have it join
//   others   change the members
//
// The change itself is the replica's (Node::ChangeMembers). A node that is added hears of it only
// once it is chosen: an id that was proposed and lost has been told to nobody. Each order may be
// repeated: what is so already is done, and a node that was added and did not hear of it is told.
//
// Ids are never given twice: a member that came with epoch e has the id kFormationMembersMax + e,
// those of epoch 1 the ids from 1. So there is nothing to count.
//
// Change: any thread. The rest runs on the coordinator's. Owner: the composition root.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/formation.h"
#include "server/replica/clock.h"
#include "server/replica/worker.h"
#include "server/rpc/members_host.h"
#include "server/rpc/node_handle.h"
#include "server/rpc/peer_caller.h"

namespace baton::server {

// What an order makes of the members, or why it makes nothing.
struct NextMembers {
  Failure failure;
  bool unchanged = false;
  std::vector<MemberInfo> members;
  MemberInfo member;  // the one concerned
};

// The id of a node that is added by the change to this epoch.
NodeId IdOfAdded(Epoch epoch);

// Pure. `card` is what the node to be added says of itself; others need none. REQUIRES: no change
// is under way in `now`.
NextMembers MembersAfter(const NodeStatus& now, const MemberOrder& order, const NodeCard& card);

class MemberChange final : public MembersHost {
 public:
  // `coordinator` is waited on for as long as an order takes.
  MemberChange(const NodeHandle* node, const FormationHost* formation, PeerCaller* caller,
               const Clock* clock, Worker* coordinator);

  void Change(MemberOrder order, std::string reason, const CallContext& context,
              std::function<void(MembersOutcome)> done) override;

 private:
  MembersOutcome ChangeNow(const MemberOrder& order, const std::string& reason,
                           const CallContext& context);
  Failure Identify(const AddMember& add, int64_t deadline_us, NodeCard* card) const;
  // Has the node at the member's address join. Failure: it could not be told.
  Failure TellToJoin(const MemberInfo& member, Epoch epoch, const std::vector<MemberInfo>& members,
                     int64_t deadline_us) const;

  const NodeHandle* const node_;
  const FormationHost* const formation_;
  PeerCaller* const caller_;
  const Clock* const clock_;
  Worker* const coordinator_;
};

}  // namespace baton::server
