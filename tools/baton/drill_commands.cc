// drill …: failures brought about on purpose on a local cluster, under load.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/baton/context.h"
#include "tools/baton/drill/drill.h"
#include "tools/baton/drill/drill_report.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {
namespace {

struct Arguments {
  std::string directory = DefaultLocalDirectory();
  std::string name;
  std::string id;
  int64_t gap_ms = -1;  // -1: the drill's own limits
  int64_t errors = -1;
};

absl::Status List(const Context& context, const Arguments& arguments) {
  Json drills = Json::array();
  Table table({{"DRILL"},
               {"GAP", Table::Align::kRight},
               {"ERRORS", Table::Align::kRight},
               {"NEEDS FAULTS"},
               {"WHAT"}});
  for (const Drill& drill : Drills()) {
    drills.push_back({{"name", drill.name},
                      {"what", drill.what},
                      {"needs_fault_injection", drill.breaks},
                      {"limits",
                       {{"gap_ms", drill.limits.gap_ms},
                        {"errors", drill.limits.errors},
                        {"lost", drill.limits.lost}}}});
    table.Add({drill.name, std::to_string(drill.limits.gap_ms) + " ms",
               std::to_string(drill.limits.errors), drill.breaks ? "yes" : "no", drill.what});
  }
  if (!context.json()) return context.Print(table);
  return context.Print(
      Json{{"drills", std::move(drills)}, {"reports", KeptReports(arguments.directory)}});
}

absl::Status Run(const Context& context, const Arguments& arguments) {
  absl::StatusOr<Drill> drill = FindDrill(arguments.name);
  if (!drill.ok()) return drill.status();
  if (arguments.gap_ms >= 0) drill->limits.gap_ms = arguments.gap_ms;
  if (arguments.errors >= 0) drill->limits.errors = static_cast<uint64_t>(arguments.errors);
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<DrillReport> report = RunDrill(*drill, &*cluster);
  if (!report.ok()) return report.status();
  if (absl::Status s = KeepReport(cluster->directory(), *report); !s.ok()) return s;
  absl::Status printed =
      context.json() ? context.Print(DrillJson(*report)) : context.Print(DrillMarkdown(*report));
  if (!printed.ok() || report->failure.empty()) return printed;
  return absl::AbortedError(report->name + " failed: " + report->failure);
}

absl::Status Report(const Context& context, const Arguments& arguments) {
  const auto report = ReadReport(arguments.directory, arguments.id, context.json());
  if (!report.ok()) return report.status();
  return context.Print(*report);
}

}  // namespace

void AddDrillCommands(CLI::App* app, Context* context) {
  CLI::App* drill = app->add_subcommand(
      "drill", "bring failures about on a local cluster, and see what clients see of them");
  drill->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [=](const char* name, const char* what, auto run) {
    CLI::App* command = drill->add_subcommand(name, what);
    command->add_option("--dir", arguments->directory, "where the cluster lives")
        ->capture_default_str();
    command->callback([=] { context->command = [=] { return run(*context, *arguments); }; });
    return command;
  };
  add("list", "the drills, and what clients may see of each", List);
  CLI::App* run = add("run", "run one; exits with 5 if a limit was passed", Run);
  run->add_option("NAME", arguments->name, "see: baton drill list")->required();
  run->add_option("--max-gap-ms", arguments->gap_ms, "for how long no write may be acknowledged")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--max-errors", arguments->errors, "how many errors clients may be given")
      ->check(CLI::NonNegativeNumber);
  add("report", "print the report of a drill", Report)
      ->add_option("ID", arguments->id, "of one that was run; none: the newest");
}

}  // namespace baton::cli
