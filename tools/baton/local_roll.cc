// local roll: restarts a local cluster's nodes one after the other, while it serves.
#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kRollTimeout{180'000};
constexpr milliseconds kAskTimeout{2'000};  // of one question to the nodes
constexpr milliseconds kPollEvery{50};      // nodes tell nobody that they have caught up

struct Arguments {
  std::string directory = DefaultLocalDirectory();
};

// Why the next node must not be stopped yet; empty: it may.
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

// Waits until all members are healthy and close behind their leader.
absl::StatusOr<ClusterView> AwaitSettled(const LocalCluster& cluster, Clock::time_point deadline) {
  CallOptions options;
  options.timeout = kAskTimeout;
  while (true) {
    const auto reports = AskAll(cluster.Addresses(), options);
    const ClusterView view = reports.ok() ? Combine(*reports) : ClusterView{};
    const std::string why =
        reports.ok() ? Unsettled(view) : std::string(reports.status().message());
    if (why.empty()) return view;
    if (Clock::now() >= deadline) {
      return absl::UnavailableError(
          absl::StrCat(why,
                       "; the nodes after it were not restarted. Once it is mended: "
                       "baton local roll --dir ",
                       cluster.directory()));
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

// The leader last: leadership moves once, to a node that has been restarted.
std::vector<std::string> RollOrder(const LocalCluster& cluster, const std::string& leader) {
  std::vector<std::string> order;
  for (const LocalNode& node : cluster.Nodes()) {
    if (node.name != leader) order.push_back(node.name);
  }
  order.push_back(leader);
  return order;
}

int64_t MillisSince(Clock::time_point since) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - since).count();
}

absl::Status CheckAllRun(const LocalCluster& cluster) {
  for (const LocalNode& node : cluster.Nodes()) {
    if (node.state == ProcessState::kRunning) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        node.name, " does not run: a roll needs all nodes; start it with: baton local ",
        node.state == ProcessState::kStopped ? "resume " : "start ", node.name, " --dir ",
        cluster.directory()));
  }
  return absl::OkStatus();
}

absl::Status Roll(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kRollTimeout);
  if (!timeout.ok()) return timeout.status();
  const Clock::time_point deadline = Clock::now() + *timeout;
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::Status all_run = CheckAllRun(*cluster);
  if (!all_run.ok()) return all_run;
  absl::StatusOr<ClusterView> view = AwaitSettled(*cluster, deadline);
  if (!view.ok()) return view.status();

  Json nodes = Json::array();
  Table table({{"NODE"},
               {"LED"},
               {"STOPPED AFTER", Table::Align::kRight},
               {"BACK AFTER", Table::Align::kRight},
               {"LEADER THEN"}});
  for (const std::string& name : RollOrder(*cluster, view->leader)) {
    const bool led = view->leader == name;
    const Clock::time_point since = Clock::now();
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - since);
    const absl::Status stopped = cluster->Stop(name, left.count());
    if (!stopped.ok()) return stopped;
    const int64_t stopped_ms = MillisSince(since);
    const absl::Status started = cluster->Start(name);
    if (!started.ok()) return started;
    view = AwaitSettled(*cluster, deadline);
    if (!view.ok()) return view.status();
    const int64_t back_ms = MillisSince(since);
    context.Say(absl::StrCat(name, " is back after ", back_ms, " ms"));
    nodes.push_back({{"name", name},
                     {"led", led},
                     {"stopped_ms", stopped_ms},
                     {"back_ms", back_ms},
                     {"leader", view->leader}});
    table.Add({name, led ? "yes" : "no", absl::StrCat(stopped_ms, " ms"),
               absl::StrCat(back_ms, " ms"), view->leader});
  }
  if (context.json()) return context.Print(Json{{"nodes", std::move(nodes)}});
  return context.Print(table);
}

}  // namespace

void AddRollCommand(CLI::App* local, Context* context) {
  CLI::App* roll = local->add_subcommand(
      "roll", "restart all nodes one after the other while they serve, the leader last");
  auto arguments = std::make_shared<Arguments>();
  roll->add_option("--dir", arguments->directory, "where the cluster lives")->capture_default_str();
  roll->callback([=] { context->command = [=] { return Roll(*context, *arguments); }; });
}

}  // namespace baton::cli
