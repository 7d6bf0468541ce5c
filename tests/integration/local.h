// LocalCommands: a cluster of its own for a test of `baton local`, driven by the command line
// alone. It is taken down and removed at the end. One thread.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/command.h"

namespace baton::testing {

class LocalCommands {
 public:
  LocalCommands();
  ~LocalCommands();
  LocalCommands(const LocalCommands&) = delete;
  LocalCommands& operator=(const LocalCommands&) = delete;

  // `baton local ARGUMENTS --dir …`
  CommandResult Local(std::vector<std::string> arguments);
  CommandResult Up(const std::vector<std::string>& flags = {});
  // `baton ARGUMENTS --endpoints …`
  CommandResult Baton(std::vector<std::string> arguments);

  const std::string& directory() const { return directory_; }
  int base_port() const { return base_port_; }
  std::vector<std::string> addresses() const;  // of its three nodes

 private:
  std::string directory_;
  int base_port_;
};

}  // namespace baton::testing
