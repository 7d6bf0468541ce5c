#include "tests/integration/local.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace baton::testing {

LocalCommands::LocalCommands() {
  std::string pattern = ::testing::TempDir() + "baton_local_XXXXXX";
  directory_ = mkdtemp(pattern.data());
  base_port_ = 10'000 + getpid() % 100 * 20;
}

LocalCommands::~LocalCommands() {
  Local({"down"});
  std::filesystem::remove_all(directory_);
}

CommandResult LocalCommands::Local(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {BATON_PATH, "local"});
  arguments.insert(arguments.end(), {"--dir", directory_});
  return RunCommand(arguments);
}

CommandResult LocalCommands::Up(const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {"up", "--nodes", "3", "--base-port",
                                        std::to_string(base_port_)};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return Local(std::move(arguments));
}

CommandResult LocalCommands::Baton(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), BATON_PATH);
  std::string endpoints;
  for (const std::string& address : addresses()) {
    endpoints += (endpoints.empty() ? "" : ",") + address;
  }
  arguments.insert(arguments.end(), {"--endpoints", endpoints});
  return RunCommand(arguments);
}

std::vector<std::string> LocalCommands::addresses() const {
  std::vector<std::string> addresses;
  for (int i = 0; i < 3; ++i) addresses.push_back("127.0.0.1:" + std::to_string(base_port_ + i));
  return addresses;
}

}  // namespace baton::testing
