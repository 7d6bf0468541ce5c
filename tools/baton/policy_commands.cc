// policy show, propose, shadow, activate, rollback, history: by what leaders are ranked, and the
// limits that go with moving leadership.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/baton/context.h"
#include "tools/baton/pages.h"
#include "tools/baton/policy.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

struct Arguments {
  uint64_t version = 0;
  std::string rank;
  std::vector<std::string> limits;
  std::string reason;
  bool off = false;
};

const char* StateName(PolicyState state) {
  switch (state) {
    case PolicyState::kProposed:
      return "PROPOSED";
    case PolicyState::kShadow:
      return "SHADOW";
    case PolicyState::kActive:
      return "ACTIVE";
    case PolicyState::kRetired:
      return "RETIRED";
  }
  return "UNKNOWN";
}

// What a version was judged on beside the one in force, and where it would have decided otherwise.
struct Judged {
  uint64_t count = 0;
  std::vector<HandoverInfo> otherwise;  // by age
};

absl::StatusOr<Judged> ReadJudged(const Context& context, uint64_t version) {
  Judged judged;
  const absl::Status listed = ForEachRow(context, &Admin::ListHandovers, &HandoverPage::handovers,
                                         [&](const HandoverInfo& handover) {
                                           if (handover.shadow_policy != version) {
                                             return absl::OkStatus();
                                           }
                                           ++judged.count;
                                           if (!handover.otherwise.empty()) {
                                             judged.otherwise.push_back(handover);
                                           }
                                           return absl::OkStatus();
                                         });
  if (!listed.ok()) return listed;
  return judged;
}

std::string SinceText(const PolicyInfo& policy) {
  return policy.since_wall_us == 0 ? "the start" : UtcText(policy.since_wall_us);
}

Json JsonOf(const PolicyInfo& policy) {
  Json object;
  object["version"] = policy.version;
  object["state"] = StateName(policy.state);
  object["before"] = policy.before == 0 ? Json(nullptr) : Json(policy.before);
  object["since_wall_us"] = policy.since_wall_us;
  object["rank"] = Json::array();
  for (const RankCriterion criterion : policy.rank) {
    object["rank"].push_back(RankCriterionName(criterion));
  }
  object["limits"] = Json::object();
  for (const PolicyLimitInfo& limit : policy.limits) object["limits"][limit.name] = limit.value;
  object["actor"] = policy.actor;
  object["reason"] = policy.reason;
  return object;
}

Json JsonOf(const Judged& judged) {
  Json list = Json::array();
  for (const HandoverInfo& handover : judged.otherwise) {
    list.push_back({{"id", handover.id},
                    {"state", HandoverStateName(handover.state())},
                    {"otherwise", handover.otherwise}});
  }
  return {{"judged", judged.count}, {"disagreements", std::move(list)}};
}

std::string Headline(const PolicyInfo& policy) {
  std::vector<std::string> rank;
  for (const RankCriterion criterion : policy.rank) rank.push_back(RankCriterionName(criterion));
  std::string text = absl::StrCat("policy ", policy.version, ": ", StateName(policy.state),
                                  " since ", SinceText(policy));
  if (!policy.actor.empty()) absl::StrAppend(&text, ", by ", policy.actor);
  if (!policy.reason.empty()) absl::StrAppend(&text, ": ", policy.reason);
  absl::StrAppend(&text, "\nleaders are ranked by ", absl::StrJoin(rank, ", "), ", node id\n");
  return text;
}

absl::Status Print(const Context& context, const PolicyInfo& policy, const Judged& judged) {
  if (context.json()) {
    Json object = JsonOf(policy);
    object.update(JsonOf(judged));
    return context.Print(object);
  }
  absl::Status printed = context.Print(Headline(policy));
  Table limits({{"LIMIT"},
                {"VALUE", Table::Align::kRight},
                {"USUAL", Table::Align::kRight},
                {"UNIT"},
                {"WHAT"}});
  for (const PolicyLimitInfo& limit : policy.limits) {
    limits.Add({limit.name, std::to_string(limit.value), std::to_string(limit.usual), limit.unit,
                limit.what});
  }
  if (printed.ok()) printed = context.Print(limits);
  if (!printed.ok() || judged.count == 0) return printed;
  printed = context.Print(
      absl::StrCat("judged beside the one in force on ", judged.count,
                   " elections and handovers; otherwise decided: ", judged.otherwise.size(), "\n"));
  if (!printed.ok() || judged.otherwise.empty()) return printed;
  Table table({{"ID"}, {"STATE"}, {"OTHERWISE"}});
  for (const HandoverInfo& handover : judged.otherwise) {
    table.Add({handover.id, HandoverStateName(handover.state()), handover.otherwise});
  }
  return context.Print(table);
}

absl::Status Show(const Context& context, const Arguments& arguments) {
  const auto policies = ReadPolicies(context);
  if (!policies.ok()) return policies.status();
  for (const PolicyInfo& policy : *policies) {
    const bool asked = arguments.version == 0 ? policy.state == PolicyState::kActive
                                              : policy.version == arguments.version;
    if (!asked) continue;
    const auto judged = ReadJudged(context, policy.version);
    return judged.ok() ? Print(context, policy, *judged) : judged.status();
  }
  return absl::NotFoundError(absl::StrCat("there is no policy ", arguments.version,
                                          ": `baton policy history` lists those there are"));
}

absl::Status History(const Context& context) {
  const auto policies = ReadPolicies(context);
  if (!policies.ok()) return policies.status();
  Json items = Json::array();
  Table table({{"POLICY", Table::Align::kRight},
               {"STATE"},
               {"SINCE"},
               {"JUDGED", Table::Align::kRight},
               {"OTHERWISE", Table::Align::kRight},
               {"BY"},
               {"REASON"}});
  for (const PolicyInfo& policy : *policies) {
    const auto judged = ReadJudged(context, policy.version);
    if (!judged.ok()) return judged.status();
    Json item = JsonOf(policy);
    item.update(JsonOf(*judged));
    items.push_back(std::move(item));
    table.Add({std::to_string(policy.version), StateName(policy.state), SinceText(policy),
               std::to_string(judged->count), std::to_string(judged->otherwise.size()),
               policy.actor, policy.reason});
  }
  if (context.json()) return context.Print(Json{{"policies", std::move(items)}});
  return context.Print(table);
}

absl::Status ChangeAndPrint(const Context& context, const PolicyChange& change) {
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto outcome = (**admin).ChangePolicy(change, *options);
  if (!outcome.ok()) return outcome.status();
  if (context.json()) {
    Json object = JsonOf(outcome->policy);
    object["unchanged"] = outcome->unchanged;
    return context.Print(object);
  }
  return context.Print(absl::StrCat("policy ", outcome->policy.version, " is ",
                                    StateName(outcome->policy.state),
                                    outcome->unchanged ? ", as before\n" : "\n"));
}

absl::Status Propose(const Context& context, const Arguments& arguments) {
  if (arguments.rank.empty() && arguments.limits.empty()) {
    return absl::InvalidArgumentError(
        "say what is to be different from the one in force: --rank or --set");
  }
  PolicyChange change;
  change.kind = PolicyChange::Kind::kPropose;
  change.version = arguments.version;
  change.reason = arguments.reason;
  for (const auto name : absl::StrSplit(arguments.rank, ',', absl::SkipEmpty())) {
    const auto criterion = ParseRankCriterion(std::string(name));
    if (!criterion.ok()) return criterion.status();
    change.rank.push_back(*criterion);
  }
  for (const std::string& limit : arguments.limits) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(limit, absl::MaxSplits('=', 1));
    uint64_t value = 0;
    if (parts.first.empty() || !absl::SimpleAtoi(parts.second, &value)) {
      return absl::InvalidArgumentError(absl::StrCat("--set takes NAME=NUMBER, not ", limit,
                                                     ": `baton policy show` has the names"));
    }
    change.limits.emplace_back(parts.first, value);
  }
  return ChangeAndPrint(context, change);
}

// The version that is meant where none is named.
absl::StatusOr<uint64_t> VersionIn(const Context& context, PolicyState state) {
  const auto policies = ReadPolicies(context);
  if (!policies.ok()) return policies.status();
  for (const PolicyInfo& policy : *policies) {
    if (policy.state == state) return policy.version;
  }
  return absl::NotFoundError("no policy is judged beside the one in force");
}

absl::Status Change(const Context& context, PolicyChange::Kind kind, const Arguments& arguments) {
  return ChangeAndPrint(context,
                        {.kind = kind, .version = arguments.version, .reason = arguments.reason});
}

absl::Status Shadow(const Context& context, Arguments arguments) {
  if (!arguments.off) return Change(context, PolicyChange::Kind::kShadow, arguments);
  const auto version = VersionIn(context, PolicyState::kShadow);
  if (!version.ok()) return version.status();
  arguments.version = *version;
  return Change(context, PolicyChange::Kind::kUnshadow, arguments);
}

// Names the version that is to give way, so that repeating the call goes back once.
absl::Status RollBack(const Context& context, Arguments arguments) {
  const auto version = VersionIn(context, PolicyState::kActive);
  if (!version.ok()) return version.status();
  arguments.version = *version;
  return Change(context, PolicyChange::Kind::kRollBack, arguments);
}

}  // namespace

void AddPolicyCommands(CLI::App* app, Context* context) {
  CLI::App* group =
      app->add_subcommand("policy", "by what leaders are ranked, and the limits of handovers");
  group->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
    return command;
  };

  CLI::App* show = group->add_subcommand(
      "show", "one version: its rank, its limits, where it would have decided otherwise");
  show->add_option("VERSION", arguments->version, "default: the one in force");
  show->callback([=] { context->command = [=] { return Show(*context, *arguments); }; });

  CLI::App* propose = add("propose", "a new version, made of one that there is");
  propose->add_option("--from", arguments->version, "default: the one in force")
      ->type_name("VERSION");
  propose
      ->add_option("--rank", arguments->rank, "what decides first, then what comes next: all six")
      ->type_name("LIST");
  propose->add_option("--set", arguments->limits, "a limit; may be given several times")
      ->type_name("NAME=NUMBER");
  propose->callback([=] { context->command = [=] { return Propose(*context, *arguments); }; });

  CLI::App* shadow = add("shadow", "judge a version beside the one in force, on all that happens");
  CLI::Option* const version = shadow->add_option("VERSION", arguments->version, "which");
  CLI::Option* const off = shadow->add_flag("--off", arguments->off, "no version any more");
  version->excludes(off);
  shadow->callback([=] {
    if (version->empty() == off->empty()) throw CLI::ValidationError("give VERSION or --off");
    context->command = [=] { return Shadow(*context, *arguments); };
  });

  CLI::App* activate = add("activate", "a version is in force from now on");
  activate->add_option("VERSION", arguments->version, "which")->required();
  activate->callback([=] {
    context->command = [=] { return Change(*context, PolicyChange::Kind::kActivate, *arguments); };
  });
  add("rollback", "the version before the one in force is in force again")->callback([=] {
    context->command = [=] { return RollBack(*context, *arguments); };
  });
  group->add_subcommand("history", "all versions, and who changed what and why")->callback([=] {
    context->command = [=] { return History(*context); };
  });
}

}  // namespace baton::cli
