// handover start, show, list, abort; election list, show; why-leader, why-not.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartTimeout{60'000};  // deadline and probation, and some more

struct Arguments {
  std::string id;
  std::string to;
  std::string reason;
  std::string deadline = "30s";
  std::string probation = "2s";
  bool dry_run = false;
  bool no_wait = false;
  bool wait = false;
};

std::string ReignName(uint64_t round, uint32_t node) { return absl::StrCat(round, ".", node); }

std::string Millis(int64_t us) { return absl::StrFormat("%.1f ms", static_cast<double>(us) / 1e3); }

Json JsonOf(const std::vector<HandoverCheckInfo>& checks) {
  Json list = Json::array();
  for (const HandoverCheckInfo& check : checks) {
    list.push_back({{"name", check.name},
                    {"limit", check.limit},
                    {"measured", check.measured},
                    {"passed", check.passed}});
  }
  return list;
}

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
  object["checks"] = JsonOf(handover.checks);
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

absl::Status Print(const Context& context, const std::vector<HandoverCheckInfo>& checks) {
  Table table({{"CHECK"}, {"VERDICT"}, {"MEASURED"}, {"LIMIT"}});
  for (const HandoverCheckInfo& check : checks) {
    table.Add({check.name,
               {check.passed ? "passed" : "failed",
                check.passed ? Table::Colour::kGreen : Table::Colour::kRed},
               check.measured,
               check.limit});
  }
  return context.Print(table);
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
    Table standings({{"VOTER"}, {"RANK"}, {"AS ITS LEADER HAD TOLD LAST; ITS VERDICT"}});
    for (const HandoverCheckInfo& check : handover.checks) {
      standings.Add({check.name, check.limit, check.measured});
    }
    return context.Print(standings);
  }
  return Print(context, handover.checks);
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

// What would come of it: one that would not take place is an error, as it would be.
absl::Status Print(const Context& context, const HandoverForecast& forecast) {
  const Names names = ReadNames(context);
  absl::Status printed;
  if (context.json()) {
    printed = context.Print(Json{{"dry_run", true},
                                 {"to", NameOf(names, forecast.to)},
                                 {"to_node", forecast.to},
                                 {"refusal", forecast.refusal},
                                 {"write_pause_us", forecast.write_pause_us},
                                 {"checks", JsonOf(forecast.checks)}});
  } else {
    if (!forecast.checks.empty()) printed = Print(context, forecast.checks);
    if (printed.ok() && forecast.refusal.empty()) {
      const std::string pause =
          forecast.write_pause_us == 0
              ? "; how long writes would pause cannot be told: none came in the last second"
              : absl::StrCat("; writes would pause for about ", Millis(forecast.write_pause_us));
      printed = context.Print(absl::StrCat(NameOf(names, forecast.to), " would lead", pause, "\n"));
    }
  }
  if (!printed.ok() || forecast.refusal.empty()) return printed;
  return absl::FailedPreconditionError(absl::StrCat("it would be rejected: ", forecast.refusal));
}

absl::Status Predict(const Context& context, const MemberRef& to) {
  const auto options = OptionsOf(context, kCallTimeout);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto forecast = (**admin).PredictHandover(to, *options);
  return forecast.ok() ? Print(context, *forecast) : forecast.status();
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
  if (arguments.dry_run) return Predict(context, order.to);
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
absl::StatusOr<HandoverInfo> RecordOfThisReign(const Context& context) {
  std::optional<HandoverInfo> newest;
  const absl::Status listed = ForEachRow(context, &Admin::ListHandovers, &HandoverPage::handovers,
                                         [&](HandoverInfo handover) {
                                           if (handover.successor_round != 0) newest = handover;
                                           return absl::OkStatus();
                                         });
  if (!listed.ok()) return listed;
  if (!newest) return absl::NotFoundError("how this reign began is not recorded yet: ask again");
  return *newest;
}

absl::Status WhyLeader(const Context& context) {
  const auto record = RecordOfThisReign(context);
  return record.ok() ? Print(context, *record) : record.status();
}

// By what elections go, in their order; the last is the id, which no two have in common.
using Standing = std::array<uint32_t, 7>;
Standing StandingOf(const MemberView& member) {
  static const std::map<std::string, uint32_t> kGrades = {
      {"close", 0}, {"normal", 0}, {"behind", 1}, {"slow", 1}, {"far", 2}, {"stuck", 2}};
  constexpr uint32_t kSilent = 3;
  const auto grade = [](const std::string& word) {
    const auto found = kGrades.find(word);
    return found == kGrades.end() ? kSilent : found->second;
  };
  const HealthView& health = member.health;
  return {health.barred, health.recovering, grade(health.lag), grade(health.disk),
          health.region, health.priority,   member.node_id};
}

// What makes `other` come after `better`.
std::string Difference(const MemberView& better, const MemberView& other) {
  static constexpr std::array<const char*, 7> kWhat = {"it is barred or held down",
                                                       "it is recovering",
                                                       "its log is further behind",
                                                       "its disk is slower",
                                                       "its region is further away",
                                                       "its priority comes later",
                                                       "all else is equal, and its id is higher"};
  const Standing first = StandingOf(better), second = StandingOf(other);
  const auto at = std::mismatch(first.begin(), first.end(), second.begin()).first - first.begin();
  return kWhat[std::min<size_t>(static_cast<size_t>(at), kWhat.size() - 1)];
}

// Whoever may lead next, the first in turn first.
std::vector<const MemberView*> Turns(const ClusterView& view) {
  std::vector<const MemberView*> turns;
  for (const MemberView& member : view.members) {
    if (member.role == "voter" && member.name != view.leader) turns.push_back(&member);
  }
  std::sort(turns.begin(), turns.end(), [](const MemberView* a, const MemberView* b) {
    return StandingOf(*a) < StandingOf(*b);
  });
  return turns;
}

// Its turn if the leader were gone, in a sentence.
std::string TurnText(const ClusterView& view, const MemberView& member) {
  const std::vector<const MemberView*> turns = Turns(view);
  const auto at = std::find(turns.begin(), turns.end(), &member);
  if (at == turns.end()) return absl::StrCat("it is a ", member.role, ", and never leads");
  const std::string first =
      absl::StrCat("were ", view.leader.empty() ? "the leader" : view.leader,
                   " gone it would stand as number ", at - turns.begin() + 1, " of ", turns.size());
  if (at == turns.begin()) return first;
  return absl::StrCat(first, ", after ", (*std::prev(at))->name, ": ",
                      Difference(**std::prev(at), member));
}

// Why that node does not lead: who does and since when, how it stands, and what a handover to it
// would come to.
absl::Status WhyNot(const Context& context, const Arguments& arguments) {
  const auto ref = ParseMemberRef(arguments.to);
  if (!ref.ok()) return ref.status();
  const auto options = OptionsOf(context, kCallTimeout);
  if (!options.ok()) return options.status();
  const auto endpoints = context.Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  const auto reports = AskAll(*endpoints, *options);
  if (!reports.ok()) return reports.status();
  const ClusterView view = Combine(*reports);
  const MemberView* const member = FindMemberView(view, *ref);
  if (member == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no member ", arguments.to));
  }
  if (member->name == view.leader) {
    return absl::FailedPreconditionError(
        absl::StrCat(member->name, " leads; how it came to is told by: baton why-leader"));
  }
  const std::string turn = TurnText(view, *member);
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto forecast = (**admin).PredictHandover(*ref, *options);
  const std::string handover = !forecast.ok() ? std::string(forecast.status().message())
                               : forecast->refusal.empty()
                                   ? "it would take place"
                                   : absl::StrCat("it would be rejected: ", forecast->refusal);
  if (context.json()) {
    return context.Print(Json{{"node", member->name},
                              {"leader", view.leader},
                              {"healthy", member->healthy},
                              {"reason", member->reason},
                              {"turn", turn},
                              {"handover", handover}});
  }
  std::string text = absl::StrCat(view.leader.empty() ? "no node leads" : view.leader + " leads",
                                  ", in reign ", view.ballot_round, "\n");
  if (const auto record = RecordOfThisReign(context); record.ok() && !record->outcome.empty()) {
    absl::StrAppend(&text, record->id, ": ", record->outcome, "\n");
  }
  if (!member->healthy) absl::StrAppend(&text, member->name, ": ", member->reason, "\n");
  absl::StrAppend(&text, member->name, ": ", turn, "\n");
  absl::StrAppend(&text, "a handover to ", member->name, " now: ", handover, "\n");
  return context.Print(text);
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
  start->add_flag("--dry-run", arguments->dry_run,
                  "examine the target and tell what would come of it; nothing is changed");
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
  CLI::App* why_not = app->add_subcommand("why-not", "why that node does not lead");
  why_not->add_option("NODE", arguments->to, "NAME or NAME#ID")->required();
  why_not->callback([=] { context->command = [=] { return WhyNot(*context, *arguments); }; });
}

}  // namespace baton::cli
