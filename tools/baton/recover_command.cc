// recover --unsafe: the quorum is gone for good. A plan first; then one node goes on alone.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/handover_record.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

struct Arguments {
  bool unsafe = false;
  std::string plan;
  std::string approved_by;
  std::string reason;
};

// A member that answers, and where its log ends.
struct Survivor {
  NodeStatus status;
  std::string endpoint;
  LogInfo log;
};

struct Plan {
  std::vector<Survivor> survivors;  // the one with the newest log first
  std::vector<std::string> silent;  // members that do not answer, or have no data
  const Survivor& base() const { return survivors.front(); }
};

// The newest log is that of the newest reign, then the longest.
bool HasNewerLog(const Survivor& a, const Survivor& b) {
  const auto key = [](const Survivor& s) {
    return std::tuple(s.log.last_round, s.log.last_node, s.log.last_slot);
  };
  return key(a) > key(b);
}

absl::StatusOr<Plan> MakePlan(const Context& context, const CallOptions& options) {
  const auto endpoints = context.Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  const auto reports = AskAll(*endpoints, options);
  if (!reports.ok()) return reports.status();
  const ClusterView view = Combine(*reports);
  if (!view.leader.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        view.leader,
        " leads: the quorum is not gone. Replace the members that are: ", "baton member replace"));
  }
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  Plan plan;
  for (const MemberView& member : view.members) {
    const auto report =
        std::find_if(reports->begin(), reports->end(), [&member](const NodeReport& each) {
          return each.status.ok() && each.status->node_id == member.node_id;
        });
    std::optional<LogInfo> log;
    if (report != reports->end()) {
      auto described = (**admin).DescribeLog(report->endpoint, options);
      if (described.ok()) log = *std::move(described);
    }
    if (log) {
      plan.survivors.push_back({*report->status, report->endpoint, *std::move(log)});
    } else {
      plan.silent.push_back(member.name);
    }
  }
  if (plan.survivors.empty()) {
    return absl::UnavailableError(
        "no member with data answers: nothing can be recovered from here");
  }
  std::sort(plan.survivors.begin(), plan.survivors.end(), HasNewerLog);
  return plan;
}

std::string EndText(const LogInfo& log) {
  return absl::StrCat("slot ", log.last_slot, " of reign ", log.last_round, ".", log.last_node,
                      log.last_wall_us == 0 ? "" : absl::StrCat(", ", UtcText(log.last_wall_us)));
}

// What may be lost of it beyond the end of that log.
std::string LossText(const KeyspaceInfo& keyspace) {
  const bool async = keyspace.settings.mode == KeyspaceMode::kAsync;
  return async ? "what was acknowledged later, by a quorum or by a leader alone"
               : "what was acknowledged later";
}

Json JsonOf(const Plan& plan) {
  Json object;
  object["plan"] = plan.base().log.plan;
  object["node"] = plan.base().status.name;
  object["survives_to_slot"] = plan.base().log.last_slot;
  object["survives_to_wall_us"] = plan.base().log.last_wall_us;
  object["members"] = Json::array();
  for (const Survivor& survivor : plan.survivors) {
    object["members"].push_back(
        {{"name", survivor.status.name},
         {"answers", true},
         {"last_slot", survivor.log.last_slot},
         {"last_reign", absl::StrCat(survivor.log.last_round, ".", survivor.log.last_node)}});
  }
  for (const std::string& name : plan.silent) {
    object["members"].push_back({{"name", name}, {"answers", false}});
  }
  object["keyspaces"] = Json::array();
  for (const KeyspaceInfo& keyspace : plan.base().log.keyspaces) {
    object["keyspaces"].push_back({{"name", keyspace.name},
                                   {"mode", KeyspaceModeName(*keyspace.settings.mode)},
                                   {"survives_to_slot", plan.base().log.last_slot},
                                   {"may_be_lost", LossText(keyspace)}});
  }
  return object;
}

absl::Status Print(const Context& context, const Plan& plan) {
  if (context.json()) return context.Print(JsonOf(plan));
  const Survivor& base = plan.base();
  Table members({{"MEMBER"}, {"ITS LOG ENDS AT"}, {"WHAT BECOMES OF IT"}});
  for (const Survivor& survivor : plan.survivors) {
    members.Add({survivor.status.name, EndText(survivor.log),
                 &survivor == &base ? "goes on alone, as the only voter"
                                    : "is left behind: empty its directory, add it anew"});
  }
  for (const std::string& name : plan.silent) {
    members.Add({name, "unknown: it does not answer, or has no data", "is left behind for good"});
  }
  absl::Status printed = context.Print(members);
  Table keyspaces({{"KEYSPACE"}, {"MODE"}, {"SURVIVES TO SLOT"}, {"MAY BE LOST"}});
  for (const KeyspaceInfo& keyspace : base.log.keyspaces) {
    keyspaces.Add({keyspace.name, KeyspaceModeName(*keyspace.settings.mode),
                   std::to_string(base.log.last_slot), LossText(keyspace)});
  }
  if (printed.ok()) printed = context.Print(keyspaces);
  if (!printed.ok()) return printed;
  return context.Print(absl::StrCat(
      "Nothing is changed yet. What was acknowledged after ", EndText(base.log),
      " is lost if only members that do not answer have it.\nMake sure that they never run again; "
      "then:\n  baton recover --unsafe --execute ",
      base.log.plan, " --approved-by NAME --reason TEXT\n"));
}

absl::Status Execute(const Context& context, const Arguments& arguments,
                     const CallOptions& options) {
  const auto plan = MakePlan(context, options);
  if (!plan.ok()) return plan.status();
  const Survivor& base = plan->base();
  if (base.log.plan != arguments.plan) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the plan is ", base.log.plan, " now: look at it again before you execute ", "it"));
  }
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto recovery = (**admin).Recover(base.endpoint, arguments.plan, arguments.approved_by,
                                          arguments.reason, options);
  if (!recovery.ok()) return recovery.status();
  if (context.json()) {
    Json left = Json::array();
    for (const MemberInfo& member : recovery->left_behind) left.push_back(member.name);
    return context.Print(Json{
        {"node", base.status.name}, {"epoch", recovery->epoch}, {"left_behind", std::move(left)}});
  }
  std::string text =
      absl::StrCat(base.status.name, " goes on alone in epoch ", recovery->epoch, "; left behind:");
  for (const MemberInfo& member : recovery->left_behind) absl::StrAppend(&text, " ", member.name);
  return context.Print(text + "\nAdd members again: baton member add, baton member promote\n");
}

absl::Status Recover(const Context& context, const Arguments& arguments) {
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  if (!arguments.plan.empty()) return Execute(context, arguments, *options);
  const auto plan = MakePlan(context, *options);
  return plan.ok() ? Print(context, *plan) : plan.status();
}

}  // namespace

void AddRecoverCommand(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* recover = app->add_subcommand(
      "recover", "for a quorum that is gone for good: what survives on the members that answer");
  recover->add_flag("--unsafe", arguments->unsafe, "acknowledged writes may be lost")->required();
  CLI::Option* const execute =
      recover->add_option("--execute", arguments->plan, "carry out the plan of that name")
          ->type_name("PLAN");
  CLI::Option* const approved =
      recover->add_option("--approved-by", arguments->approved_by, "who has approved the loss")
          ->type_name("NAME");
  CLI::Option* const reason =
      recover->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
  execute->needs(approved)->needs(reason);
  approved->needs(execute);
  recover->callback([=] { context->command = [=] { return Recover(*context, *arguments); }; });
}

}  // namespace baton::cli
