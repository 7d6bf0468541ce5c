#include "tools/baton/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace baton::cli {
namespace {

std::string SystemText(int error) { return std::strerror(error); }

// The second child. Writes errno to `report` if the program cannot be run.
[[noreturn]] void RunDaemon(char* const* argv, const char* directory, int log, int report) {
  int error = 0;
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) error = errno;
  // `report` becomes 3 and closes by itself when the program starts; nothing above it survives.
  if (error == 0 && report != 3 && dup3(report, 3, O_CLOEXEC) < 0) error = errno;
  if (error == 0) {
    syscall(SYS_close_range, 4u, ~0u, 0u);
    for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir(directory) == 0) execv(argv[0], argv);
    error = errno;
    report = 3;
  }
  [[maybe_unused]] const ssize_t written = write(report, &error, sizeof error);
  _exit(127);
}

// Reads up to `size` bytes until the other side closes. Returns how many came.
size_t ReadAll(int descriptor, void* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = read(descriptor, static_cast<char*>(to) + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

struct Stat {
  char state = 0;
  uint64_t start_ticks = 0;
};

// /proc/PID/stat: the name, in parentheses, may hold blanks; fields are counted from its end.
std::optional<Stat> ReadStat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  Stat stat;
  fields >> stat.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

// Of one whose first thread has ended others may run still, and hold its files and ports.
bool Ended(const Stat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

}  // namespace

absl::StatusOr<Process> StartDaemon(const std::vector<std::string>& argv,
                                    const std::string& directory, const std::string& log_path) {
  const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    return absl::InternalError("cannot open " + log_path + ": " + SystemText(errno));
  }
  std::vector<char*> arguments;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  int pids[2];    // the first child tells the second one's id
  int report[2];  // the second child tells why it could not run
  if (pipe2(pids, O_CLOEXEC) != 0) {
    close(log);
    return absl::InternalError("pipe: " + SystemText(errno));
  }
  if (pipe2(report, O_CLOEXEC) != 0) {
    const int error = errno;
    for (const int descriptor : {log, pids[0], pids[1]}) close(descriptor);
    return absl::InternalError("pipe: " + SystemText(error));
  }

  const pid_t first = fork();
  if (first == 0) {
    setsid();
    const pid_t second = fork();
    if (second == 0) RunDaemon(arguments.data(), directory.c_str(), log, report[1]);
    [[maybe_unused]] const ssize_t written = write(pids[1], &second, sizeof second);
    _exit(0);
  }
  const int fork_error = errno;
  for (const int descriptor : {log, pids[1], report[1]}) close(descriptor);
  pid_t pid = -1;
  int exec_error = 0;
  bool failed = true;
  if (first > 0) {
    ReadAll(pids[0], &pid, sizeof pid);
    failed = ReadAll(report[0], &exec_error, sizeof exec_error) > 0;
    while (waitpid(first, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close(pids[0]);
  close(report[0]);
  if (first < 0) return absl::InternalError("fork: " + SystemText(fork_error));
  if (pid <= 0) return absl::InternalError("cannot start another process");
  if (failed) return absl::InternalError("cannot run " + argv[0] + ": " + SystemText(exec_error));
  if (std::optional<Process> process = FindProcess(pid)) return *process;
  return absl::InternalError(argv[0] + " ended at once; its log is " + log_path);
}

std::optional<Process> FindProcess(pid_t pid) {
  const std::optional<Stat> stat = ReadStat(pid);
  if (!stat || Ended(*stat)) return std::nullopt;
  return Process{pid, stat->start_ticks};
}

ProcessState StateOf(const Process& process) {
  const std::optional<Stat> stat = ReadStat(process.pid);
  if (!stat || stat->start_ticks != process.start_ticks || Ended(*stat)) {
    return ProcessState::kGone;
  }
  return stat->state == 'T' ? ProcessState::kStopped : ProcessState::kRunning;
}

absl::Status Signal(const Process& process, int signal) {
  // A descriptor of the process: between the check and the signal its id cannot be reused.
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0u));
  if (descriptor < 0) return absl::NotFoundError("the process is gone");
  absl::Status status;
  if (StateOf(process) == ProcessState::kGone) {
    status = absl::NotFoundError("the process is gone");
  } else if (syscall(SYS_pidfd_send_signal, descriptor, signal, nullptr, 0u) != 0) {
    status = errno == ESRCH
                 ? absl::NotFoundError("the process is gone")
                 : absl::InternalError("cannot signal process " + std::to_string(process.pid) +
                                       ": " + SystemText(errno));
  }
  close(descriptor);
  return status;
}

bool WaitUntilGone(const Process& process, int64_t timeout_us) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0u));
  if (descriptor < 0) return true;
  const std::optional<Stat> stat = ReadStat(process.pid);
  bool gone = !stat || stat->start_ticks != process.start_ticks;  // the id is another's
  if (!gone) {
    pollfd ended{descriptor, POLLIN, 0};  // once its last thread is gone
    poll(&ended, 1, static_cast<int>(timeout_us / 1000));
    gone = (ended.revents & POLLIN) != 0;
  }
  close(descriptor);
  return gone;
}

bool WaitUntilStopped(const Process& process, int64_t timeout_us) {
  // The kernel tells the parent alone that a process has stopped: it is asked.
  constexpr int64_t kPollUs = 1'000;
  for (int64_t waited_us = 0;; waited_us += kPollUs) {
    if (StateOf(process) == ProcessState::kStopped) return true;
    if (waited_us >= timeout_us) return false;
    usleep(kPollUs);
  }
}

absl::StatusOr<std::string> SiblingProgram(const std::string& name) {
  std::vector<std::string> folders;
  char self[4096];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  if (size > 0) {
    const std::string path(self, static_cast<size_t>(size));
    folders.push_back(path.substr(0, path.rfind('/')));
  }
  const char* search = std::getenv("PATH");
  std::istringstream listed(search != nullptr ? search : "");
  for (std::string folder; std::getline(listed, folder, ':');) folders.push_back(folder);
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + name;
    if (!folder.empty() && access(path.c_str(), X_OK) == 0) return path;
  }
  return absl::NotFoundError("there is no program " + name +
                             " beside this one or in $PATH; build it, or install it beside baton");
}

}  // namespace baton::cli
