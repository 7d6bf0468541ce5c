// baton: the command line. Reads flags, runs one command, turns its status into an exit code.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "tools/baton/context.h"
#include "tools/baton/exit_code.h"
#include "tools/baton/suggest.h"

namespace baton::cli {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  baton local up --nodes 3 --dir /tmp/demo      three nodes on this machine\n"
    "  baton put greeting hello && baton get greeting\n"
    "  baton status -o json | jq .leader\n"
    "  baton export > all.jsonl && baton import all.jsonl\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 unavailable, 5 condition not met.\n";

bool ColourWanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  return isatty(STDOUT_FILENO) && terminal != nullptr && std::string(terminal) != "dumb";
}

// The innermost command that was understood.
const CLI::App* Deepest(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

// " Did you mean …?", or nothing: for the first word that no command took.
std::string DidYouMean(const CLI::App& app) {
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  if (left.empty()) return "";
  const CLI::App* at = Deepest(&app);
  std::vector<std::string> words;
  const bool flag = left.front().rfind("-", 0) == 0;
  for (const CLI::App* from : {at, &app}) {
    for (const CLI::Option* option : from->get_options()) {
      if (flag && !option->nonpositional()) continue;
      if (flag) words.push_back(option->get_name());
    }
  }
  for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
    if (!flag) words.push_back(command->get_name());
  }
  const std::string nearest = Nearest(left.front(), words);
  return nearest.empty() ? "" : " Did you mean " + nearest + "?";
}

// Of a command line that cannot be understood.
int UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = Deepest(&app);
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  const bool unknown = !left.empty() && left.front() != "--";
  std::string message = unknown ? "\"" + left.front() + "\" is not known here." : error.what();
  if (unknown) message += DidYouMean(app);
  if (message.back() != '.' && message.back() != '?') message += ".";
  std::string path = at == &app ? "baton" : "baton " + at->get_name();
  if (at != &app && at->get_parent() != &app) {
    path = "baton " + at->get_parent()->get_name() + " " + at->get_name();
  }
  std::cerr << "baton: " << message << " See: " << path << " --help" << std::endl;
  return kUsage;
}

int Main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of Print, not a silent death
  Context context;
  context.out_is_terminal = isatty(STDOUT_FILENO);
  context.err_is_terminal = isatty(STDERR_FILENO);
  context.coloured = ColourWanted();

  CLI::App app("baton: a replicated key-value store, from the command line", "baton");
  app.require_subcommand(1);
  app.fallthrough();  // global flags may stand behind the command
  app.footer(kExamples);
  app.add_option("--endpoints", context.endpoints_flag,
                 "HOST:PORT of some nodes, by commas; the others are learned "
                 "(default: $BATON_ENDPOINTS, else " +
                     std::string(kDefaultEndpoints) + ")")
      ->type_name("LIST");
  app.add_option("-o,--output", context.output_flag, "table for people, json for programs")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.add_option("--timeout", context.timeout_flag, "how long to try, e.g. 500ms or 5s")
      ->type_name("TIME");
  AddLocalCommands(&app, &context);
  AddDrillCommands(&app, &context);
  AddClusterCommands(&app, &context);
  AddKeyspaceCommands(&app, &context);
  AddLossCommands(&app, &context);
  AddMemberCommands(&app, &context);
  AddHandoverCommands(&app, &context);
  AddElectionCommands(&app, &context);
  AddOrderCommands(&app, &context);
  AddPolicyCommands(&app, &context);
  AddRecoverCommand(&app, &context);
  AddAuditCommands(&app, &context);
  AddDataCommands(&app, &context);
  AddOutcomeCommand(&app, &context);
  AddTransferCommands(&app, &context);
  AddWalCommands(&app, &context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  if (const auto timeout = context.Timeout(kCallTimeout); !timeout.ok()) {
    std::cerr << "baton: --timeout: " << timeout.status().message() << std::endl;
    return kUsage;
  }
  if (const auto endpoints = context.Endpoints(); !endpoints.ok()) {
    std::cerr << "baton: --endpoints: " << endpoints.status().message() << std::endl;
    return kUsage;
  }
  const absl::Status status = context.command();
  if (!status.ok()) std::cerr << "baton: " << status.message() << std::endl;
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace baton::cli

int main(int argc, char** argv) { return baton::cli::Main(argc, argv); }
