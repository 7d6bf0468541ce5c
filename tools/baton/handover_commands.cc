// handover start, show, list, abort; election list, show; why-leader.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNamesTimeout{1'000};
constexpr milliseconds kStartTimeout{60'000};  // deadline and probation, and some more

struct Arguments {
  std::string id;
  std::string to;
  std::string reason;
  std::string deadline = "30s";
  std::string probation = "2s";
  bool no_wait = false;
  bool wait = false;
};

std::string ReignName(uint64_t round, uint32_t node) { return absl::StrCat(round, ".", node); }

// The members of now by node id; one that has gone meanwhile is known by its id alone.
using Names = std::map<uint32_t, std::string>;

std::string NameOf(const Names& names, uint32_t node) {
  if (node == 0) return "-";
  const auto found = names.find(node);
  return found == names.end() ? absl::StrCat("node ", node) : found->second;
}

std::string Millis(int64_t us) { return absl::StrFormat("%.1f ms", static_cast<double>(us) / 1e3); }

Json JsonOf(const HandoverInfo& handover, const Names& names) {
  Json object;
  object["id"] = handover.id;
  object["state"] = HandoverStateName(handover.state());
  object["from"] = NameOf(names, handover.from);
  object["to"] = NameOf(names, handover.to);
  object["from_node"] = handover.from;
  object["to_node"] = handover.to;
  object["asked_to_node"] = handover.asked_to;
  object["reign"] = ReignName(handover.round, handover.from);
  if (handover.successor_round != 0) {
    object["successor"] = ReignName(handover.successor_round, handover.successor_node);
  }
  object["actor"] = handover.actor;
  object["reason"] = handover.reason;
  object["outcome"] = handover.outcome;
  object["write_pause_us"] = handover.write_pause_us;
  object["deadline_ms"] = handover.deadline_ms;
  object["probation_ms"] = handover.probation_ms;
  object["steps"] = Json::array();
  for (const HandoverStepInfo& step : handover.steps) {
    object["steps"].push_back({{"state", HandoverStateName(step.state)},
                               {"slot", step.slot},
                               {"log_time_us", step.log_time_us},
                               {"wall_time_us", step.wall_time_us}});
  }
  object["checks"] = Json::array();
  for (const HandoverCheckInfo& check : handover.checks) {
    object["checks"].push_back({{"name", check.name},
                                {"limit", check.limit},
                                {"measured", check.measured},
                                {"passed", check.passed}});
  }
  return object;
}

std::string Headline(const HandoverInfo& handover, const Names& names) {
  std::string text = absl::StrCat(handover.election() ? "" : "handover ", handover.id, ": ",
                                  HandoverStateName(handover.state()), "\n");
  absl::StrAppend(&text, "from ", NameOf(names, handover.from), ", reign ",
                  ReignName(handover.round, handover.from), ", to ", NameOf(names, handover.to));
  if (handover.asked_to == 0 && !handover.election()) absl::StrAppend(&text, " as the best-ranked");
  if (handover.successor_round != 0) {
    absl::StrAppend(&text, "; reign ", ReignName(handover.successor_round, handover.successor_node),
                    " followed");
  }
  absl::StrAppend(&text, "\n");
  if (!handover.actor.empty() || !handover.reason.empty()) {
    absl::StrAppend(&text, "asked for by ", handover.actor.empty() ? "-" : handover.actor,
                    handover.reason.empty() ? "" : ": ", handover.reason, "\n");
  }
  if (!handover.outcome.empty()) absl::StrAppend(&text, handover.outcome, "\n");
  if (handover.write_pause_us != 0) {
    absl::StrAppend(&text, "no write was acknowledged for ", Millis(handover.write_pause_us), "\n");
  }
  return text;
}

// None where nobody can be asked: the record is worth more than the names in it.
Names ReadNames(const Context& context) {
  Names names;
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return names;
  CallOptions options;
  options.timeout = kNamesTimeout;
  for (const std::string& endpoint : (**admin).endpoints()) {
    const auto status = (**admin).Status(endpoint, options);
    if (!status.ok()) continue;
    for (const MemberInfo& member : status->members) names[member.node_id] = member.name;
    if (!names.empty()) break;
  }
  return names;
}

absl::Status Print(const Context& context, const HandoverInfo& handover) {
  const Names names = ReadNames(context);
  if (context.json()) return context.Print(JsonOf(handover, names));
  absl::Status printed = context.Print(Headline(handover, names));
  Table steps({{"STATE"}, {"SLOT", Table::Align::kRight}, {"AT"}, {"AFTER", Table::Align::kRight}});
  const int64_t begun_us = handover.steps.empty() ? 0 : handover.steps.front().wall_time_us;
  for (const HandoverStepInfo& step : handover.steps) {
    steps.Add({HandoverStateName(step.state), std::to_string(step.slot), UtcText(step.wall_time_us),
               Millis(step.wall_time_us - begun_us)});
  }
  if (printed.ok()) printed = context.Print(steps);
  if (!printed.ok() || handover.checks.empty()) return printed;
  if (handover.election()) {
    Table standings({{"VOTER"}, {"RANK"}, {"AS ITS LEADER HAD TOLD LAST"}});
    for (const HandoverCheckInfo& check : handover.checks) {
      standings.Add({check.name, check.limit, check.measured});
    }
    return context.Print(standings);
  }
  Table checks({{"CHECK"}, {"VERDICT"}, {"MEASURED"}, {"LIMIT"}});
  for (const HandoverCheckInfo& check : handover.checks) {
    checks.Add({check.name,
                {check.passed ? "passed" : "failed",
                 check.passed ? Table::Colour::kGreen : Table::Colour::kRed},
                check.measured,
                check.limit});
  }
  return context.Print(checks);
}

// The record, and what the command is worth: a handover that did not come about is an error.
absl::Status PrintOutcome(const Context& context, const absl::StatusOr<HandoverInfo>& handover) {
  if (!handover.ok()) return handover.status();
  absl::Status printed = Print(context, *handover);
  const HandoverState state = handover->state();
  if (!printed.ok() || !IsFinal(state) || state == HandoverState::kDone) return printed;
  return absl::FailedPreconditionError(absl::StrCat("the handover is ", HandoverStateName(state)));
}

absl::StatusOr<CallOptions> OptionsOf(const Context& context, milliseconds otherwise) {
  const auto timeout = context.Timeout(otherwise);
  if (!timeout.ok()) return timeout.status();
  CallOptions options;
  options.timeout = *timeout;
  options.actor = Actor();
  return options;
}

// Asks with the options; `ask` takes them and an Admin.
template <class Ask>
absl::StatusOr<HandoverInfo> With(const Context& context, milliseconds otherwise, const Ask& ask) {
  const auto options = OptionsOf(context, otherwise);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  return ask(**admin, *options);
}

absl::Status Start(const Context& context, const Arguments& arguments) {
  HandoverOrder order;
  order.id = arguments.id;
  order.reason = arguments.reason;
  order.wait = !arguments.no_wait;
  if (!arguments.to.empty()) {
    const auto to = ParseMemberRef(arguments.to);
    if (!to.ok()) return to.status();
    order.to = *to;
  }
  const auto deadline = ParseDuration(arguments.deadline);
  if (!deadline.ok()) return deadline.status();
  const auto probation = ParseDuration(arguments.probation);
  if (!probation.ok()) return probation.status();
  order.deadline = *deadline;
  order.probation = *probation;
  return PrintOutcome(context, With(context, kStartTimeout, [&](Admin& admin, const auto& options) {
                        return admin.StartHandover(order, options);
                      }));
}

absl::Status Abort(const Context& context, const Arguments& arguments) {
  const auto handover = With(context, kCallTimeout, [&](Admin& admin, const auto& options) {
    return admin.AbortHandover(arguments.id, arguments.reason, options);
  });
  return handover.ok() ? Print(context, *handover) : handover.status();
}

absl::Status Show(const Context& context, const Arguments& arguments) {
  const milliseconds otherwise = arguments.wait ? kStartTimeout : kCallTimeout;
  const auto handover = With(context, otherwise, [&](Admin& admin, const auto& options) {
    return admin.ShowHandover(arguments.id, arguments.wait, options);
  });
  return handover.ok() ? Print(context, *handover) : handover.status();
}

// Those that were asked for, or those that nobody asked for.
absl::Status List(const Context& context, bool elections) {
  Table table({{"ID"},
               {"STATE"},
               {"FROM"},
               {"TO"},
               {"AT"},
               {"PAUSE", Table::Align::kRight},
               {"BY"},
               {"OUTCOME"}});
  Json items = Json::array();
  const Names names = ReadNames(context);
  const absl::Status listed = ForEachRow(
      context, &Admin::ListHandovers, &HandoverPage::handovers, [&](const HandoverInfo& handover) {
        if (handover.election() != elections) return absl::OkStatus();
        items.push_back(JsonOf(handover, names));
        const int64_t pause_us = handover.write_pause_us;
        table.Add({handover.id, HandoverStateName(handover.state()), NameOf(names, handover.from),
                   NameOf(names, handover.to), UtcText(handover.steps.front().wall_time_us),
                   pause_us == 0 ? "-" : Millis(pause_us), handover.actor, handover.outcome});
        return absl::OkStatus();
      });
  if (!listed.ok()) return listed;
  if (context.json()) {
    return context.Print(Json{{elections ? "elections" : "handovers", std::move(items)}});
  }
  if (items.empty()) {
    return context.Print(
        std::string(elections ? "there was no election yet\n" : "there was no handover yet\n"));
  }
  return context.Print(table);
}

// "election-7.2", or 7.2 for short.
absl::Status ShowElection(const Context& context, Arguments arguments) {
  const std::string prefix = "election-";
  if (arguments.id.rfind(prefix, 0) != 0) arguments.id = prefix + arguments.id;
  return Show(context, arguments);
}

// The newest record that has come to an outcome with a reign: who leads now leads by it.
absl::Status WhyLeader(const Context& context) {
  std::optional<HandoverInfo> newest;
  const absl::Status listed = ForEachRow(context, &Admin::ListHandovers, &HandoverPage::handovers,
                                         [&](HandoverInfo handover) {
                                           if (handover.successor_round != 0) newest = handover;
                                           return absl::OkStatus();
                                         });
  if (!listed.ok()) return listed;
  if (!newest) return absl::NotFoundError("how this reign began is not recorded yet: ask again");
  return Print(context, *newest);
}

}  // namespace

void AddHandoverCommands(CLI::App* app, Context* context) {
  CLI::App* group = app->add_subcommand("handover", "move leadership, and see how it was moved");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n"
      "  baton handover start --to n2 --reason 'maintenance of n1'\n"
      "  baton handover start --id move-7      # again with the same id: the same handover\n"
      "  baton handover show move-7");
  auto arguments = std::make_shared<Arguments>();

  CLI::App* start = group->add_subcommand("start", "move leadership to another node");
  start->add_option("--to", arguments->to, "NAME or NAME#ID (default: the best-ranked)");
  start->add_option("--id", arguments->id,
                    "names it: a handover with an id is done once, however often it is asked for "
                    "(default: one is made)");
  start->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
  start->add_option("--deadline", arguments->deadline, "by when the target must have taken over")
      ->type_name("TIME")
      ->capture_default_str();
  start->add_option("--probation", arguments->probation, "how long it is watched then")
      ->type_name("TIME")
      ->capture_default_str();
  start->add_flag("--no-wait", arguments->no_wait, "return once it is in the log");
  start->callback([=] { context->command = [=] { return Start(*context, *arguments); }; });

  CLI::App* show = group->add_subcommand("show", "one handover: its steps, checks and outcome");
  show->add_option("ID", arguments->id)->required();
  show->add_flag("--wait", arguments->wait, "for its outcome");
  show->callback([=] { context->command = [=] { return Show(*context, *arguments); }; });

  group->add_subcommand("list", "all of them, oldest first")->callback([=] {
    context->command = [=] { return List(*context, /*elections=*/false); };
  });

  CLI::App* abort = group->add_subcommand("abort", "end one that has not taken place yet");
  abort->add_option("ID", arguments->id)->required();
  abort->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
  abort->callback([=] { context->command = [=] { return Abort(*context, *arguments); }; });
}

void AddElectionCommands(CLI::App* app, Context* context) {
  CLI::App* group =
      app->add_subcommand("election", "how leaders came to lead that nobody asked for");
  group->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  group->add_subcommand("list", "all of them, oldest first")->callback([=] {
    context->command = [=] { return List(*context, /*elections=*/true); };
  });
  CLI::App* show =
      group->add_subcommand("show", "one of them: what happened when, how voters stood");
  show->add_option("ID", arguments->id, "election-7.2, or its reign: 7.2")->required();
  show->callback([=] { context->command = [=] { return ShowElection(*context, *arguments); }; });
  app->add_subcommand("why-leader", "how the node that leads came to lead")->callback([=] {
    context->command = [=] { return WhyLeader(*context); };
  });
}

}  // namespace baton::cli
