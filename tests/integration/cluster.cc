#include "tests/integration/cluster.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "base/check.h"
#include "tests/loopback.h"
#include "tools/baton/fault_client.h"

namespace baton::testing {
namespace {

namespace fs = std::filesystem;
using loopback::FreePort;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollEvery{20};
constexpr std::chrono::milliseconds kAskTimeout{2'000};

}  // namespace

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPollEvery);
  }
  return true;
}

Cluster::Cluster(const ClusterOptions& options) : options_(options) {
  std::string pattern = ::testing::TempDir() + "baton_cluster_XXXXXX";
  BATON_CHECK(mkdtemp(pattern.data()) != nullptr) << pattern;
  directory_ = pattern;
  for (int i = 0; i < options.nodes + options.spares; ++i) {
    Node node;
    node.name = "n" + std::to_string(i + 1);
    const std::string host = options.hosts.empty() ? "127.0.0.1" : options.hosts[i];
    node.address = host + ":" + std::to_string(FreePort());
    node.http_address = host + ":" + std::to_string(FreePort());
    nodes_.push_back(node);
    fs::create_directories(Folder(i));
    WriteConfig(node);
  }
  ClientOptions endpoints;
  endpoints.endpoints = addresses();
  client_ = *Client::Connect(endpoints);
  admin_ = *Admin::Connect(endpoints);
  if (!options.start) return;
  for (int i = 0; i < options.nodes; ++i) Start(i);
  if (!options.form) return;
  const absl::Status formed = Form();
  if (!formed.ok() || !AwaitHealthy() || !AwaitWritable()) {
    ADD_FAILURE() << "no cluster: " << formed << "; n1 printed:\n" << Log(0);
  }
}

Cluster::~Cluster() {
  client_.reset();
  admin_.reset();
  for (int i = 0; i < size(); ++i) Kill(i);
  if (::testing::Test::HasFailure() || std::getenv("BATON_KEEP") != nullptr) {
    std::cerr << "logs and data are kept in " << directory_ << std::endl;
  } else {
    fs::remove_all(directory_);
  }
}

std::vector<std::string> Cluster::addresses() const {
  std::vector<std::string> addresses;
  for (const Node& node : nodes_) addresses.push_back(node.address);
  return addresses;
}

std::string Cluster::endpoints() const {
  std::string list;
  for (const Node& node : nodes_) list += (list.empty() ? "" : ",") + node.address;
  return list;
}

std::string Cluster::Folder(int node) const { return directory_ + "/" + nodes_[node].name; }

std::string Cluster::Log(int node) const {
  std::ifstream file(Folder(node) + "/log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void Cluster::WriteConfig(const Node& node) {
  const std::string folder = directory_ + "/" + node.name;
  std::ofstream(folder + "/batond.toml") << "[node]\n"
                                         << "name = \"" << node.name << "\"\n"
                                         << "data_dir = \"" << folder << "/data\"\n"
                                         << "client_address = \"" << node.address << "\"\n"
                                         << "peer_address = \"" << node.address << "\"\n"
                                         << "http_address = \"" << node.http_address << "\"\n"
                                         << "\n[wal]\nsegment_bytes = 8388608\n";
}

void Cluster::Start(int index) {
  Node& node = nodes_[index];
  if (Running(index)) return;
  const std::string log_path = Folder(index) + "/log";
  const std::string config_path = ConfigPath(index);
  std::vector<const char*> argv = {BATOND_PATH, "--config", config_path.c_str()};
  for (const std::string& flag : options_.flags) argv.push_back(flag.c_str());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  BATON_CHECK(pid >= 0) << "fork";
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    if (options_.enter && !options_.enter(index)) _exit(127);
    const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    for (int descriptor = 3; descriptor < 1024; ++descriptor) close(descriptor);
    execv(BATOND_PATH, const_cast<char**>(argv.data()));
    _exit(127);
  }
  node.pid = pid;
}

void Cluster::Reap(int index, bool block) {
  Node& node = nodes_[index];
  if (node.pid == 0) return;
  pid_t ended = 0;
  do {
    ended = waitpid(node.pid, &node.exit_status, block ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended != 0) node.pid = 0;
}

bool Cluster::Running(int node) {
  Reap(node, /*block=*/false);
  return nodes_[node].pid != 0;
}

void Cluster::Kill(int node) {
  if (!Running(node)) return;
  kill(nodes_[node].pid, SIGKILL);
  Reap(node, /*block=*/true);
}

std::vector<std::string> Cluster::Fault(int node, const std::string& command) {
  constexpr int64_t kTimeoutUs = 30'000'000;
  const auto faults = cli::AskForFault(DataDirectory(node) + "/fault.sock", command, kTimeoutUs);
  EXPECT_TRUE(faults.ok()) << command << ": " << faults.status();
  return faults.value_or(std::vector<std::string>{});
}

int Cluster::AwaitExit(int node, std::chrono::milliseconds patience) {
  if (!Eventually([&] { return !Running(node); }, patience)) return -2;
  const int status = nodes_[node].exit_status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int Cluster::Terminate(int node) {
  if (Running(node)) kill(nodes_[node].pid, SIGTERM);
  return AwaitExit(node);
}

void Cluster::Pause(int node) { kill(nodes_[node].pid, SIGSTOP); }
void Cluster::Resume(int node) { kill(nodes_[node].pid, SIGCONT); }

absl::Status Cluster::Form() {
  std::vector<PlannedMember> members;
  for (int i = 0; i < options_.nodes; ++i) {
    members.push_back({nodes_[i].name, nodes_[i].address});
  }
  absl::Status status;
  Eventually([&] {
    status = admin_->Init(members).status();
    return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status);
  });
  return status;
}

std::optional<NodeStatus> Cluster::Status(int node) {
  CallOptions options;
  options.timeout = kAskTimeout;
  absl::StatusOr<NodeStatus> status = admin_->Status(address(node), options);
  if (!status.ok()) return std::nullopt;
  return *std::move(status);
}

int Cluster::AwaitLeader(int other_than) {
  int leader = -1;
  Eventually([&] {
    CallOptions options;
    options.timeout = kAskTimeout;
    const std::vector<NodeReport> reports = admin_->StatusAll(options);
    std::pair<uint64_t, uint32_t> highest;
    leader = -1;
    for (int i = 0; i < size(); ++i) {
      if (!reports[i].status.ok()) continue;
      const NodeStatus& status = *reports[i].status;
      const std::pair ballot(status.ballot_round, status.ballot_node);
      if (ballot < highest) continue;
      if (ballot > highest) leader = -1;
      highest = ballot;
      if (status.state == "leader") leader = i;
    }
    return leader >= 0 && leader != other_than;
  });
  return leader == other_than ? -1 : leader;
}

bool Cluster::AwaitHealthy() {
  std::optional<uint64_t> goal;  // does not run away where writes go on
  return Eventually([&] {
    std::set<std::string> leaders;
    uint64_t commit = 0;
    uint64_t applied = UINT64_MAX;
    for (int i = 0; i < size(); ++i) {
      if (!Running(i)) continue;
      const std::optional<NodeStatus> status = Status(i);
      if (i >= options_.nodes && status && status->cluster_id.empty()) continue;
      if (!status || !status->healthy || status->cluster_id.empty()) return false;
      leaders.insert(status->leader);
      commit = std::max(commit, status->commit_slot);
      applied = std::min(applied, status->applied_slot);
    }
    if (!goal) goal = commit;
    return leaders.size() == 1 && !leaders.begin()->empty() && applied >= *goal;
  });
}

bool Cluster::AwaitWritable() {
  return Eventually([&] {
    CallOptions options;
    options.timeout = kAskTimeout;
    return client_->Put("cluster/writable", "yes", options).ok();
  });
}

std::vector<DigestInfo> DigestsAtRest(Cluster* cluster) {
  std::vector<DigestInfo> digests;
  Eventually([&] {
    uint64_t slot = 0;
    for (int i = 0; i < cluster->size(); ++i) {
      const std::optional<NodeStatus> status = cluster->Status(i);
      if (!status) return false;
      slot = std::max(slot, status->commit_slot);
    }
    digests.clear();
    for (int i = 0; i < cluster->size(); ++i) {
      const absl::StatusOr<DigestInfo> digest = cluster->admin().Digest(cluster->address(i), slot);
      if (!digest.ok() || digest->applied_slot != slot) return false;
      digests.push_back(*digest);
    }
    return true;
  });
  return digests;
}

}  // namespace baton::testing
