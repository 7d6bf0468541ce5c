// election list, show; why-leader, why-not: how it came about that a node leads, or does not.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/baton/cluster_view.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/handover_record.h"
#include "tools/baton/pages.h"
#include "tools/baton/policy.h"

namespace baton::cli {
namespace {

struct Arguments {
  std::string id;
  std::string node;
};

// "election-7.2", or 7.2 for short.
absl::Status ShowElection(const Context& context, std::string id) {
  const std::string prefix = "election-";
  if (id.rfind(prefix, 0) != 0) id = prefix + id;
  const absl::Status shown = ShowHandover(context, id, /*wait=*/false);
  if (!absl::IsNotFound(shown)) return shown;
  return absl::NotFoundError(
      absl::StrCat("there is no record of an election of the reign ", id.substr(prefix.size())));
}

absl::StatusOr<ClusterView> ReadView(const Context& context) {
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  const auto endpoints = context.Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  const auto reports = AskAll(*endpoints, *options);
  if (!reports.ok()) return reports.status();
  return Combine(*reports);
}

// The newest record that has come to an outcome with a reign, if that is the one of now: a reign
// is recorded once it serves.
absl::StatusOr<HandoverInfo> RecordOfThisReign(const Context& context, const ClusterView& view) {
  std::optional<HandoverInfo> newest;
  const absl::Status listed = ForEachRow(context, &Admin::ListHandovers, &HandoverPage::handovers,
                                         [&](HandoverInfo handover) {
                                           if (handover.successor_round != 0) newest = handover;
                                           return absl::OkStatus();
                                         });
  if (!listed.ok()) return listed;
  if (!newest || newest->successor_round != view.ballot_round) {
    return absl::NotFoundError("how this reign began is not recorded yet: ask again");
  }
  return *newest;
}

absl::Status WhyLeader(const Context& context) {
  const auto view = ReadView(context);
  if (!view.ok()) return view.status();
  const auto record = RecordOfThisReign(context, *view);
  return record.ok() ? Print(context, *record) : record.status();
}

using Rank = std::vector<RankCriterion>;

// What a member is worth by that criterion: less is better.
uint32_t GradeOf(const HealthView& health, RankCriterion criterion) {
  static const std::map<std::string, uint32_t> kGrades = {
      {"close", 0}, {"normal", 0}, {"behind", 1}, {"slow", 1}, {"far", 2}, {"stuck", 2}};
  constexpr uint32_t kSilent = 3;
  const auto grade = [](const std::string& word) {
    const auto found = kGrades.find(word);
    return found == kGrades.end() ? kSilent : found->second;
  };
  switch (criterion) {
    case RankCriterion::kBarred:
      return health.barred;
    case RankCriterion::kRecovering:
      return health.recovering;
    case RankCriterion::kLag:
      return grade(health.lag);
    case RankCriterion::kDisk:
      return grade(health.disk);
    case RankCriterion::kRegion:
      return health.region;
    case RankCriterion::kPriority:
      return health.priority;
  }
  return 0;
}

// By what elections go, in their order; the last is the id, which no two have in common.
std::vector<uint32_t> StandingOf(const MemberView& member, const Rank& rank) {
  std::vector<uint32_t> standing;
  for (const RankCriterion criterion : rank) {
    standing.push_back(GradeOf(member.health, criterion));
  }
  standing.push_back(member.node_id);
  return standing;
}

// What makes `other` come after `better`.
std::string Difference(const MemberView& better, const MemberView& other, const Rank& rank) {
  static const std::map<RankCriterion, const char*> kWhat = {
      {RankCriterion::kBarred, "it is barred or held down"},
      {RankCriterion::kRecovering, "it is recovering"},
      {RankCriterion::kLag, "its log is further behind"},
      {RankCriterion::kDisk, "its disk is slower"},
      {RankCriterion::kRegion, "its region is further away"},
      {RankCriterion::kPriority, "its priority comes later"}};
  for (const RankCriterion criterion : rank) {
    if (GradeOf(better.health, criterion) != GradeOf(other.health, criterion)) {
      return kWhat.at(criterion);
    }
  }
  return "all else is equal, and its id is higher";
}

// Whoever may lead next, the first in turn first.
std::vector<const MemberView*> Turns(const ClusterView& view, const Rank& rank) {
  std::vector<const MemberView*> turns;
  for (const MemberView& member : view.members) {
    if (member.role == "voter" && member.name != view.leader) turns.push_back(&member);
  }
  std::sort(turns.begin(), turns.end(), [&rank](const MemberView* a, const MemberView* b) {
    return StandingOf(*a, rank) < StandingOf(*b, rank);
  });
  return turns;
}

// Its turn if the leader were gone, in a sentence.
std::string TurnText(const ClusterView& view, const MemberView& member, const Rank& rank) {
  const std::vector<const MemberView*> turns = Turns(view, rank);
  const auto at = std::find(turns.begin(), turns.end(), &member);
  if (at == turns.end()) return absl::StrCat("it is a ", member.role, ", and never leads");
  const std::string first =
      absl::StrCat("were ", view.leader.empty() ? "the leader" : view.leader,
                   " gone it would stand as number ", at - turns.begin() + 1, " of ", turns.size());
  if (at == turns.begin()) return first;
  return absl::StrCat(first, ", after ", (*std::prev(at))->name, ": ",
                      Difference(**std::prev(at), member, rank));
}

absl::StatusOr<Rank> RankInForce(const Context& context) {
  const auto policies = ReadPolicies(context);
  if (!policies.ok()) return policies.status();
  for (const PolicyInfo& policy : *policies) {
    if (policy.state == PolicyState::kActive) return policy.rank;
  }
  return absl::DataLossError("no policy is in force");
}

// Why that node does not lead: who does and since when, how it stands, and what a handover to it
// would come to.
absl::Status WhyNot(const Context& context, const Arguments& arguments) {
  const auto ref = ParseMemberRef(arguments.node);
  if (!ref.ok()) return ref.status();
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  const auto read = ReadView(context);
  if (!read.ok()) return read.status();
  const ClusterView& view = *read;
  const MemberView* const member = FindMemberView(view, *ref);
  if (member == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no member ", arguments.node));
  }
  if (member->name == view.leader) {
    if (context.json()) return context.Print(Json{{"node", member->name}, {"leader", view.leader}});
    return context.Print(
        absl::StrCat(member->name, " leads; how it came to is told by: baton why-leader\n"));
  }
  const auto rank = RankInForce(context);
  if (!rank.ok()) return rank.status();
  const std::string turn = TurnText(view, *member, *rank);
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
  if (const auto record = RecordOfThisReign(context, view);
      record.ok() && !record->outcome.empty()) {
    absl::StrAppend(&text, record->id, ": ", record->outcome, "\n");
  }
  if (!member->healthy) absl::StrAppend(&text, member->name, ": ", member->reason, "\n");
  absl::StrAppend(&text, member->name, ": ", turn, "\n");
  absl::StrAppend(&text, "a handover to ", member->name, " now: ", handover, "\n");
  return context.Print(text);
}

}  // namespace

void AddElectionCommands(CLI::App* app, Context* context) {
  CLI::App* group =
      app->add_subcommand("election", "how leaders came to lead that nobody asked for");
  group->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  group->add_subcommand("list", "all of them, oldest first")->callback([=] {
    context->command = [=] { return ListHandovers(*context, /*elections=*/true); };
  });
  CLI::App* show =
      group->add_subcommand("show", "one of them: what happened when, how voters stood");
  show->add_option("ID", arguments->id, "election-7.2, or its reign: 7.2")->required();
  show->callback([=] { context->command = [=] { return ShowElection(*context, arguments->id); }; });
  app->add_subcommand("why-leader", "how the node that leads came to lead")->callback([=] {
    context->command = [=] { return WhyLeader(*context); };
  });
  CLI::App* why_not = app->add_subcommand("why-not", "why that node does not lead");
  why_not->add_option("NODE", arguments->node, "NAME or NAME#ID")->required();
  why_not->callback([=] { context->command = [=] { return WhyNot(*context, *arguments); }; });
}

}  // namespace baton::cli
