#include "server/rpc/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "baton/v1/cluster.pb.h"
#include "server/replica/answers.h"

namespace baton::server {
namespace {

bool Votes(const MemberInfo& member) {
  return member.role == v1::ROLE_VOTER || member.role == v1::ROLE_WITNESS;
}

}  // namespace

std::string RecoveryPlan(const NodeStatus& now, const EntryId& last) {
  return absl::StrCat(now.name, ".e", now.epoch.value, ".", ToString(last.born), ".",
                      last.slot.value);
}

Failure CheckRecovery(const NodeStatus& now, const std::vector<NodeId>& connected) {
  const auto refused = [](std::string why) {
    return MembersRefusedFailure(absl::StatusCode::kFailedPrecondition, std::move(why));
  };
  if (now.leader || now.state == "leader") {
    return refused(absl::StrCat(now.leader ? now.leader->name : now.name,
                                " leads: the quorum is not gone. Replace the members that are: ",
                                "`baton member replace`"));
  }
  size_t voters = 0, there = 0;
  for (const MemberInfo& member : now.members) {
    if (!Votes(member)) continue;
    ++voters;
    there += member.node == now.node ||
             std::find(connected.begin(), connected.end(), member.node) != connected.end();
  }
  if (2 * there > voters) {
    return refused(absl::StrCat(there, " of ", voters, " voters are there: they elect a leader"));
  }
  return {};
}

FormationRecord AfterRecovery(const FormationRecord& formed, const NodeStatus& now,
                              UnsafeRecovery recovery) {
  FormationRecord record = formed;
  record.epoch = Epoch{now.epoch.value + kRecoveryEpochs};
  record.members.clear();
  if (formed.recovery) recovery.left_behind = formed.recovery->left_behind;
  for (const MemberInfo& member : now.members) {
    if (member.node == now.node) {
      record.members.push_back(member);
      record.members.back().role = v1::ROLE_VOTER;
    } else {
      recovery.left_behind.push_back(member);
    }
  }
  BATON_CHECK(record.members.size() == 1) << "this node is no member";
  record.recovery = std::move(recovery);
  return record;
}

}  // namespace baton::server
