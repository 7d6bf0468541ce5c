// baton-inspect: reads a node's files without the node.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "tools/inspect/wal_commands.h"

namespace {
constexpr int kUsage = 2;
}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Reads the files of a Baton node without changing them.", "baton-inspect");
  app.require_subcommand(1);
  app.fallthrough();
  std::string format = "table";
  app.add_option("-o,--output", format, "table or json (one object a line)")
      ->check(CLI::IsMember({"table", "json"}));

  std::string directory;
  CLI::App* wal = app.add_subcommand("wal", "the write-ahead log");
  wal->require_subcommand(1);
  CLI::App* dump = wal->add_subcommand("dump", "print every frame");
  CLI::App* verify = wal->add_subcommand("verify", "say whether the log is whole");
  for (CLI::App* command : {dump, verify}) {
    command->add_option("DIR", directory, "a node's data directory, or its wal directory")
        ->required();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const baton::inspect::Output output{&std::cout, &std::cerr, format == "json"};
  return *dump ? baton::inspect::DumpWal(directory, output)
               : baton::inspect::VerifyWal(directory, output);
}
