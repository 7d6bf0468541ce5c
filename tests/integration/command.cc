#include "tests/integration/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/check.h"

namespace baton::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  Pipe() { BATON_CHECK(pipe2(ends, O_CLOEXEC) == 0) << "pipe"; }
  ~Pipe() {
    Close(0);
    Close(1);
  }
  void Close(int end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
  int ends[2];
};

[[noreturn]] void Become(const std::vector<std::string>& argv, const CommandOptions& options,
                         int in, int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (const std::string& variable : options.environment) {
    putenv(const_cast<char*>(variable.c_str()));
  }
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& argv, const CommandOptions& options) {
  Pipe in, out, err;
  const pid_t pid = fork();
  BATON_CHECK(pid >= 0) << "fork";
  if (pid == 0) Become(argv, options, in.ends[0], out.ends[1], err.ends[1]);
  in.Close(0);
  out.Close(1);
  err.Close(1);
  signal(SIGPIPE, SIG_IGN);
  fcntl(in.ends[1], F_SETFL, O_NONBLOCK);

  CommandResult result;
  size_t written = 0;
  const auto deadline = Clock::now() + std::chrono::microseconds(options.timeout_us);
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    if (written == options.input.size()) in.Close(1);
    pollfd polled[] = {
        {in.ends[1], POLLOUT, 0}, {out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      result.timed_out = true;
      kill(pid, SIGKILL);
      break;
    }
    if (poll(polled, 3, static_cast<int>(left)) <= 0) continue;
    if (polled[0].revents != 0) {
      const ssize_t n =
          write(in.ends[1], options.input.data() + written, options.input.size() - written);
      if (n > 0) written += static_cast<size_t>(n);
      if (n < 0 && errno != EAGAIN) written = options.input.size();
    }
    const auto drain = [](const pollfd& from, Pipe* pipe, std::string* to) {
      if (from.revents == 0) return;
      char buffer[64 << 10];
      const ssize_t n = read(from.fd, buffer, sizeof buffer);
      if (n > 0) to->append(buffer, static_cast<size_t>(n));
      if (n == 0) pipe->Close(0);
    };
    drain(polled[1], &out, &result.out);
    drain(polled[2], &err, &result.err);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

std::map<std::string, std::string> LinesByKey(std::vector<std::string> arguments,
                                              const std::string& endpoints) {
  arguments.insert(arguments.begin(), BATON_PATH);
  arguments.insert(arguments.end(), {"--timeout", "60s", "--endpoints", endpoints});
  const CommandResult result = RunCommand(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::map<std::string, std::string> by_key;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(by_key.emplace(nlohmann::json::parse(line)["key"], line).second)
        << line << " twice";
  }
  return by_key;
}

}  // namespace baton::testing
