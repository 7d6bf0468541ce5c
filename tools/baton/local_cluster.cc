#include "tools/baton/local_cluster.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace baton::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kKillTimeoutUs = 10'000'000;  // a killed process is gone far sooner
constexpr int64_t kStopTimeoutUs = 5'000'000;   // a signalled one stands still far sooner
constexpr size_t kLogTailLines = 5;
constexpr int64_t kSegmentBytes = 8 << 20;

std::string Loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

absl::StatusOr<LocalLayout> ReadLayout(const std::string& directory) {
  const std::string path = directory + "/local.json";
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError("there is no local cluster in " + directory +
                               "; start one with: baton local up --dir " + directory);
  }
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  LocalLayout layout;
  if (json.is_object() && json.value("nodes", nlohmann::json()).is_number_integer() &&
      json.value("base_port", nlohmann::json()).is_number_integer()) {
    layout.nodes = json["nodes"];
    layout.base_port = json["base_port"];
    layout.fault_injection = json.value("fault_injection", nlohmann::json()) == true;
    if (layout.nodes >= 1 && layout.nodes <= kLocalNodesMax) return layout;
  }
  return absl::DataLossError(path + " is damaged; move " + directory + " away and start anew");
}

// A file is replaced whole or not at all.
absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string draft = path + ".new";
  std::ofstream file(draft, std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (file) fs::rename(draft, path, error);
  if (!file || error) return absl::InternalError("cannot write " + path);
  return absl::OkStatus();
}

// Whether somebody listens there. Whoever started a node beside that one would talk to a stranger.
bool InUse(const std::string& loopback_address) {
  const size_t colon = loopback_address.rfind(':');
  const int number = std::atoi(loopback_address.c_str() + colon + 1);
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return false;
  const int yes = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(number));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  const bool in_use = !free && errno == EADDRINUSE;
  close(socket_fd);
  return in_use;
}

}  // namespace

absl::StatusOr<int> LocalCluster::Lock(const std::string& directory) {
  const std::string path = directory + "/local.lock";
  const int lock = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return absl::InternalError("cannot open " + path + " for writing");
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::FailedPreconditionError("another baton local command works in " + directory +
                                         "; run this one when it is done");
  }
  return lock;
}

absl::StatusOr<LocalCluster> LocalCluster::Open(const std::string& directory) {
  const std::string absolute = fs::absolute(directory).lexically_normal().string();
  const absl::StatusOr<LocalLayout> layout = ReadLayout(absolute);
  if (!layout.ok()) return layout.status();
  const absl::StatusOr<int> lock = Lock(absolute);
  if (!lock.ok()) return lock.status();
  return LocalCluster(absolute, *layout, *lock);
}

absl::StatusOr<LocalCluster> LocalCluster::Create(const std::string& directory,
                                                  const LocalLayout& layout) {
  const std::string absolute = fs::absolute(directory).lexically_normal().string();
  std::error_code error;
  fs::create_directories(absolute, error);
  if (error) {
    return absl::InternalError("cannot make directory " + absolute + ": " + error.message());
  }
  const absl::StatusOr<int> lock = Lock(absolute);
  if (!lock.ok()) return lock.status();
  LocalCluster cluster(absolute, layout, *lock);
  const absl::StatusOr<LocalLayout> standing = ReadLayout(absolute);
  if (absl::IsNotFound(standing.status())) {
    const absl::Status written = cluster.WriteLayout();
    if (!written.ok()) return written;
    return cluster;
  }
  if (!standing.ok()) return standing.status();
  if (*standing != layout) {
    return absl::FailedPreconditionError(
        absolute + " holds a cluster of " + std::to_string(standing->nodes) +
        " nodes at base port " + std::to_string(standing->base_port) +
        (standing->fault_injection ? " with" : " without") +
        " fault injection; ask for the same, or use another --dir");
  }
  return cluster;
}

LocalCluster::LocalCluster(LocalCluster&& other) noexcept
    : directory_(std::move(other.directory_)), layout_(other.layout_), lock_(other.lock_) {
  other.lock_ = -1;
}

LocalCluster::~LocalCluster() {
  if (lock_ >= 0) close(lock_);
}

LocalNode LocalCluster::NodeAt(int index) const {
  LocalNode node;
  node.name = "n" + std::to_string(index);
  node.address = Loopback(layout_.base_port + index - 1);
  node.http_address = Loopback(layout_.base_port + 10 + index - 1);
  const Process process = LastProcess(node.name);
  if (process.pid > 0) node.state = StateOf(process);
  if (node.state != ProcessState::kGone) node.pid = process.pid;
  return node;
}

std::vector<LocalNode> LocalCluster::Nodes() const {
  std::vector<LocalNode> nodes;
  for (int i = 1; i <= layout_.nodes; ++i) nodes.push_back(NodeAt(i));
  return nodes;
}

std::vector<std::string> LocalCluster::Addresses() const {
  std::vector<std::string> addresses;
  for (const LocalNode& node : Nodes()) addresses.push_back(node.address);
  return addresses;
}

absl::StatusOr<LocalNode> LocalCluster::Find(const std::string& name) const {
  std::string names;
  for (LocalNode& node : Nodes()) {
    if (node.name == name) return std::move(node);
    names += (names.empty() ? "" : ", ") + node.name;
  }
  return absl::NotFoundError("there is no node " + name + " here; the nodes are " + names);
}

Process LocalCluster::LastProcess(const std::string& name) const {
  std::ifstream file(Folder(name) + "/pid");
  Process process;
  file >> process.pid >> process.start_ticks;
  return file ? process : Process{};
}

absl::Status LocalCluster::WriteConfig(const LocalNode& node) const {
  std::ostringstream toml;
  toml << "# Written by `baton local` at each start.\n"
       << "[node]\n"
       << "name = \"" << node.name << "\"\n"
       << "data_dir = " << nlohmann::json(Folder(node.name) + "/data").dump() << "\n"
       << "client_address = \"" << node.address << "\"\n"
       << "peer_address = \"" << node.address << "\"\n"
       << "http_address = \"" << node.http_address << "\"\n"
       << "\n[wal]\n"
       << "segment_bytes = " << kSegmentBytes << "\n";
  return WriteFile(Folder(node.name) + "/batond.toml", toml.str());
}

absl::Status LocalCluster::WriteLayout() const {
  const nlohmann::json json = {{"nodes", layout_.nodes},
                               {"base_port", layout_.base_port},
                               {"fault_injection", layout_.fault_injection}};
  return WriteFile(directory_ + "/local.json", json.dump() + "\n");
}

absl::StatusOr<std::string> LocalCluster::Add() {
  if (layout_.nodes == kLocalNodesMax) {
    return absl::FailedPreconditionError("a local cluster has at most " +
                                         std::to_string(kLocalNodesMax) + " nodes");
  }
  ++layout_.nodes;
  const absl::Status written = WriteLayout();
  if (!written.ok()) return written;
  const std::string name = NodeAt(layout_.nodes).name;
  const absl::Status started = Start(name);
  if (!started.ok()) return started;
  return name;
}

absl::Status LocalCluster::Start(const std::string& name) {
  const absl::StatusOr<LocalNode> node = Find(name);
  if (!node.ok()) return node.status();
  if (node->state == ProcessState::kRunning) return absl::OkStatus();
  if (node->state == ProcessState::kStopped) {
    return absl::FailedPreconditionError(name +
                                         " is paused; let it go on with: baton local resume " +
                                         name + " --dir " + directory_);
  }
  // One that is ending holds its ports to the last.
  const Process before = LastProcess(name);
  if (before.pid != 0) WaitUntilGone(before, kKillTimeoutUs);
  for (const std::string& address : {node->address, node->http_address}) {
    if (InUse(address)) {
      return absl::FailedPreconditionError(
          address +
          " is in use by another process: stop that one, or use another --base-port and " +
          "--dir");
    }
  }
  const absl::StatusOr<std::string> program = SiblingProgram("batond");
  if (!program.ok()) return program.status();
  const std::string folder = Folder(name);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::InternalError("cannot make " + folder + ": " + error.message());
  const absl::Status written = WriteConfig(*node);
  if (!written.ok()) return written;
  std::vector<std::string> argv = {*program, "--config", folder + "/batond.toml"};
  if (layout_.fault_injection) argv.push_back("--fault-injection");
  const absl::StatusOr<Process> process = StartDaemon(argv, folder, LogPath(name));
  if (!process.ok()) return process.status();
  return WriteFile(folder + "/pid", std::to_string(process->pid) + " " +
                                        std::to_string(process->start_ticks) + "\n");
}

absl::Status LocalCluster::Kill(const std::string& name) {
  const absl::StatusOr<LocalNode> node = Find(name);
  if (!node.ok()) return node.status();
  const Process process = LastProcess(name);
  if (process.pid == 0) return absl::OkStatus();
  const absl::Status sent = Signal(process, SIGKILL);
  if (!sent.ok() && !absl::IsNotFound(sent)) return sent;
  if (WaitUntilGone(process, kKillTimeoutUs)) return absl::OkStatus();
  return absl::DeadlineExceededError(name + " was killed, but its process " +
                                     std::to_string(process.pid) + " is still there");
}

absl::Status LocalCluster::Stop(const std::string& name, int64_t timeout_us) {
  const absl::StatusOr<LocalNode> node = Find(name);
  if (!node.ok()) return node.status();
  const Process process = LastProcess(name);
  if (process.pid == 0) return absl::OkStatus();
  const absl::Status sent = Signal(process, SIGTERM);
  if (!sent.ok() && !absl::IsNotFound(sent)) return sent;
  if (WaitUntilGone(process, timeout_us)) return absl::OkStatus();
  return absl::DeadlineExceededError(name + " was asked to stop, and has not stopped in time");
}

absl::Status LocalCluster::SignalRunning(const std::string& name, int signal) {
  const absl::StatusOr<LocalNode> node = Find(name);
  if (!node.ok()) return node.status();
  const absl::Status sent =
      node->pid == 0 ? absl::NotFoundError("") : Signal(LastProcess(name), signal);
  if (!absl::IsNotFound(sent)) return sent;
  return absl::FailedPreconditionError(name + " does not run; start it with: baton local start " +
                                       name + " --dir " + directory_);
}

absl::Status LocalCluster::Pause(const std::string& name) {
  const absl::Status sent = SignalRunning(name, SIGSTOP);
  if (!sent.ok() || WaitUntilStopped(LastProcess(name), kStopTimeoutUs)) return sent;
  return absl::DeadlineExceededError(name + " was sent SIGSTOP, but has not stopped");
}

absl::Status LocalCluster::Resume(const std::string& name) { return SignalRunning(name, SIGCONT); }

absl::Status LocalCluster::Down(int64_t timeout_us) {
  std::vector<LocalNode> left;
  for (LocalNode& node : Nodes()) {
    if (node.state != ProcessState::kGone) left.push_back(std::move(node));
  }
  for (const LocalNode& node : left) {
    const Process process = LastProcess(node.name);
    for (const int signal : {SIGTERM, SIGCONT}) {
      const absl::Status sent = Signal(process, signal);
      if (!sent.ok() && !absl::IsNotFound(sent)) return sent;
    }
  }
  for (const LocalNode& node : left) {
    if (WaitUntilGone(LastProcess(node.name), timeout_us)) continue;
    const absl::Status killed = Kill(node.name);
    if (!killed.ok()) return killed;
  }
  return absl::OkStatus();
}

std::string LocalCluster::LogPath(const std::string& name) const {
  return Folder(name) + "/batond.log";
}

std::string LocalCluster::FaultSocketPath(const std::string& name) const {
  return Folder(name) + "/data/fault.sock";
}

std::string LocalCluster::LogTail(const std::string& name) const {
  std::ifstream file(LogPath(name));
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > kLogTailLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

std::string DefaultLocalDirectory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::string(state) + "/baton/local";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/state/baton/local";
}

}  // namespace baton::cli
