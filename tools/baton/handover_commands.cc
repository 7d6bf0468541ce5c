// handover start, show, list, abort; approve.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/handover_record.h"
#include "tools/baton/names.h"

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
  std::string approved_for = "10m";
};

// The record, and what the command is worth: a handover that did not come about is an error.
absl::Status PrintOutcome(const Context& context, const absl::StatusOr<HandoverInfo>& handover) {
  if (!handover.ok()) return handover.status();
  absl::Status printed = Print(context, *handover);
  const HandoverState state = handover->state();
  if (printed.ok() && state == HandoverState::kAwaiting) {
    return absl::AbortedError(
        absl::StrCat("it waits for an approval: baton approve ", handover->id));
  }
  if (!printed.ok() || !IsFinal(state) || state == HandoverState::kDone) return printed;
  return absl::FailedPreconditionError(absl::StrCat("the handover is ", HandoverStateName(state)));
}

// Asks with the options; `ask` takes them and an Admin.
template <class Ask>
absl::StatusOr<HandoverInfo> With(const Context& context, milliseconds otherwise, const Ask& ask) {
  const auto options = context.Options(otherwise);
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
                                 {"risk", forecast.risk},
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
    if (printed.ok() && !forecast.risk.empty()) {
      printed = context.Print(absl::StrCat("it would ask for an approval: ", forecast.risk, "\n"));
    }
  }
  if (!printed.ok() || forecast.refusal.empty()) return printed;
  return absl::FailedPreconditionError(absl::StrCat("it would be rejected: ", forecast.refusal));
}

absl::Status Predict(const Context& context, const MemberRef& to) {
  const auto options = context.Options(kCallTimeout);
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

absl::Status Approve(const Context& context, const Arguments& arguments) {
  const auto holds = ParseDuration(arguments.approved_for);
  if (!holds.ok()) return holds.status();
  const auto handover = With(context, kCallTimeout, [&](Admin& admin, const auto& options) {
    return admin.ApproveHandover(arguments.id, arguments.reason, *holds, options);
  });
  return handover.ok() ? Print(context, *handover) : handover.status();
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
  show->callback([=] {
    context->command = [=] { return ShowHandover(*context, arguments->id, arguments->wait); };
  });

  group->add_subcommand("list", "all of them, oldest first")->callback([=] {
    context->command = [=] { return ListHandovers(*context, /*elections=*/false); };
  });

  CLI::App* abort = group->add_subcommand("abort", "end one that has not taken place yet");
  abort->add_option("ID", arguments->id)->required();
  abort->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
  abort->callback([=] { context->command = [=] { return Abort(*context, *arguments); }; });

  CLI::App* approve =
      app->add_subcommand("approve", "let a handover go on that waits for an approval");
  approve->add_option("ID", arguments->id)->required();
  approve->add_option("--for", arguments->approved_for, "by then the old leader must have sealed")
      ->type_name("TIME")
      ->capture_default_str();
  approve->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
  approve->callback([=] { context->command = [=] { return Approve(*context, *arguments); }; });
}

}  // namespace baton::cli
