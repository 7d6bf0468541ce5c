// Daemons on this machine: start one, ask after it, signal it.
//
// A process id alone may have been given to another program since; the start time tells. Any
// thread, but start daemons before the first thread of the process (a fork copies only its caller).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace baton::cli {

struct Process {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // since boot; field 22 of /proc/PID/stat
  friend bool operator==(const Process&, const Process&) = default;
};

enum class ProcessState : uint8_t { kGone, kRunning, kStopped };

// Runs argv[0] detached: its own session, no descriptor of ours, standard output and error appended
// to `log_path`, working directory `directory`. Returns once the program runs (exec succeeded).
absl::StatusOr<Process> StartDaemon(const std::vector<std::string>& argv,
                                    const std::string& directory, const std::string& log_path);

// The process of that id as it is now; nullopt: there is none, or only its exit status is left.
std::optional<Process> FindProcess(pid_t pid);

ProcessState StateOf(const Process& process);

// Sends `signal` to exactly that process. NOT_FOUND: it is gone.
absl::Status Signal(const Process& process, int signal);

// Whether the process was gone before `timeout_us` passed.
bool WaitUntilGone(const Process& process, int64_t timeout_us);

// Whether the process, which has been sent SIGSTOP, stood still before `timeout_us` passed.
bool WaitUntilStopped(const Process& process, int64_t timeout_us);

// The absolute path of a program that was built with this one: beside it, else found in $PATH.
absl::StatusOr<std::string> SiblingProgram(const std::string& name);

}  // namespace baton::cli
