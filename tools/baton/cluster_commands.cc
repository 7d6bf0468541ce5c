// cluster init, status, version: asked of the nodes themselves.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kInitTimeout{30'000};
constexpr std::chrono::milliseconds kStatusTimeout{2'000};
constexpr size_t kReasonWidthMax = 1000;  // characters

absl::StatusOr<std::unique_ptr<Admin>> ConnectAdmin(std::vector<std::string> endpoints) {
  ClientOptions options;
  options.endpoints = std::move(endpoints);
  return Admin::Connect(std::move(options));
}

absl::Status Init(const Context& context, const std::vector<PlannedMember>& members,
                  const std::string& profile) {
  const auto timeout = context.Timeout(kInitTimeout);
  if (!timeout.ok()) return timeout.status();
  // Where --endpoints does not say it, the members themselves are asked: peers and clients are
  // often served at one address.
  std::vector<std::string> endpoints;
  if (context.endpoints_given()) {
    absl::StatusOr<std::vector<std::string>> given = context.Endpoints();
    if (!given.ok()) return given.status();
    endpoints = *std::move(given);
  } else {
    for (const PlannedMember& member : members) endpoints.push_back(member.peer_address);
  }
  const auto admin = ConnectAdmin(std::move(endpoints));
  if (!admin.ok()) return admin.status();
  CallOptions options;
  options.timeout = *timeout;
  const absl::StatusOr<Formation> formed = (*admin)->Init(members, profile, options);
  if (!formed.ok()) return formed.status();
  if (context.json()) {
    Json object;
    object["cluster_id"] = formed->cluster_id;
    object["already_formed"] = formed->already_formed;
    object["members"] = MembersJson(formed->members);
    return context.Print(object);
  }
  context.Say((formed->already_formed ? "already formed: cluster " : "formed: cluster ") +
              formed->cluster_id);
  Table table({{"NAME"}, {"ID", Table::Align::kRight}, {"ROLE"}, {"CLIENTS"}, {"PEERS"}});
  for (const MemberInfo& member : formed->members) {
    table.Add({member.name, std::to_string(member.node_id), RoleName(member.role),
               member.client_address, member.peer_address});
  }
  return context.Print(table);
}

absl::Status Status(const Context& context) {
  const auto timeout = context.Timeout(kStatusTimeout);
  if (!timeout.ok()) return timeout.status();
  absl::StatusOr<std::vector<std::string>> endpoints = context.Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  CallOptions options;
  options.timeout = *timeout;
  const absl::StatusOr<std::vector<NodeReport>> reports = AskAll(*endpoints, options);
  if (!reports.ok()) return reports.status();
  const ClusterView view = Combine(*reports);
  if (context.json()) return context.Print(ViewJson(view));
  if (view.cluster_id.empty()) {
    context.Say("no cluster yet; form one with: baton cluster init --members NAME=HOST:PORT,…");
  } else {
    const absl::Status printed = context.Print(
        "cluster " + view.cluster_id + ", leader " + (view.leader.empty() ? "none" : view.leader) +
        ", ballot " + std::to_string(view.ballot_round) + " of " + view.ballot_node + "\n");
    if (!printed.ok()) return printed;
  }
  const absl::Status printed = context.Print(ViewTable(view));
  for (const MemberView& member : view.members) {
    if (!member.healthy && !member.reason.empty()) {
      context.Say(member.name + ": " + Printable(member.reason, kReasonWidthMax));
    }
  }
  for (const NodeReport& report : *reports) {
    const bool member =
        std::any_of(view.members.begin(), view.members.end(),
                    [&report](const MemberView& view) { return view.address == report.endpoint; });
    if (!report.status.ok() && !member) {
      context.Say("no member: " + std::string(report.status.status().message()));
    }
  }
  return printed;
}

Json BuildJson(const BuildInfo& build) {
  Json object;
  object["version"] = build.version;
  object["commit"] = build.commit;
  object["build"] = build.build;
  object["compiler"] = build.compiler;
  object["rocksdb"] = build.rocksdb;
  object["grpc"] = build.grpc;
  object["wire_version"] = build.wire_version;
  object["wal_version"] = build.wal_version;
  object["entry_version"] = build.entry_version;
  object["row_version"] = build.row_version;
  object["cluster_version"] = build.cluster_version;
  return object;
}

// The program's own version always; that of the nodes only where endpoints are given.
absl::Status Version(const Context& context) {
  Json object;
  object["version"] = BATON_VERSION;
  object["compiler"] = __VERSION__;
  std::string text = "baton " BATON_VERSION "\n";
  if (context.endpoints_given()) {
    const auto timeout = context.Timeout(kStatusTimeout);
    if (!timeout.ok()) return timeout.status();
    absl::StatusOr<std::vector<std::string>> endpoints = context.Endpoints();
    if (!endpoints.ok()) return endpoints.status();
    const auto admin = ConnectAdmin(*endpoints);
    if (!admin.ok()) return admin.status();
    CallOptions options;
    options.timeout = *timeout;
    object["nodes"] = Json::array();
    for (const std::string& endpoint : *endpoints) {
      const absl::StatusOr<BuildInfo> build = (*admin)->Version(endpoint, options);
      Json node;
      node["endpoint"] = endpoint;
      if (build.ok()) {
        node.update(BuildJson(*build));
        text += endpoint + "  batond " + build->version + " (" + build->commit + "), wire " +
                std::to_string(build->wire_version) + ", log " +
                std::to_string(build->wal_version) + "\n";
      } else {
        node["error"] = std::string(build.status().message());
        text += endpoint + "  does not answer\n";
      }
      object["nodes"].push_back(std::move(node));
    }
  }
  return context.json() ? context.Print(object) : context.Print(text);
}

}  // namespace

void AddClusterCommands(CLI::App* app, Context* context) {
  CLI::App* cluster = app->add_subcommand("cluster", "form a cluster");
  cluster->require_subcommand(1);
  auto members = std::make_shared<std::string>();
  auto profile = std::make_shared<std::string>("lan");
  CLI::App* init = cluster->add_subcommand(
      "init", "form a cluster of empty nodes; repeating it resumes the same plan");
  init->add_option("--members", *members, "NAME=HOST:PORT of every node's peer address, by commas")
      ->required()
      ->type_name("LIST");
  init->add_option("--profile", *profile, "timing of the network between the nodes")
      ->check(CLI::IsMember({"lan", "wan"}))
      ->capture_default_str();
  init->callback([context, members, profile] {
    const absl::StatusOr<std::vector<PlannedMember>> plan = ParseMembers(*members);
    if (!plan.ok()) {
      throw CLI::ValidationError("--members", std::string(plan.status().message()));
    }
    context->command = [=, plan = *plan] { return Init(*context, plan, *profile); };
  });

  app->add_subcommand("status", "who leads, and how far every member is")->callback([context] {
    context->command = [=] { return Status(*context); };
  });
  app->add_subcommand("version", "versions of this program, and of the nodes at --endpoints")
      ->callback([context] { context->command = [=] { return Version(*context); }; });
}

}  // namespace baton::cli
