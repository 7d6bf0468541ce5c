// local fault …: break the disk or the network of a node of a local cluster.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/baton/context.h"
#include "tools/baton/fault_client.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kAskTimeout{5'000};

constexpr char kFaults[] =
    "Faults, each in force until cleared or until the node ends:\n"
    "  delay PEER|all MS       what this node sends to PEER takes MS milliseconds longer\n"
    "  drop PEER|all           what this node sends to PEER is lost\n"
    "  stall [MS]              the disk of its log takes nothing, for good or for MS milliseconds\n"
    "  slow MS                 each sync of its log takes MS milliseconds more\n"
    "  full                    the disk of its log has no space\n"
    "  fail                    the next sync of its log fails, which ends the node\n"
    "  kill-at MESSAGE [N]     ends, as by kill -9, before it sends the N-th such message\n"
    "  pause-at MESSAGE [N]    the same with SIGSTOP; go on with: baton local resume NODE\n"
    "  clear, list             no fault any more; what is in force\n"
    "\n"
    "The cluster must have been started with: baton local up --fault-injection\n"
    "docs/operations.md, \"Faults on command\", says more and names the messages.\n";

struct Arguments {
  std::string directory = DefaultLocalDirectory();
  std::string node;
  std::vector<std::string> words;
};

// Where the node listens. The cluster is not held while it is asked: a paused node answers nobody.
absl::StatusOr<std::string> SocketOf(const Arguments& arguments) {
  absl::StatusOr<LocalCluster> cluster = LocalCluster::Open(arguments.directory);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<LocalNode> node = cluster->Find(arguments.node);
  if (!node.ok()) return node.status();
  return cluster->FaultSocketPath(node->name);
}

absl::Status RunFault(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kAskTimeout);
  if (!timeout.ok()) return timeout.status();
  const absl::StatusOr<std::string> socket = SocketOf(arguments);
  if (!socket.ok()) return socket.status();
  std::string command;
  for (const std::string& word : arguments.words) command += (command.empty() ? "" : " ") + word;
  const absl::StatusOr<std::vector<std::string>> faults =
      AskForFault(*socket, command, std::chrono::microseconds(*timeout).count());
  if (!faults.ok()) return faults.status();
  if (context.json()) {
    Json object;
    object["node"] = arguments.node;
    object["faults"] = *faults;
    return context.Print(object);
  }
  std::string text;
  for (const std::string& fault : *faults) text += fault + "\n";
  return context.Print(text.empty() ? "no fault is in force\n" : text);
}

}  // namespace

void AddFaultCommand(CLI::App* local, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* fault = local->add_subcommand("fault", "break disk or network of a node");
  fault->add_option("--dir", arguments->directory, "where the cluster lives")
      ->capture_default_str();
  fault->add_option("NODE", arguments->node, "n1, n2, …")->required();
  fault->add_option("FAULT", arguments->words, "one of the faults below, with its arguments")
      ->required();
  fault->footer(kFaults);
  fault->callback([=] { context->command = [=] { return RunFault(*context, *arguments); }; });
}

}  // namespace baton::cli
