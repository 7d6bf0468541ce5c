#include "tools/baton/cluster_view.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"

namespace baton::cli {
namespace {

// n2 before n10.
bool ByName(const MemberView& a, const MemberView& b) {
  return std::pair(a.name.size(), a.name) < std::pair(b.name.size(), b.name);
}

void SetOwnView(MemberView* member, const NodeStatus& status) {
  member->state = status.state;
  member->healthy = status.healthy;
  member->reason = status.reason;
  member->durable_slot = status.durable_slot;
  member->commit_slot = status.commit_slot;
  member->applied_slot = status.applied_slot;
}

// A node that belongs to no cluster, or to another. One that answers in the place of a member that
// is gone (its directory was removed, say) is shown in that member's row.
void AddStranger(const NodeReport& report, ClusterView* view) {
  MemberView stranger;
  stranger.name = report.status->name;
  stranger.address = report.endpoint;
  stranger.role = "none";
  const auto place = std::find_if(
      view->members.begin(), view->members.end(), [&stranger](const MemberView& member) {
        return member.state == "unreachable" &&
               (member.name == stranger.name || member.address == stranger.address);
      });
  if (place != view->members.end()) {
    stranger.role = place->role;
    stranger.node_id = place->node_id;
    stranger.peer_address = place->peer_address;
  }
  SetOwnView(&stranger, *report.status);
  stranger.healthy = false;
  // What it says of itself is true of another cluster, or of none.
  if (!report.status->cluster_id.empty()) {
    stranger.reason = "belongs to another cluster, " + report.status->cluster_id;
  } else if (place != view->members.end()) {
    stranger.reason =
        "its data directory is empty: it is not the member it was, and takes no part until it has "
        "that directory back";
  } else if (stranger.reason.empty()) {
    stranger.reason = "unformed";
  }
  if (place != view->members.end()) {
    *place = std::move(stranger);
  } else {
    view->members.push_back(std::move(stranger));
  }
}

const NodeStatus& MostRecent(const std::vector<NodeReport>& reports) {
  const NodeStatus* best = nullptr;
  const auto rank = [](const NodeStatus& status) {
    // At one ballot, a node that knows the leader knows more.
    return std::tuple(!status.cluster_id.empty(), status.ballot_round, status.ballot_node,
                      !status.leader.empty());
  };
  for (const NodeReport& report : reports) {
    if (report.status.ok() && (best == nullptr || rank(*report.status) > rank(*best))) {
      best = &*report.status;
    }
  }
  BATON_CHECK(best != nullptr) << "no node answered";
  return *best;
}

}  // namespace

std::vector<std::string> AddressesNotAsked(const std::vector<NodeReport>& reports) {
  std::set<std::string> known;
  for (const NodeReport& report : reports) {
    known.insert(report.endpoint);
    if (!report.status.ok()) continue;
    for (const MemberInfo& member : report.status->members) {
      if (member.node_id == report.status->node_id) known.insert(member.client_address);
    }
  }
  std::vector<std::string> addresses;
  for (const NodeReport& report : reports) {
    if (!report.status.ok()) continue;
    for (const MemberInfo& member : report.status->members) {
      if (known.insert(member.client_address).second) addresses.push_back(member.client_address);
    }
  }
  return addresses;
}

absl::StatusOr<std::vector<NodeReport>> AskAll(const std::vector<std::string>& endpoints,
                                               const CallOptions& options) {
  const auto ask =
      [&options](std::vector<std::string> nodes) -> absl::StatusOr<std::vector<NodeReport>> {
    ClientOptions client;
    client.endpoints = std::move(nodes);
    const auto admin = Admin::Connect(std::move(client));
    if (!admin.ok()) return admin.status();
    return (*admin)->StatusAll(options);
  };
  absl::StatusOr<std::vector<NodeReport>> reports = ask(endpoints);
  if (!reports.ok()) return reports.status();
  std::vector<std::string> others = AddressesNotAsked(*reports);
  if (!others.empty()) {
    absl::StatusOr<std::vector<NodeReport>> more = ask(std::move(others));
    if (!more.ok()) return more.status();
    for (NodeReport& report : *more) reports->push_back(std::move(report));
  }
  std::string silent;
  for (const NodeReport& report : *reports) {
    if (report.status.ok()) return reports;
    silent += "\n  " + std::string(report.status.status().message());
  }
  return absl::UnavailableError(
      "no node answers; check that they run, and --endpoints or $BATON_ENDPOINTS:" + silent);
}

const MemberView* FindMemberView(const ClusterView& view, const MemberRef& ref) {
  const MemberView* found = nullptr;
  for (const MemberView& member : view.members) {
    const bool meant = member.name == ref.name && member.node_id != 0 &&
                       (ref.node_id == 0 || ref.node_id == member.node_id);
    if (meant && (found == nullptr || member.node_id < found->node_id)) found = &member;
  }
  return found;
}

const MemberView* FindMemberView(const ClusterView& view, uint32_t node_id) {
  for (const MemberView& member : view.members) {
    if (member.node_id == node_id) return &member;
  }
  return nullptr;
}

ClusterView Combine(const std::vector<NodeReport>& reports) {
  const NodeStatus& believed = MostRecent(reports);
  ClusterView view;
  view.cluster_id = believed.cluster_id;
  view.leader = believed.leader;
  view.ballot_round = believed.ballot_round;
  view.epoch = believed.epoch;
  view.changing = believed.changing;

  std::map<uint32_t, MemberView> members;
  for (const MemberInfo& info : believed.members) {
    MemberView& member = members[info.node_id];
    member.name = info.name;
    member.node_id = info.node_id;
    member.address = info.client_address;
    member.peer_address = info.peer_address;
    member.role = RoleName(info.role);
    member.state = "unreachable";
    member.reason = "does not answer";
    if (info.node_id == believed.ballot_node) view.ballot_node = info.name;
  }
  for (const MemberHealth& health : believed.health) {
    const auto member = members.find(health.node_id);
    if (member == members.end()) continue;
    member->second.health = {true,        health.barred, health.recovering, health.lag,
                             health.disk, health.region, health.priority};
  }
  uint64_t commit = 0;
  std::vector<const NodeReport*> strangers;  // not members, as far as they say themselves
  for (const NodeReport& report : reports) {
    if (!report.status.ok()) {
      for (auto& [id, member] : members) {
        if (member.address != report.endpoint) continue;
        member.reason = "does not answer: " + std::string(report.status.status().message());
      }
      continue;
    }
    const NodeStatus& status = *report.status;
    if (status.cluster_id != believed.cluster_id || status.cluster_id.empty()) {
      strangers.push_back(&report);
      continue;
    }
    MemberView& member = members[status.node_id];
    const bool is_member = member.node_id != 0;
    SetOwnView(&member, status);
    if (!is_member) {
      member.node_id = status.node_id;
      member.name = status.name;
      member.address = report.endpoint;
      member.role = "none";
      member.healthy = false;
      member.reason = "no member: it was removed, or is being added";
    }
    commit = std::max(commit, status.commit_slot);
  }
  for (auto& [id, member] : members) {
    if (member.state != "unreachable" && commit > member.applied_slot) {
      member.lag = commit - member.applied_slot;
    }
    view.members.push_back(std::move(member));
  }
  for (const NodeReport* report : strangers) AddStranger(*report, &view);
  std::stable_sort(view.members.begin(), view.members.end(), ByName);
  return view;
}

namespace {

Json HealthJson(const HealthView& health) {
  if (!health.known) return nullptr;
  return {{"barred", health.barred}, {"recovering", health.recovering},
          {"lag", health.lag},       {"disk", health.disk},
          {"region", health.region}, {"priority", health.priority}};
}

// What makes it stand behind others in an election: "ready" if nothing does.
std::string ElectionText(const HealthView& health) {
  if (!health.known) return "-";
  std::string text;
  const auto add = [&text](const std::string& word) { text += (text.empty() ? "" : ", ") + word; };
  if (health.barred) add("barred");
  if (health.recovering) add("recovering");
  if (health.lag != "close") add(health.lag);
  if (health.disk != "normal") add(health.disk + " disk");
  return text.empty() ? "ready" : text;
}

}  // namespace

Json MembersJson(const std::vector<MemberInfo>& members) {
  Json list = Json::array();
  for (const MemberInfo& member : members) {
    Json object;
    object["name"] = member.name;
    object["node_id"] = member.node_id;
    object["role"] = RoleName(member.role);
    object["client_address"] = member.client_address;
    object["peer_address"] = member.peer_address;
    object["directory_id"] = member.directory_id;
    list.push_back(std::move(object));
  }
  return list;
}

Json ViewJson(const ClusterView& view) {
  Json members = Json::array();
  for (const MemberView& member : view.members) {
    Json object;
    object["name"] = member.name;
    object["node_id"] = member.node_id;
    object["role"] = member.role;
    object["state"] = member.state;
    object["healthy"] = member.healthy;
    object["reason"] = member.reason;
    object["durable_slot"] = member.durable_slot;
    object["commit_slot"] = member.commit_slot;
    object["applied_slot"] = member.applied_slot;
    object["lag"] = member.lag;
    object["health"] = HealthJson(member.health);
    object["address"] = member.address;
    object["peer_address"] = member.peer_address;
    members.push_back(std::move(object));
  }
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json object;
  object["cluster_id"] = text_or_null(view.cluster_id);
  object["leader"] = text_or_null(view.leader);
  object["ballot"] = {{"round", view.ballot_round}, {"node", text_or_null(view.ballot_node)}};
  object["epoch"] = view.epoch;
  object["changing"] = view.changing;
  object["members"] = std::move(members);
  return object;
}

Table ViewTable(const ClusterView& view) {
  Table table({{"NAME"},
               {"ADDRESS"},
               {"ROLE"},
               {"STATE"},
               {"HEALTH"},
               {"ELECTION"},
               {"DURABLE", Table::Align::kRight},
               {"COMMIT", Table::Align::kRight},
               {"APPLIED", Table::Align::kRight},
               {"LAG", Table::Align::kRight}});
  for (const MemberView& member : view.members) {
    const bool reached = member.state != "unreachable";
    const auto number = [reached](uint64_t value) {
      return reached ? std::to_string(value) : std::string("-");
    };
    const Table::Colour colour = member.healthy ? Table::Colour::kGreen : Table::Colour::kRed;
    table.Add(
        {member.name,
         member.address,
         member.role,
         {member.state, member.state == "leader" ? Table::Colour::kGreen : Table::Colour::kNone},
         {member.healthy ? "healthy" : "unhealthy", colour},
         ElectionText(member.health),
         number(member.durable_slot),
         number(member.commit_slot),
         number(member.applied_slot),
         number(member.lag)});
  }
  return table;
}

}  // namespace baton::cli
