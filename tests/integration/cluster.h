// Cluster: real batond processes on loopback, for one test.
//
//   Cluster cluster;                       // three nodes, formed, a leader elected
//   cluster.Kill(cluster.AwaitLeader());
//   ASSERT_TRUE(cluster.client().Put("k", "v").ok());
//
// Each has its own ports and its own directory, which is removed at the end unless the test failed
// or BATON_KEEP is set; then its path is printed. Nodes are children of the test: they end with it.
// Nodes are numbered from 0 here and named n1, n2, …. One thread, except client() and admin(),
// which serve any.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "baton/admin.h"
#include "baton/client.h"

namespace baton::testing {

// Wide enough for a loaded machine of two cores under a sanitizer.
inline constexpr std::chrono::seconds kPatience{60};

// Asks until `condition` holds; false when `patience` ran out.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = kPatience);

struct ClusterOptions {
  int nodes = 3;
  int spares = 0;                  // more nodes, which the test starts; they are not formed
  bool form = true;                // else the nodes run and are unformed
  bool start = true;               // else nothing runs yet
  std::vector<std::string> flags;  // for every batond
  // One a node, where it listens and is reached; none: all on loopback.
  std::vector<std::string> hosts;
  // Runs in a node's process before batond does; false: the node cannot start.
  std::function<bool(int node)> enter;
};

class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  int size() const { return static_cast<int>(nodes_.size()); }  // spares too; they come last
  const std::string& address(int node) const { return nodes_[node].address; }
  const std::string& http_address(int node) const { return nodes_[node].http_address; }
  std::vector<std::string> addresses() const;
  std::string endpoints() const;                               // by commas
  const std::string& directory() const { return directory_; }  // of all; kept after a failure
  std::string Folder(int node) const;
  std::string DataDirectory(int node) const { return Folder(node) + "/data"; }
  std::string ConfigPath(int node) const { return Folder(node) + "/batond.toml"; }
  std::string Log(int node) const;  // all that the node has printed

  Client& client() { return *client_; }
  Admin& admin() { return *admin_; }

  void Start(int node);     // no-op if it runs
  void Kill(int node);      // -9; no-op if it does not run
  int Terminate(int node);  // SIGTERM, waits; the exit code, -1 if it was a signal that ended it
  void Pause(int node);
  void Resume(int node);
  bool Running(int node);  // also false once it has ended by itself
  // Waits for the node to end by itself. Its exit code; -1 by a signal; -2 not in time.
  int AwaitExit(int node, std::chrono::milliseconds patience = kPatience);
  // Commands a node that runs with --fault-injection (docs/operations.md). All faults that are in
  // force afterwards; the test has failed if the command was refused.
  std::vector<std::string> Fault(int node, const std::string& command);
  pid_t pid(int node) const { return nodes_[node].pid; }

  // Forms the cluster of all nodes but the spares. Repeats while they start.
  absl::Status Form();

  // The node that leads at the highest ballot, as the running ones report; -1 when none does in
  // time. With `other_than`, another one.
  int AwaitLeader(int other_than = -1);
  // One node's report; nothing if it does not answer within two seconds.
  std::optional<NodeStatus> Status(int node);
  // All running nodes but unformed spares are healthy members, follow one leader, and have applied
  // what it committed.
  bool AwaitHealthy();
  // Writes succeed.
  bool AwaitWritable();

 private:
  struct Node {
    std::string name;
    std::string address;
    std::string http_address;
    pid_t pid = 0;        // 0: not running
    int exit_status = 0;  // of waitpid, once it has ended
  };
  void WriteConfig(const Node& node);
  void Reap(int node, bool block);

  const ClusterOptions options_;
  std::string directory_;
  std::vector<Node> nodes_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Admin> admin_;
};

// The digests of all nodes, once they stand at one applied slot. Every element is equal if the
// replicas are; empty when they did not come to rest in time.
std::vector<DigestInfo> DigestsAtRest(Cluster* cluster);

}  // namespace baton::testing
