#include "server/rpc/find_member.h"

#include "server/replica/answers.h"

namespace baton::server {
bool IsMeant(const MemberRef& ref, const MemberInfo& member) {
  if (ref.name.empty() && ref.node == NodeId{}) return false;
  return (ref.name.empty() || ref.name == member.name) &&
         (ref.node == NodeId{} || ref.node == member.node);
}

std::string Called(const MemberInfo& member) {
  return member.name + " (node " + std::to_string(member.node.value) + ")";
}

const MemberInfo* FindMember(const std::vector<MemberInfo>& members, const MemberRef& ref,
                             Failure* failure) {
  const MemberInfo* found = nullptr;
  std::string names;
  for (const MemberInfo& member : members) {
    names += (names.empty() ? "" : ", ") + Called(member);
    if (!IsMeant(ref, member)) continue;
    if (found != nullptr) {
      *failure = MembersRefusedFailure(
          absl::StatusCode::kFailedPrecondition,
          "two members are called " + ref.name + ": " + Called(*found) + " and " + Called(member) +
              ". Name one as " + ref.name + "#" + std::to_string(member.node.value));
      return nullptr;
    }
    found = &member;
  }
  if (found == nullptr) {
    *failure = MembersRefusedFailure(absl::StatusCode::kNotFound,
                                     "there is no such member; the members are " + names);
  }
  return found;
}

}  // namespace baton::server
