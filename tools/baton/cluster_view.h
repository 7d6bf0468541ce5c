// ClusterView: what the nodes say of the cluster, put together.
//
// Every node reports its own view; the one with the highest ballot is believed about who leads and
// who is a member, each node about its own slots. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "baton/admin.h"
#include "tools/baton/bytes.h"
#include "tools/baton/table.h"

namespace baton::cli {

// What the leader knows of a member, and elections are decided by.
struct HealthView {
  bool known = false;  // else nothing below says anything
  bool barred = false;
  bool recovering = false;
  std::string lag;   // close, behind, far, silent
  std::string disk;  // normal, slow, stuck
  uint32_t region = 0;
  uint32_t priority = 0;
};

struct MemberView {
  std::string name;
  uint32_t node_id = 0;
  std::string address;  // where clients reach it
  std::string peer_address;
  std::string role = "voter";
  std::string state;  // leader, follower, …; "unreachable"
  bool healthy = false;
  std::string reason;  // why not healthy
  uint64_t durable_slot = 0;
  uint64_t commit_slot = 0;
  uint64_t applied_slot = 0;
  HealthView health;
  uint64_t lag = 0;  // commit slot of the cluster - own applied slot, at least 0
};

struct ClusterView {
  std::string cluster_id;  // empty: no node that answered is formed
  std::string leader;      // empty: none known
  uint64_t ballot_round = 0;
  std::string ballot_node;          // name
  uint64_t epoch = 0;               // of the members
  bool changing = false;            // a change of them is under way
  std::vector<MemberView> members;  // by name; the nodes that answered if none is formed
};

// Addresses of members that `reports` mention and that are not among their endpoints.
std::vector<std::string> AddressesNotAsked(const std::vector<NodeReport>& reports);

// Asks the endpoints, and the members that they know of. UNAVAILABLE: none of them answers.
absl::StatusOr<std::vector<NodeReport>> AskAll(const std::vector<std::string>& endpoints,
                                               const CallOptions& options);

// REQUIRES: at least one report is OK.
ClusterView Combine(const std::vector<NodeReport>& reports);

// Null: there is none. Of two with one name the older is meant.
const MemberView* FindMemberView(const ClusterView& view, const MemberRef& ref);
const MemberView* FindMemberView(const ClusterView& view, uint32_t node_id);

Json MembersJson(const std::vector<MemberInfo>& members);
// {"cluster_id":…,"leader":…,"ballot":{…},"members":[…]}
Json ViewJson(const ClusterView& view);
Table ViewTable(const ClusterView& view);

}  // namespace baton::cli
