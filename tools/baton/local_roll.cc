// local roll: restarts a local cluster's nodes one after the other, while it serves.
#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tools/baton/context.h"
#include "tools/baton/local_settle.h"

namespace baton::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kRollTimeout{180'000};
constexpr milliseconds kPollEvery{50};  // nodes tell nobody that they have caught up

struct Arguments {
  std::string directory = DefaultLocalDirectory();
};

// Waits until all members are healthy and close behind their leader.
absl::StatusOr<ClusterView> AwaitSettled(const LocalCluster& cluster, Clock::time_point deadline) {
  while (true) {
    const absl::StatusOr<ClusterView> view = AskLocal(cluster);
    const std::string why = view.ok() ? Unsettled(*view) : std::string(view.status().message());
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

int64_t MillisSince(Clock::time_point since) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - since).count();
}

absl::Status Roll(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kRollTimeout);
  if (!timeout.ok()) return timeout.status();
  const Clock::time_point deadline = Clock::now() + *timeout;
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::Status all_run = CheckAllRun(*cluster, "a roll");
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
