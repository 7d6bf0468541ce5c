#include "server/faults/fault_commands.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/faults/message_kind.h"

namespace baton::server {
namespace {

constexpr char kAllPeers[] = "all";

absl::StatusOr<uint64_t> Number(const std::string& word, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  if (absl::SimpleAtoi(word, &number) && number >= min && number <= max) return number;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", word, "\" is not a number from ", min, " to ", max));
}

absl::StatusOr<int64_t> Milliseconds(const std::string& word) {
  const auto number = Number(word, 0, FaultCommands::kMillisecondsMax);
  if (!number.ok()) return number.status();
  return static_cast<int64_t>(*number) * 1000;
}

}  // namespace

FaultCommands::FaultCommands(FaultyFileSystem* fs, FaultyTransport* transport,
                             std::function<std::vector<MemberInfo>()> peers)
    : fs_(fs), transport_(transport), peers_(std::move(peers)) {}

const std::vector<FaultCommands::Command>& FaultCommands::Commands() {
  static const auto* const commands = new std::vector<Command>{
      {"delay", "PEER|all MILLISECONDS", 2, 2, &FaultCommands::Delay},
      {"drop", "PEER|all", 1, 1, &FaultCommands::Drop},
      {"stall", "[MILLISECONDS]", 0, 1, &FaultCommands::Stall},
      {"slow", "MILLISECONDS", 1, 1, &FaultCommands::Slow},
      {"full", "", 0, 0, &FaultCommands::Full},
      {"fail", "", 0, 0, &FaultCommands::Fail},
      {"kill-at", "MESSAGE [COUNT]", 1, 2, &FaultCommands::KillAt},
      {"pause-at", "MESSAGE [COUNT]", 1, 2, &FaultCommands::PauseAt},
      {"clear", "", 0, 0, &FaultCommands::Clear},
      {"list", "", 0, 0, &FaultCommands::List},
  };
  return *commands;
}

std::string FaultCommands::Run(std::string_view line) {
  const Words words = absl::StrSplit(std::string(line), ' ', absl::SkipEmpty());
  if (const absl::Status status = Dispatch(words); !status.ok()) {
    return absl::StrCat("error: ", std::string(status.message()), "\n");
  }
  std::string answer = "ok\n";
  for (const std::string& fault : fs_->InForce()) answer += fault + "\n";
  for (const std::string& fault : transport_->InForce([this](NodeId peer) { return NameOf(peer); }))
    answer += fault + "\n";
  return answer;
}

absl::Status FaultCommands::Dispatch(const Words& words) {
  const std::string name = words.empty() ? "" : words[0];
  std::string names;
  for (const Command& command : Commands()) {
    names += (names.empty() ? "" : ", ") + std::string(command.name);
    if (name != command.name) continue;
    const size_t given = words.size() - 1;
    if (given < command.words_min || given > command.words_max) {
      return absl::InvalidArgumentError(absl::StrCat("write: ", name, " ", command.arguments));
    }
    return (this->*command.run)(Words(words.begin() + 1, words.end()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no fault is called \"", name, "\"; there are ", names));
}

// --- Commands ---

absl::Status FaultCommands::Delay(const Words& words) {
  const auto peers = Peers(words[0]);
  if (!peers.ok()) return peers.status();
  const auto delay_us = Milliseconds(words[1]);
  if (!delay_us.ok()) return delay_us.status();
  for (const NodeId peer : *peers) transport_->Delay(peer, *delay_us);
  return absl::OkStatus();
}

absl::Status FaultCommands::Drop(const Words& words) {
  const auto peers = Peers(words[0]);
  if (!peers.ok()) return peers.status();
  for (const NodeId peer : *peers) transport_->Drop(peer);
  return absl::OkStatus();
}

absl::Status FaultCommands::Stall(const Words& words) {
  if (words.empty()) {
    fs_->Stall(FaultyFileSystem::kForever);
    return absl::OkStatus();
  }
  const auto for_us = Milliseconds(words[0]);
  if (for_us.ok()) fs_->Stall(*for_us);
  return for_us.status();
}

absl::Status FaultCommands::Slow(const Words& words) {
  const auto more_us = Milliseconds(words[0]);
  if (more_us.ok()) fs_->Slow(*more_us);
  return more_us.status();
}

absl::Status FaultCommands::Full(const Words&) {
  fs_->Fill();
  return absl::OkStatus();
}

absl::Status FaultCommands::Fail(const Words&) {
  fs_->FailSync();
  return absl::OkStatus();
}

absl::Status FaultCommands::StopAt(const Words& words, StopAction action) {
  StopOrder order{words[0], 1, action};
  const auto& kinds = MessageKinds();
  if (std::find(kinds.begin(), kinds.end(), order.kind) == kinds.end()) {
    return absl::InvalidArgumentError(absl::StrCat("no message is called \"", order.kind,
                                                   "\"; there are ", absl::StrJoin(kinds, ", ")));
  }
  if (words.size() > 1) {
    const auto count = Number(words[1], 1, kCountMax);
    if (!count.ok()) return count.status();
    order.count = *count;
  }
  transport_->StopAt(std::move(order));
  return absl::OkStatus();
}

absl::Status FaultCommands::Clear(const Words&) {
  fs_->Clear();
  transport_->Clear();
  return absl::OkStatus();
}

// --- Peers ---

absl::StatusOr<std::vector<NodeId>> FaultCommands::Peers(const std::string& name) const {
  const std::vector<MemberInfo> members = peers_();
  std::vector<NodeId> found;
  std::string names;
  for (const MemberInfo& member : members) {
    names += (names.empty() ? "" : ", ") + member.name;
    if (name == kAllPeers || name == member.name) found.push_back(member.node);
  }
  if (!found.empty()) return found;
  return absl::InvalidArgumentError(
      absl::StrCat("no peer is called \"", name, "\"; ",
                   names.empty() ? "there are none yet" : "there are " + names));
}

std::string FaultCommands::NameOf(NodeId peer) const {
  for (const MemberInfo& member : peers_()) {
    if (member.node == peer) return member.name;
  }
  return absl::StrCat("node ", peer.value);
}

}  // namespace baton::server
