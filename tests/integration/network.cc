#include "tests/integration/network.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "tests/integration/command.h"

namespace baton::testing {
namespace {

constexpr char kNoNamespaces[] = "network namespaces are not allowed here: ";
// TCP headers are this many words of four bytes long; IPv4's, without options, is five.
constexpr int kTcpWordsMin = 5, kTcpWordsMax = 15, kIpWords = 5;

absl::Status NotAllowed(const std::string& what) {
  return absl::FailedPreconditionError(kNoNamespaces + what + ": " + strerror(errno));
}

// Who is not root becomes it in a user namespace of its own.
absl::Status BecomeRoot() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (uid == 0) return absl::OkStatus();
  if (unshare(CLONE_NEWUSER) != 0) return NotAllowed("unshare(CLONE_NEWUSER)");
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream uids("/proc/self/uid_map");
  std::ofstream gids("/proc/self/gid_map");
  uids << "0 " << uid << " 1" << std::flush;
  gids << "0 " << gid << " 1" << std::flush;
  return uids && gids ? absl::OkStatus() : NotAllowed("/proc/self/uid_map");
}

// A new network namespace, held by the descriptor; negative: errno says why not.
int MakeNamespace() {
  int made = -1;
  int error = 0;
  std::thread([&] {  // a namespace is a thread's: this one's, and it ends
    if (unshare(CLONE_NEWNET) == 0) made = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    error = errno;
  })
      .join();
  errno = error;
  return made;
}

std::string PathOf(int descriptor) { return absl::StrCat("/proc/", getpid(), "/fd/", descriptor); }

}  // namespace

absl::StatusOr<std::unique_ptr<Network>> Network::Make(int nodes) {
  BATON_CHECK(nodes >= 1 && nodes <= kNodesMax);
  std::unique_ptr<Network> network(new Network(nodes));
  if (absl::Status status = network->Build(); !status.ok()) return status;
  return network;
}

Network::~Network() {
  for (const int descriptor : places_) close(descriptor);
  if (bridge_ >= 0) close(bridge_);
}

absl::Status Network::Build() {
  if (absl::Status status = BecomeRoot(); !status.ok()) return status;
  bridge_ = MakeNamespace();
  if (bridge_ < 0) return NotAllowed("unshare(CLONE_NEWNET)");
  std::string links = "link add bridge type bridge\nlink set bridge up\n";
  for (int place = 0; place <= nodes_; ++place) {
    const int made = MakeNamespace();
    if (made < 0) return NotAllowed("unshare(CLONE_NEWNET)");
    places_.push_back(made);
    absl::StrAppend(&links, "link add port", place, " type veth peer name eth0 netns ",
                    PathOf(made), "\nlink set port", place, " master bridge up\n");
  }
  if (absl::Status status = Run(bridge_, {"ip", "-batch", "-"}, links); !status.ok()) return status;
  for (int place = 0; place <= nodes_; ++place) {
    const std::string up = absl::StrCat("link set lo up\naddress add ", Address(place),
                                        "/24 dev eth0\nlink set eth0 up\n");
    absl::Status status = Run(places_[place], {"ip", "-batch", "-"}, up);
    // An empty filter, to learn now whether there can be one.
    if (status.ok()) status = Run(places_[place], {"nft", "-f", "-"}, "flush ruleset\n");
    if (!status.ok()) return status;
  }
  return setns(places_[nodes_], CLONE_NEWNET) == 0 ? absl::OkStatus() : NotAllowed("setns");
}

absl::Status Network::Run(int namespace_fd, const std::vector<std::string>& argv,
                          const std::string& input) const {
  std::vector<std::string> command = {"/usr/bin/nsenter", "--net=" + PathOf(namespace_fd)};
  command.insert(command.end(), argv.begin(), argv.end());
  CommandOptions options;
  options.input = input;
  options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  const CommandResult result = RunCommand(command, options);
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(kNoNamespaces, argv[0], " said: ", result.err, " of:\n", input));
}

ClusterOptions Network::Options() const {
  ClusterOptions options;
  options.nodes = nodes_;
  for (int node = 0; node < nodes_; ++node) options.hosts.push_back(Address(node));
  options.enter = [this](int node) { return setns(places_[node], CLONE_NEWNET) == 0; };
  return options;
}

std::string Network::Address(int place) const { return absl::StrCat("10.77.0.", place + 1); }

void Network::Filter(int place) const {
  std::string rules =
      "flush ruleset\ntable ip cuts {\n chain input {\n  type filter hook input priority 0;\n";
  for (const auto& [from, to] : cuts_) {
    if (to == place) absl::StrAppend(&rules, "  ip saddr ", Address(from), " drop\n");
  }
  for (const auto& [from, to] : data_cuts_) {
    for (int words = kTcpWordsMin; to == place && words <= kTcpWordsMax; ++words) {
      absl::StrAppend(&rules, "  ip saddr ", Address(from), " tcp doff ", words, " ip length > ",
                      4 * (kIpWords + words), " drop\n");
    }
  }
  const absl::Status status = Run(places_[place], {"nft", "-f", "-"}, rules + " }\n}\n");
  BATON_CHECK(status.ok()) << status;
}

void Network::Cut(int from, int to) {
  cuts_.emplace(Place(from), Place(to));
  Filter(Place(to));
}

void Network::CutData(int from, int to) {
  data_cuts_.emplace(Place(from), Place(to));
  Filter(Place(to));
}

void Network::CutBoth(int a, int b) {
  Cut(a, b);
  Cut(b, a);
}

void Network::Isolate(int node) {
  for (int other = 0; other < nodes_; ++other) {
    if (other != node) CutBoth(node, other);
  }
}

void Network::Heal() {
  std::set<int> places;
  for (const auto& cut : cuts_) places.insert(cut.second);
  for (const auto& cut : data_cuts_) places.insert(cut.second);
  cuts_.clear();
  data_cuts_.clear();
  for (const int place : places) Filter(place);
}

}  // namespace baton::testing
