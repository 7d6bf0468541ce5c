// LocalCluster: a cluster of real processes on loopback, for trying out and for tests of programs.
//
//   DIR/local.json       how many nodes, at which ports, with faults on command or without
//   DIR/local.lock       held while a command changes the cluster
//   DIR/nI/batond.toml   configuration, written at each start
//   DIR/nI/batond.log    what the node printed
//   DIR/nI/pid           process id and start time of the last start
//   DIR/nI/data/         the node's data directory
//
// Node nI serves clients and peers at base_port + I - 1, HTTP at base_port + 10 + I - 1. Other
// files in DIR are let alone. One thread; start nodes before the first other thread of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/baton/process.h"

namespace baton::cli {

inline constexpr int kLocalNodesMax = 9;  // HTTP ports begin ten above
inline constexpr int kLocalNodesDefault = 3;
inline constexpr int kLocalBasePortDefault = 7400;

struct LocalLayout {
  int nodes = kLocalNodesDefault;  // 1 … kLocalNodesMax
  int base_port = kLocalBasePortDefault;
  bool fault_injection = false;  // nodes listen at FaultSocketPath
  friend bool operator==(const LocalLayout&, const LocalLayout&) = default;
};

struct LocalNode {
  std::string name;     // n1, n2, …
  std::string address;  // of clients and peers
  std::string http_address;
  ProcessState state = ProcessState::kGone;
  pid_t pid = 0;  // 0 when gone
};

class LocalCluster {
 public:
  // Takes the lock of an existing cluster. NOT_FOUND: there is none in `directory`.
  static absl::StatusOr<LocalCluster> Open(const std::string& directory);
  // The same, and lays one out if there is none. FAILED_PRECONDITION: there is another layout.
  static absl::StatusOr<LocalCluster> Create(const std::string& directory,
                                             const LocalLayout& layout);
  LocalCluster(LocalCluster&& other) noexcept;
  LocalCluster& operator=(LocalCluster&&) = delete;
  ~LocalCluster();

  const LocalLayout& layout() const { return layout_; }
  const std::string& directory() const { return directory_; }  // absolute

  std::vector<LocalNode> Nodes() const;
  std::vector<std::string> Addresses() const;  // of all nodes, in order
  // NOT_FOUND: no node has that name; the message lists those that exist.
  absl::StatusOr<LocalNode> Find(const std::string& name) const;

  // Lays out one node more and starts it; it belongs to no cluster yet. Its name.
  absl::StatusOr<std::string> Add();
  // Starts the node if it is gone; a running or paused one is let alone.
  absl::Status Start(const std::string& name);
  // kill -9, and waits until the process is gone. Nothing to do: OK.
  absl::Status Kill(const std::string& name);
  // SIGTERM, and waits until the process is gone: a leader hands over first. Nothing to do: OK.
  // DEADLINE_EXCEEDED: it stops yet.
  absl::Status Stop(const std::string& name, int64_t timeout_us);
  // SIGSTOP, SIGCONT. FAILED_PRECONDITION: the node does not run.
  absl::Status Pause(const std::string& name);
  absl::Status Resume(const std::string& name);
  // SIGTERM to all, paused ones too; SIGKILL to those left after `timeout_us`. Nothing to do: OK.
  absl::Status Down(int64_t timeout_us);

  // The last lines that the node printed, for error messages.
  std::string LogTail(const std::string& name) const;
  std::string LogPath(const std::string& name) const;
  std::string FaultSocketPath(const std::string& name) const;

 private:
  LocalCluster(std::string directory, LocalLayout layout, int lock)
      : directory_(std::move(directory)), layout_(layout), lock_(lock) {}
  absl::Status WriteLayout() const;
  static absl::StatusOr<int> Lock(const std::string& directory);
  LocalNode NodeAt(int index) const;  // from 1
  std::string Folder(const std::string& name) const { return directory_ + "/" + name; }
  // Of the last start; pid 0 when it never was started.
  Process LastProcess(const std::string& name) const;
  absl::Status WriteConfig(const LocalNode& node) const;
  absl::Status SignalRunning(const std::string& name, int signal);

  std::string directory_;
  LocalLayout layout_;
  int lock_;  // descriptor that holds the flock; -1 once moved from
};

// Where `baton local` keeps its cluster when --dir is not given.
std::string DefaultLocalDirectory();

}  // namespace baton::cli
