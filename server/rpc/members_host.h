// MembersHost: how the services ask for a change of members.
//
// The composition root implements it (server/member_change.h). Any thread; nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"
#include "server/replica/node.h"

namespace baton::server {

// By name; by id too, or alone, where two members have one name.
struct MemberRef {
  std::string name;
  NodeId node;  // NodeId{}: not given
};

struct AddMember {
  std::string name;
  std::string peer_address;
  uint32_t role = 0;   // baton.v1.Role: learner or witness
  MemberRef replaces;  // empty: nobody. That member may have the same name or address.
};
struct PromoteMember {
  MemberRef member;
};
struct RemoveMember {
  MemberRef member;
};
struct SwapMembers {
  MemberRef out;
  MemberRef in;
};
using MemberOrder = std::variant<AddMember, PromoteMember, RemoveMember, SwapMembers>;

struct MembersOutcome {
  Failure failure;
  Epoch epoch;
  std::vector<MemberInfo> members;
  MemberInfo member;  // the one concerned
  bool unchanged = false;
};

class MembersHost {
 public:
  virtual ~MembersHost() = default;
  // Carries the order out if this node leads. `done`: on another thread, once the change is done
  // and, for a node that was added, that node knows.
  virtual void Change(MemberOrder order, std::string reason, const CallContext& context,
                      std::function<void(MembersOutcome)> done) = 0;
};

}  // namespace baton::server
