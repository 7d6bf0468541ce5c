// baton-explore: explores worlds of the shipped consensus core, or replays a path in one.
//
//   baton-explore                                        the short tier, as the test runs it
//   baton-explore --long                                 the long tier
//   baton-explore --world elections --states 50000000 --crashes 2
//   baton-explore --world elections --replay 't1 w1 d0'
//
// Exit code 0: all held; 1: something broke, and a line tells how to replay it; else: usage.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <utility>
#include <vector>

#include "tests/explore/explorer.h"
#include "tests/explore/replay.h"
#include "tests/explore/worlds.h"

namespace baton::explore {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double PeakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct BudgetFlag {
  const char* flag;
  uint8_t Budgets::*budget;
  const char* about;
};

constexpr BudgetFlag kBudgetFlags[] = {
    {"--advances", &Budgets::advances, "moves of the clock"},
    {"--crashes", &Budgets::crashes, "crashes of nodes"},
    {"--duplicates", &Budgets::duplicates, "messages that arrive twice"},
    {"--drops", &Budgets::drops, "messages lost; only adds states, see world.h"},
    {"--proposals", &Budgets::proposals, "entries proposed"},
    {"--reads", &Budgets::reads, "linearizable reads"},
    {"--flushes", &Budgets::flushes, "flushes of an engine"},
    {"--truncations", &Budgets::truncations, "truncations of a log"},
    {"--stops", &Budgets::stops, "processes told to stop"},
    {"--changes", &Budgets::changes, "changes of members asked for"},
    {"--handovers", &Budgets::handovers, "handovers begun or given up"},
    {"--strays", &Budgets::strays, "orderly worlds: messages that leave the line"},
    {"--stalls", &Budgets::stalls, "orderly worlds: disks that fall behind"},
};

// How often the rarer paths of the core were walked.
void PrintCoverage(const consensus::Coverage& coverage) {
  const std::pair<const char*, uint64_t> counts[] = {
      {"reigns opened", coverage.reigns},
      {"stopped leading", coverage.stopped_leading},
      {"suffixes replaced", coverage.suffixes_replaced},
      {"disk reads", coverage.disk_reads},
      {"reads ready", coverage.reads_ready},
      {"reads refused", coverage.reads_refused},
      {"canvasses refused", coverage.canvass_refused},
      {"nacks", coverage.nacks},
      {"entries fetched", coverage.fetched_entries},
      {"fetches mismatched", coverage.fetch_mismatches},
      {"accepts mismatched", coverage.accept_mismatches},
      {"abdications", coverage.abdications},
      {"members settled", coverage.members_settled},
      {"members refused", coverage.members_refused},
      {"snapshots sent", coverage.snapshots_sent},
      {"snapshots installed", coverage.snapshots_installed},
      {"slots told", coverage.slots_told},
      {"handed over", coverage.handed_over},
      {"taken over", coverage.taken_over},
      {"led again after a Seal", coverage.reclaimed},
  };
  for (const auto& [what, count] : counts) {
    std::printf("  %s %" PRIu64 "\n", what, count);
  }
}

int Replay(const Profile& profile, const std::string& text) {
  const std::optional<Path> path = ParsePath(text);
  if (!path) {
    std::fprintf(stderr, "not a path: %s\n", text.c_str());
    return 2;
  }
  const std::string story = Transcript(profile.start, *path);
  std::printf("%s", story.c_str());
  return story.find("BROKEN") == std::string::npos ? 0 : 1;
}

void PrintDepth(const Report& report, Clock::time_point begin) {
  std::printf("  depth %u: %" PRIu64 " states, %.1f s\n", report.depth_done, report.states,
              SecondsSince(begin));
  std::fflush(stdout);
}

void PrintReport(const Profile& profile, const Report& report, double seconds) {
  std::printf(
      "%s (%s)\n  states %" PRIu64 ", transitions %" PRIu64
      ", depth %u, every path to depth %u%s\n  %.1f s, %.0f states/s, peak memory %.0f MiB\n",
      profile.name.c_str(), profile.about.c_str(), report.states, report.transitions,
      report.depth(), report.depth_done, report.exhausted ? ": nothing is left" : "", seconds,
      static_cast<double>(report.states) / seconds, PeakMebibytes());
  if (!report.broken.empty()) {
    std::printf("BROKEN: %s\n%s\n", report.broken.c_str(),
                ReplayCommand(profile.name, report.path).c_str());
  }
  std::fflush(stdout);
}

struct Arguments {
  std::string world;  // "": all of them
  std::string replay;
  Tier tier = Tier::kShort;
  Limits limits{.states_max = 0};  // 0: as the tier says
  std::vector<std::pair<uint8_t Budgets::*, unsigned>> budgets;
  bool depths = false;
};

// 0 when all held.
int ExploreWorlds(const std::vector<std::string>& names, const Arguments& arguments) {
  consensus::Coverage coverage;
  uint64_t states = 0;
  bool broken = false;
  const Clock::time_point all_begin = Clock::now();
  for (const std::string& name : names) {
    Profile profile = MakeProfile(name, arguments.tier);
    Limits limits = arguments.limits;
    if (limits.states_max == 0) limits.states_max = profile.extent.states_max;
    for (const auto& [budget, value] : arguments.budgets) {
      profile.extent.budgets.*budget = static_cast<uint8_t>(value);
    }
    profile.start.Allow(profile.extent.budgets);
    const Clock::time_point begin = Clock::now();
    const Report report = Explore(profile.start, limits, [&](const Report& report) {
      if (arguments.depths) PrintDepth(report, begin);
    });
    PrintReport(profile, report, SecondsSince(begin));
    states += report.states;
    coverage.Add(report.coverage);
    broken = broken || !report.broken.empty();
  }
  std::printf("states in all %" PRIu64 ", %.1f s, peak memory %.0f MiB\n", states,
              SecondsSince(all_begin), PeakMebibytes());
  PrintCoverage(coverage);
  return broken ? 1 : 0;
}

void AddOptions(CLI::App* app, Arguments* arguments) {
  app->add_option("--world", arguments->world, "explore this one; else all")
      ->check(CLI::IsMember(ProfileNames()));
  app->add_option("--replay", arguments->replay, "tell what happens along this path of --world");
  app->add_flag_callback(
      "--long", [arguments] { arguments->tier = Tier::kLong; },
      "the long tier: larger budgets, more states");
  app->add_option("--states", arguments->limits.states_max,
                  "stop in each world when so many distinct states are met");
  app->add_option("--depth", arguments->limits.depth_max, "stop after paths of so many choices");
  app->add_option("--threads", arguments->limits.threads)->check(CLI::Range(1, 64));
  app->add_flag("--depths", arguments->depths, "say how each depth went");
  for (const BudgetFlag& flag : kBudgetFlags) {
    app->add_option_function<unsigned>(
           flag.flag,
           [arguments, &flag](unsigned value) {
             arguments->budgets.emplace_back(flag.budget, value);
           },
           flag.about)
        ->check(CLI::Range(0, 99));
  }
}

int Main(int argc, char** argv) {
  CLI::App app("Explores all that can happen to three replicas in small worlds.");
  Arguments arguments;
  AddOptions(&app, &arguments);
  CLI11_PARSE(app, argc, argv);
  if (!arguments.replay.empty()) {
    if (arguments.world.empty()) {
      std::fprintf(stderr, "--replay: of which --world?\n");
      return 2;
    }
    return Replay(MakeProfile(arguments.world, arguments.tier), arguments.replay);
  }
  AbortNote::HandleAborts();
  return ExploreWorlds(arguments.world.empty() ? ProfileNames() : std::vector{arguments.world},
                       arguments);
}

}  // namespace
}  // namespace baton::explore

int main(int argc, char** argv) { return baton::explore::Main(argc, argv); }
