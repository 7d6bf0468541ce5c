#include "tools/baton/local_settle.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kAskTimeout{2'000};  // of one question to the nodes

}  // namespace

absl::StatusOr<ClusterView> AskLocal(const LocalCluster& cluster) {
  CallOptions options;
  options.timeout = kAskTimeout;
  const auto reports = AskAll(cluster.Addresses(), options);
  if (!reports.ok()) return reports.status();
  return Combine(*reports);
}

std::string Unsettled(const ClusterView& view) {
  if (view.leader.empty()) return "no node leads";
  for (const MemberView& member : view.members) {
    if (!member.healthy) return absl::StrCat(member.name, " is not healthy: ", member.reason);
    if (member.role == "voter" && member.health.lag != "close") {
      return absl::StrCat(member.name, " has not caught up");
    }
  }
  return "";
}

std::vector<std::string> RollOrder(const LocalCluster& cluster, const std::string& leader) {
  std::vector<std::string> order;
  for (const LocalNode& node : cluster.Nodes()) {
    if (node.name != leader) order.push_back(node.name);
  }
  order.push_back(leader);
  return order;
}

absl::Status CheckAllRun(const LocalCluster& cluster, const std::string& what) {
  for (const LocalNode& node : cluster.Nodes()) {
    if (node.state == ProcessState::kRunning) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        node.name, " does not run: ", what, " needs all nodes; start it with: baton local ",
        node.state == ProcessState::kStopped ? "resume " : "start ", node.name, " --dir ",
        cluster.directory()));
  }
  return absl::OkStatus();
}

}  // namespace baton::cli
