// Members as requests name them. Functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "server/replica/node.h"
#include "server/rpc/members_host.h"

namespace baton::server {

bool IsMeant(const MemberRef& ref, const MemberInfo& member);
std::string Called(const MemberInfo& member);  // "n1 (node 1)"

// The member meant, among `members`; null, with the reason in `*failure`: none, or not one alone.
const MemberInfo* FindMember(const std::vector<MemberInfo>& members, const MemberRef& ref,
                             Failure* failure);

}  // namespace baton::server
