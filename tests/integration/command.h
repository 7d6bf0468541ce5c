// Runs a program to its end and gives back what it printed.
//
// Any thread. The program is killed, and `timed_out` set, if it takes longer than allowed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace baton::testing {

struct CommandResult {
  int exit_code = -1;  // -1: ended by a signal
  bool timed_out = false;
  std::string out;
  std::string err;
};

struct CommandOptions {
  std::string input;                     // of its standard input
  std::vector<std::string> environment;  // NAME=VALUE, beside ours
  int64_t timeout_us = 120'000'000;
};

CommandResult RunCommand(const std::vector<std::string>& argv, const CommandOptions& options = {});

// The JSON lines that `baton ARGUMENTS` prints of a cluster, by their key, which may not come
// twice.
std::map<std::string, std::string> LinesByKey(std::vector<std::string> arguments,
                                              const std::string& endpoints);

}  // namespace baton::testing
