// FaultCommands: lines of text to faults. docs/operations.md lists them.
//
// Owner: FaultInjection. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/faults/faulty_file_system.h"
#include "server/faults/faulty_transport.h"
#include "server/replica/node.h"

namespace baton::server {

class FaultCommands {
 public:
  static constexpr int64_t kMillisecondsMax = 3'600'000;
  static constexpr uint64_t kCountMax = 1'000'000'000;  // of messages before a stop

  // `peers` gives the other members; none before the node is formed.
  FaultCommands(FaultyFileSystem* fs, FaultyTransport* transport,
                std::function<std::vector<MemberInfo>()> peers);

  // Carries out one command. The answer is "ok" and the faults then in force, one a line, each as
  // the command that would bring it about; or "error: " and what to change.
  std::string Run(std::string_view line);

 private:
  using Words = std::vector<std::string>;
  struct Command {
    const char* name;
    const char* arguments;  // as in a usage line
    size_t words_min;       // after the name
    size_t words_max;
    absl::Status (FaultCommands::*run)(const Words& words);
  };
  static const std::vector<Command>& Commands();

  absl::Status Delay(const Words& words);
  absl::Status Drop(const Words& words);
  absl::Status Stall(const Words& words);
  absl::Status Slow(const Words& words);
  absl::Status Full(const Words& words);
  absl::Status Fail(const Words& words);
  absl::Status KillAt(const Words& words) { return StopAt(words, StopAction::kKill); }
  absl::Status PauseAt(const Words& words) { return StopAt(words, StopAction::kPause); }
  absl::Status StopAt(const Words& words, StopAction action);
  absl::Status Clear(const Words& words);
  absl::Status List(const Words&) { return absl::OkStatus(); }

  absl::Status Dispatch(const Words& words);
  absl::StatusOr<std::vector<NodeId>> Peers(const std::string& name) const;
  std::string NameOf(NodeId peer) const;

  FaultyFileSystem* const fs_;
  FaultyTransport* const transport_;
  const std::function<std::vector<MemberInfo>()> peers_;
};

}  // namespace baton::server
