// batond: a node of a Baton cluster. Exit codes: 0 stopped as asked, 1 could not start or go on
// (a bad configuration included), 3 stopped at once because the disk failed or the log is from the
// future.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/build_info.h"
#include "server/logging.h"
#include "server/options.h"
#include "server/server.h"

namespace baton::server {
namespace {

constexpr int kTickMs = 100;  // how old what health checks say may be

// Signals as readable descriptors: no handler runs, nothing is interrupted.
sigset_t BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

void Reload(const CommandLine& line) {
  const absl::StatusOr<std::string> level = ReloadLogLevel(line);
  if (!level.ok()) {
    spdlog::error("SIGHUP: nothing changed: {}", std::string(level.status().message()));
    return;
  }
  SetLogLevel(*level);
  spdlog::info("SIGHUP: log level {}; everything else needs a restart", *level);
}

// Runs until a signal asks to stop. Returns the exit code; nullopt: start a new server.
std::optional<int> RunUntilStopped(const CommandLine& line, Server* server, int signals,
                                   int wakeups) {
  while (true) {
    pollfd fds[] = {{signals, POLLIN, 0}, {wakeups, POLLIN, 0}};
    if (poll(fds, 2, kTickMs) < 0 && errno != EINTR) {
      spdlog::critical("stopping: poll: {}", errno);
      return 1;
    }
    uint64_t count = 0;
    if (fds[1].revents != 0 && read(wakeups, &count, sizeof count) < 0) count = 0;
    signalfd_siginfo info{};
    if (fds[0].revents != 0 && read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGHUP) {
        spdlog::info("stopping: {} from process {}",
                     info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", info.ssi_pid);
        return 0;
      }
      Reload(line);
    }
    if (const absl::Status status = server->Tick(); !status.ok()) {
      spdlog::critical("stopping: {}", std::string(status.message()));
      return 1;
    }
    if (server->WantsReopen()) return std::nullopt;
  }
}

int Serve(const CommandLine& line) {
  const sigset_t set = BlockSignals();
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  const int wakeups = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  StartLogging(line.options.log_level, line.options.log_format, line.options.name);
  spdlog::info("{}", VersionLine());
  spdlog::info("node {}, data in {}", line.options.name, line.options.data_dir);
  std::optional<int> code;
  while (!code) {
    absl::StatusOr<std::unique_ptr<Server>> server =
        Server::Start(line.options, [wakeups] { eventfd_write(wakeups, 1); });
    if (!server.ok()) {
      spdlog::critical("cannot start: {}", std::string(server.status().message()));
      return 1;
    }
    code = RunUntilStopped(line, server->get(), signals, wakeups);
    if (code) {
      signal(SIGHUP, SIG_IGN);
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // a second signal ends the process at once
      if (*code == 0) (*server)->Drain();
    } else {
      spdlog::info("starting anew with the snapshot that was received");
    }
    server->reset();
  }
  spdlog::info("stopped");
  return *code;
}

int Main(int argc, char** argv) {
  const absl::StatusOr<CommandLine> line =
      ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc),
                       [](const std::string& name) { return std::getenv(name.c_str()); });
  if (!line.ok()) {
    std::cerr << "batond: " << line.status().message() << "\n";
    return 1;
  }
  switch (line->mode) {
    case Mode::kHelp:
      std::cout << line->help;
      return 0;
    case Mode::kVersion:
      std::cout << VersionLine() << "\n";
      return 0;
    case Mode::kPrintConfig:
      std::cout << PrintConfig(*line);
      return 0;
    case Mode::kCheckConfig:
      std::cout << "the configuration is good\n";
      return 0;
    case Mode::kServe:
      return Serve(*line);
  }
  return 1;
}

}  // namespace
}  // namespace baton::server

int main(int argc, char** argv) { return baton::server::Main(argc, argv); }
