// wal dump, wal verify: offline, by the program baton-inspect, which knows the log's format.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "tools/baton/context.h"
#include "tools/baton/process.h"

namespace baton::cli {
namespace {

// Becomes baton-inspect; returns only if that cannot be run.
absl::Status Inspect(const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::string> program = SiblingProgram("baton-inspect");
  if (!program.ok()) return program.status();
  std::vector<char*> argv = {const_cast<char*>(program->c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return absl::InternalError("cannot run " + *program + ": " + std::strerror(errno));
}

}  // namespace

void AddWalCommands(CLI::App* app, Context* context) {
  CLI::App* wal = app->add_subcommand("wal", "read the log of a stopped node");
  wal->require_subcommand(1);
  auto directory = std::make_shared<std::string>();
  const auto add = [&](const std::string& name, const char* what) {
    CLI::App* command = wal->add_subcommand(name, what);
    command->add_option("DIR", *directory, "the node's data directory")->required();
    command->callback([context, directory, name] {
      context->command = [context, directory, name] {
        return Inspect({"wal", name, *directory, "-o", context->output_flag});
      };
    });
  };
  add("dump", "print every frame");
  add("verify", "check every checksum; fails and names the slot if the log is corrupt");
}

}  // namespace baton::cli
