// local …: a cluster of real processes on loopback.
#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kUpTimeout{60'000};
constexpr milliseconds kDownTimeout{20'000};
constexpr milliseconds kAskTimeout{2'000};  // of one question to one node
constexpr milliseconds kPollEvery{50};      // nodes tell nobody that they are ready: they are asked

struct Arguments {
  std::string directory = DefaultLocalDirectory();
  std::string node;
  LocalLayout layout;
  bool layout_given = false;
};

const char* StateName(ProcessState state) {
  switch (state) {
    case ProcessState::kGone:
      return "stopped";
    case ProcessState::kRunning:
      return "running";
    case ProcessState::kStopped:
      return "paused";
  }
  return "";
}

absl::Status PrintNodes(const Context& context, const LocalCluster& cluster) {
  Json nodes = Json::array();
  Table table({{"NAME"}, {"STATE"}, {"PID", Table::Align::kRight}, {"ADDRESS"}, {"HTTP"}, {"LOG"}});
  std::string endpoints;
  for (const LocalNode& node : cluster.Nodes()) {
    endpoints += (endpoints.empty() ? "" : ",") + node.address;
    Json object;
    object["name"] = node.name;
    object["state"] = StateName(node.state);
    object["pid"] = node.pid > 0 ? Json(node.pid) : Json(nullptr);
    object["address"] = node.address;
    object["http_address"] = node.http_address;
    object["log"] = cluster.LogPath(node.name);
    nodes.push_back(std::move(object));
    table.Add(
        {node.name,
         {StateName(node.state),
          node.state == ProcessState::kRunning ? Table::Colour::kGreen : Table::Colour::kYellow},
         node.pid > 0 ? std::to_string(node.pid) : "-",
         node.address,
         node.http_address,
         cluster.LogPath(node.name)});
  }
  if (!context.json()) return context.Print(table);
  Json object;
  object["dir"] = cluster.directory();
  object["endpoints"] = endpoints;
  object["nodes"] = std::move(nodes);
  return context.Print(object);
}

// Names the node that ended, with what it printed last.
absl::Status EndedError(const LocalCluster& cluster, const std::string& name) {
  return absl::InternalError(name + " ended while it started. It printed:\n" +
                             cluster.LogTail(name) + "The whole log is " + cluster.LogPath(name));
}

// Waits until every running node answers; returns what they say.
absl::StatusOr<std::vector<NodeReport>> AwaitAnswers(const LocalCluster& cluster,
                                                     Clock::time_point deadline) {
  while (true) {
    ClientOptions options;
    std::vector<std::string> names;
    for (const LocalNode& node : cluster.Nodes()) {
      if (node.state == ProcessState::kGone) return EndedError(cluster, node.name);
      if (node.state == ProcessState::kStopped) continue;
      options.endpoints.push_back(node.address);
      names.push_back(node.name);
    }
    if (names.empty()) {
      return absl::FailedPreconditionError(
          "every node is paused; resume one with: baton local resume NODE --dir " +
          cluster.directory());
    }
    const auto admin = Admin::Connect(options);
    if (!admin.ok()) return admin.status();
    CallOptions call;
    call.timeout = kAskTimeout;
    std::vector<NodeReport> reports = (*admin)->StatusAll(call);
    std::string silent;
    for (size_t i = 0; i < reports.size(); ++i) {
      if (!reports[i].status.ok()) silent += (silent.empty() ? "" : ", ") + names[i];
    }
    if (silent.empty()) return reports;
    if (Clock::now() >= deadline) {
      return absl::UnavailableError(silent + " did not answer in time; look into " +
                                    cluster.LogPath("nI"));
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

absl::Status Form(const Context& context, const LocalCluster& cluster, Clock::time_point deadline) {
  std::vector<PlannedMember> members;
  ClientOptions options;
  for (const LocalNode& node : cluster.Nodes()) {
    members.push_back({node.name, node.address});
    if (node.state == ProcessState::kRunning) options.endpoints.push_back(node.address);
  }
  const auto admin = Admin::Connect(options);
  if (!admin.ok()) return admin.status();
  CallOptions call;
  call.timeout =
      std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), milliseconds(1));
  const absl::StatusOr<Formation> formed = (*admin)->Init(members, "lan", call);
  if (formed.ok() && !formed->already_formed) context.Say("formed cluster " + formed->cluster_id);
  return formed.status();
}

// A linearizable read succeeds only at a leader whose reign a quorum holds: then so would a write.
absl::Status AwaitQuorum(const LocalCluster& cluster, Clock::time_point deadline) {
  ClientOptions options;
  options.endpoints = cluster.Addresses();
  const auto client = Client::Connect(options);
  if (!client.ok()) return client.status();
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds(0)) {
      return absl::UnavailableError("no quorum of nodes is up; see: baton local status --dir " +
                                    cluster.directory());
    }
    CallOptions call;
    call.timeout = std::min(left, kAskTimeout);
    const absl::StatusOr<GetResult> read = (*client)->Get("baton/local/up", call);
    if (read.ok()) return absl::OkStatus();
    const bool may_pass =
        absl::IsUnavailable(read.status()) || absl::IsDeadlineExceeded(read.status());
    if (!may_pass) return read.status();
    std::this_thread::sleep_for(kPollEvery);
  }
}

absl::Status Up(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kUpTimeout);
  if (!timeout.ok()) return timeout.status();
  const Clock::time_point deadline = Clock::now() + *timeout;
  LocalLayout layout = arguments.layout;
  if (!arguments.layout_given) {
    // Without flags, what stands already is meant.
    absl::StatusOr<LocalCluster> standing = LocalCluster::Open(arguments.directory);
    if (standing.ok()) {
      layout = standing->layout();
    } else if (!absl::IsNotFound(standing.status())) {
      return standing.status();
    }
  }
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Create(arguments.directory, layout);
  if (!cluster.ok()) return cluster.status();
  std::vector<std::string> started;
  for (const LocalNode& node : cluster->Nodes()) {
    if (node.state != ProcessState::kGone) continue;  // paused ones stay so
    const absl::Status status = cluster->Start(node.name);
    if (!status.ok()) return status;
    started.push_back(node.name);
  }
  const absl::StatusOr<std::vector<NodeReport>> reports = AwaitAnswers(*cluster, deadline);
  if (!reports.ok()) {
    // One that cannot start will not start next time either: none is left behind.
    for (const std::string& name : started) {
      if (absl::IsInternal(reports.status())) (void)cluster->Kill(name);
    }
    return reports.status();
  }
  size_t formed = 0;
  for (const NodeReport& report : *reports) formed += !report.status->cluster_id.empty();
  if (formed < reports->size()) {
    const absl::Status status = Form(context, *cluster, deadline);
    // A node whose data were removed stays out; the others may well be a quorum without it.
    if (!status.ok() && formed * 2 <= static_cast<size_t>(layout.nodes)) return status;
    if (!status.ok()) context.Say("warning: " + std::string(status.message()));
  }
  const absl::Status quorum = AwaitQuorum(*cluster, deadline);
  if (!quorum.ok()) return quorum;
  return PrintNodes(context, *cluster);
}

absl::Status Down(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kDownTimeout);
  if (!timeout.ok()) return timeout.status();
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::Status down =
      cluster->Down(std::chrono::duration_cast<std::chrono::microseconds>(*timeout).count());
  return down.ok() ? PrintNodes(context, *cluster) : down;
}

using Action = absl::Status (LocalCluster::*)(const std::string&);

absl::Status ActOn(const Context& context, const Arguments& arguments, Action action) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::Status acted = ((*cluster).*action)(arguments.node);
  return acted.ok() ? PrintNodes(context, *cluster) : acted;
}

absl::Status AddNode(const Context& context, const Arguments& arguments) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<std::string> added = cluster->Add();
  if (!added.ok()) return added.status();
  const absl::StatusOr<LocalNode> node = cluster->Find(*added);
  if (!node.ok()) return node.status();
  context.Say(*added + " runs and belongs to no cluster yet; add it with: baton member add " +
              *added + "=" + node->address + " --endpoints " + cluster->Addresses().front());
  return PrintNodes(context, *cluster);
}

absl::Status ShowNodes(const Context& context, const Arguments& arguments) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  return PrintNodes(context, *cluster);
}

}  // namespace

void AddLocalCommands(CLI::App* app, Context* context) {
  CLI::App* local = app->add_subcommand("local", "a cluster of real processes on this machine");
  local->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = local->add_subcommand(name, what);
    command->add_option("--dir", arguments->directory, "where the cluster lives")
        ->capture_default_str();
    return command;
  };

  CLI::App* up = add("up", "start all nodes; returns once a write would succeed");
  CLI::Option* nodes = up->add_option("--nodes", arguments->layout.nodes, "how many")
                           ->check(CLI::Range(1, kLocalNodesMax))
                           ->capture_default_str();
  CLI::Option* base_port = up->add_option("--base-port", arguments->layout.base_port,
                                          "node nI serves at this port + I - 1, HTTP ten above")
                               ->check(CLI::Range(1, 65535 - 10 - kLocalNodesMax))
                               ->capture_default_str();
  CLI::Option* faults =
      up->add_flag("--fault-injection", arguments->layout.fault_injection,
                   "nodes that break when told to; see: baton local fault --help");
  up->callback([=] {
    arguments->layout_given = nodes->count() + base_port->count() + faults->count() > 0;
    context->command = [=] { return Up(*context, *arguments); };
  });
  add("down", "stop all nodes; their data stay")->callback([=] {
    context->command = [=] { return Down(*context, *arguments); };
  });
  add("add", "start one node more, to be made a member with: baton member add")->callback([=] {
    context->command = [=] { return AddNode(*context, *arguments); };
  });
  add("status", "which processes run; the cluster's own view is: baton status")->callback([=] {
    context->command = [=] { return ShowNodes(*context, *arguments); };
  });
  const auto add_action = [&](const char* name, const char* what, Action action) {
    CLI::App* command = add(name, what);
    command->add_option("NODE", arguments->node, "n1, n2, …")->required();
    command->callback(
        [=] { context->command = [=] { return ActOn(*context, *arguments, action); }; });
  };
  add_action("kill", "kill -9 one node", &LocalCluster::Kill);
  add_action("start", "start one node again", &LocalCluster::Start);
  add_action("pause", "SIGSTOP one node", &LocalCluster::Pause);
  add_action("resume", "SIGCONT one node", &LocalCluster::Resume);
  AddRollCommand(local, context);
  AddFaultCommand(local, context);
}

}  // namespace baton::cli
