// Runs the scenarios of tests/scenarios/consensus: text files of commands, each followed by the
// whole transcript expected of it.
//
//   # comment
//   tick 1
//   ----
//     1: Send 1->2 Canvass 1.1 last=0@0.0
//
// A block is one or more command lines, "----", the transcript, and an empty line. Every file ends
// with `progress`. BATON_REWRITE=1 writes what happened into the files: read the difference before
// committing it. Commands:
//
// Set-up, before the first other command:
//
//   cluster voters=3 [learners=1] [witnesses=1] [message_bytes=N] [cache_bytes=N]
//           [inflight_bytes=N] [uncommitted_bytes=N] [snapshot_bytes=N] [learner_lag=N]
//           [lease_reads=0]
//
//   disk NODE [log=BALLOT*COUNT,...] [promised=BALLOT] [applied=SLOT] [lease_ms=N]
//
// Time: to NODE's next deadline, and tick it; or true time alone; or let it run, with everything on
// time and no transcript.
//
//   tick NODE | advance MS | run MS
//
// Messages: oldest first, without arguments until the network is empty.
//
//   deliver [A->B [COUNT]] | deliver-last A->B | drop A->B | repeat A->B | cut A B | cut A->B |
//   heal
//
// Disks: the oldest Persist, ReadLog or ProveWrite is done.
//
//   write NODE [COUNT] | read-disk NODE | prove NODE | flush NODE | truncate NODE SLOT
//
// Snapshots: the oldest arrives, or fails, or its sender gives it up and it may arrive yet.
//
//   snapshot | fail-snapshot | give-up-snapshot
//
// All of these until nothing is under way; `elect` ticks NODE first, without a transcript.
//
//   settle | elect NODE
//
// Nodes and their clients:
//
//   crash NODE [landed=COUNT] | restart NODE | stop NODE
//
//   propose NODE TEXT | read NODE ID | lease NODE | fresh NODE
//
// Handovers: the leader NODE seals its reign for node TO, under a number; and gives that up.
//
//   seal NODE TO NUMBER | give-up NODE
//
//   measure NODE [barred=1] [recovering=1] [disk=CLASS] [region=N] [priority=N] [state=BYTES]
//           [log=BYTES]
//
// Members, as the leader NODE is asked for them; L: learner, W: witness. A node that joins has an
// empty disk and knows the members that the leader knows; one that is wiped has none.
//
//   change NODE 1,2,3,4L | join NODE | wipe NODE
//
//   status
//
// End all faults; a new proposal must be applied everywhere:
//
//   progress
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/consensus/cluster.h"
#include "tests/consensus/text.h"

namespace baton::consensus {
namespace {

std::vector<std::string> Split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

Ballot ParseBallot(const std::string& text) {
  const std::vector<std::string> parts = Split(text, '.');
  return Ballot{std::stoull(parts.at(0)), NodeId{static_cast<uint32_t>(std::stoul(parts.at(1)))}};
}

NodeId ParseNode(const std::string& text) {
  return NodeId{static_cast<uint32_t>(std::stoul(text))};
}

// "1.1*2,3.2" → two entries born in 1.1 and one in 3.2. Each born begins with its Reign.
std::map<Slot, Entry> ParseLog(const std::string& text) {
  std::map<Slot, Entry> log;
  Slot slot;
  Ballot before;
  for (const std::string& run : Split(text, ',')) {
    const std::vector<std::string> parts = Split(run, '*');
    const Ballot born = ParseBallot(parts.at(0));
    const uint64_t count = parts.size() > 1 ? std::stoull(parts[1]) : 1;
    for (uint64_t i = 0; i < count; ++i) {
      slot = slot.Next();
      const EntryId id{born, slot};
      log.emplace(slot, i == 0 ? MakeEntry(id, "reign " + ToString(born),
                                           Reign{.ballot = born, .predecessor = before})
                               : MakeEntry(id, "old " + ToString(id)));
    }
    before = born;
  }
  return log;
}

// Words and name=value pairs of one command line.
struct Command {
  explicit Command(const std::string& line) {
    for (const std::string& word : Split(line, ' ')) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos) {
        words.push_back(word);
      } else {
        named[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }
  uint64_t Number(const std::string& name, uint64_t otherwise) const {
    const auto found = named.find(name);
    return found == named.end() ? otherwise : std::stoull(found->second);
  }
  NodeId Node(size_t index) const { return ParseNode(words.at(index)); }
  std::pair<NodeId, NodeId> Link(size_t index) const {
    const std::string& text = words.at(index);
    const size_t arrow = text.find("->");
    return {ParseNode(text.substr(0, arrow)), ParseNode(text.substr(arrow + 2))};
  }

  std::vector<std::string> words;
  std::map<std::string, std::string> named;
};

class Scenario {
 public:
  std::string Run(const std::vector<std::string>& lines) {
    out_.clear();
    for (const std::string& line : lines) {
      const Command command(line);
      const std::string& name = command.words.at(0);
      if (name == "cluster" || name == "disk") {
        setup_.push_back(command);
      } else {
        if (!cluster_) Start();
        Do(name, command);
      }
    }
    if (out_.empty()) out_ = "ok\n";
    return out_;
  }
  std::string broken() const { return cluster_ ? cluster_->broken() : "nothing ran"; }
  bool made_progress() const { return made_progress_; }

 private:
  void Start() {
    Config config;
    std::vector<Member> members;
    std::map<NodeId, Command> disks;
    for (const Command& command : setup_) {
      if (command.words[0] == "disk") {
        disks.emplace(command.Node(1), command);
        continue;
      }
      for (uint64_t i = 0; i < command.Number("voters", 3); ++i) Add(&members, Role::kVoter);
      for (uint64_t i = 0; i < command.Number("learners", 0); ++i) Add(&members, Role::kLearner);
      for (uint64_t i = 0; i < command.Number("witnesses", 0); ++i) Add(&members, Role::kWitness);
      config.message_bytes_max = command.Number("message_bytes", config.message_bytes_max);
      config.log_cache_bytes_max = command.Number("cache_bytes", config.log_cache_bytes_max);
      config.inflight_bytes_max = command.Number("inflight_bytes", config.inflight_bytes_max);
      config.uncommitted_bytes_max =
          command.Number("uncommitted_bytes", config.uncommitted_bytes_max);
      config.snapshot_bytes_min = command.Number("snapshot_bytes", config.snapshot_bytes_min);
      config.learner_lag_max = command.Number("learner_lag", config.learner_lag_max);
      config.lease_reads = command.Number("lease_reads", 1) != 0;
    }
    cluster_ = std::make_unique<Cluster>(members, config, [&](SimNode* node) {
      const auto found = disks.find(node->config.self);
      if (found == disks.end()) return;
      const Command& disk = found->second;
      if (disk.named.contains("log")) node->disk.log = ParseLog(disk.named.at("log"));
      if (!node->disk.log.empty())
        node->disk.hard.promised = node->disk.log.rbegin()->second.id.born;
      if (disk.named.contains("promised")) {
        node->disk.hard.promised = ParseBallot(disk.named.at("promised"));
      }
      node->disk.flushed = Slot{disk.Number("applied", 0)};
      node->disk.hard.longest_lease_us = static_cast<int64_t>(disk.Number("lease_ms", 0)) * 1000;
    });
    SetVerbose(true);
  }
  static void Add(std::vector<Member>* members, Role role) {
    members->push_back(Member{NodeId{static_cast<uint32_t>(members->size() + 1)}, role, ""});
  }

  void SetVerbose(bool verbose) {
    cluster_->set_trace(verbose ? [this](const std::string& line) { Say(line); }
                                : Cluster::Trace());
  }
  void Say(const std::string& line) { out_ += line + "\n"; }

  void Do(const std::string& name, const Command& command) {
    if (DoToNetwork(name, command) || DoToNode(name, command)) return;
    if (name == "settle") {
      cluster_->Settle();
    } else if (name == "snapshot" || name == "fail-snapshot" || name == "give-up-snapshot") {
      DoToSnapshot(name);
    } else if (name == "advance") {
      cluster_->Advance(std::stoll(command.words.at(1)) * 1000);
    } else if (name == "elect") {
      SetVerbose(false);
      TickAtDeadline(command.Node(1));
      cluster_->Settle();
      SetVerbose(true);
      SayStatus(command.Node(1));
    } else if (name == "run") {
      SetVerbose(false);
      RunFor(std::stoll(command.words.at(1)) * 1000);
      SetVerbose(true);
      for (NodeId node : cluster_->Ids()) SayStatus(node);
    } else if (name == "status") {
      for (NodeId node : cluster_->Ids()) SayStatus(node);
    } else if (name == "progress") {
      SetVerbose(false);
      const Slot slot = cluster_->Progress(/*within_us=*/10'000'000);
      made_progress_ = slot != Slot{};
      Say(made_progress_ ? "slot " + ToString(slot) + " is applied everywhere" : "no progress");
    } else {
      Say("unknown command: " + name);
    }
  }

  void DoToSnapshot(const std::string& name) {
    if (cluster_->snapshots().empty()) return Say("no snapshot");
    if (name == "snapshot") {
      cluster_->DeliverSnapshot(0);
    } else if (name == "fail-snapshot") {
      cluster_->FailSnapshot(0);
    } else {
      cluster_->GiveUpSnapshot(0);
    }
  }

  bool DoToNetwork(const std::string& name, const Command& command) {
    if (name == "deliver" && command.words.size() == 1) {
      while (!cluster_->network().empty()) cluster_->Deliver(0);
    } else if (name == "deliver") {
      const uint64_t count = command.words.size() > 2 ? std::stoull(command.words[2]) : 1;
      for (uint64_t i = 0; i < count; ++i) {
        if (const auto at = Find(command.Link(1), false)) cluster_->Deliver(*at);
      }
    } else if (name == "deliver-last") {
      if (const auto at = Find(command.Link(1), true)) cluster_->Deliver(*at);
    } else if (name == "drop") {
      if (const auto at = Find(command.Link(1), false)) cluster_->Drop(*at);
    } else if (name == "repeat") {
      if (const auto at = Find(command.Link(1), false)) cluster_->Duplicate(*at);
    } else if (name == "cut" && command.words.size() == 2) {
      cluster_->Cut(command.Link(1).first, command.Link(1).second);
    } else if (name == "cut") {
      cluster_->Cut(command.Node(1), command.Node(2));
      cluster_->Cut(command.Node(2), command.Node(1));
    } else if (name == "heal") {
      cluster_->Heal();
    } else {
      return false;
    }
    return true;
  }

  bool DoToNode(const std::string& name, const Command& command) {
    static const std::map<std::string, void (Scenario::*)(NodeId, const Command&)> kCommands = {
        {"tick", &Scenario::OnTick},         {"write", &Scenario::OnWrite},
        {"read-disk", &Scenario::OnDisk},    {"crash", &Scenario::OnCrash},
        {"restart", &Scenario::OnRestart},   {"stop", &Scenario::OnStop},
        {"propose", &Scenario::OnPropose},   {"seal", &Scenario::OnSeal},
        {"give-up", &Scenario::OnGiveUp},    {"read", &Scenario::OnRead},
        {"lease", &Scenario::OnLease},       {"flush", &Scenario::OnFlush},
        {"truncate", &Scenario::OnTruncate}, {"prove", &Scenario::OnProve},
        {"fresh", &Scenario::OnFresh},       {"measure", &Scenario::OnMeasure},
        {"change", &Scenario::OnChange},     {"join", &Scenario::OnJoin},
        {"wipe", &Scenario::OnWipe}};
    const auto found = kCommands.find(name);
    if (found == kCommands.end()) return false;
    (this->*found->second)(command.Node(1), command);
    return true;
  }

  void OnTick(NodeId node, const Command&) { TickAtDeadline(node); }
  void OnWrite(NodeId node, const Command& command) {
    const uint64_t count = command.words.size() > 2 ? std::stoull(command.words[2]) : 1;
    for (uint64_t i = 0; i < count; ++i) {
      if (!cluster_->CompleteWrite(node)) Say("nothing to write");
    }
  }
  void OnDisk(NodeId node, const Command&) {
    if (!cluster_->CompleteRead(node)) Say("nothing to read");
  }
  void OnCrash(NodeId node, const Command& command) {
    cluster_->Crash(node, command.Number("landed", 0));
  }
  void OnRestart(NodeId node, const Command&) {
    cluster_->Restart(node);
    SayStatus(node);
  }
  void OnStop(NodeId node, const Command&) { cluster_->Stop(node); }
  void OnPropose(NodeId node, const Command& command) {
    if (!cluster_->Propose(node, command.words.at(2))) Say("may not propose");
  }
  void OnSeal(NodeId node, const Command& command) {
    const Seal seal{std::stoull(command.words.at(3)), command.Node(2)};
    if (!cluster_->Propose(node, "seal", seal)) Say("may not propose");
  }
  void OnGiveUp(NodeId node, const Command&) { cluster_->GiveUpHandover(node); }
  void OnRead(NodeId node, const Command& command) {
    cluster_->Read(node, std::stoull(command.words.at(2)));
  }
  void OnLease(NodeId node, const Command&) {
    Say(cluster_->LeaseRuns(node)
            ? "the lease runs: read at " + ToString(cluster_->replica(node).commit())
            : "no lease");
  }
  void OnFlush(NodeId node, const Command&) { cluster_->Flush(node); }
  void OnTruncate(NodeId node, const Command& command) {
    cluster_->Truncate(node, Slot{std::stoull(command.words.at(2))});
  }

  void OnProve(NodeId node, const Command&) {
    if (!cluster_->CompleteProbe(node)) Say("nothing to prove, or writes come first");
  }
  void OnFresh(NodeId node, const Command&) {
    const SimNode& state = cluster_->nodes().at(node);
    const int64_t as_of_us = state.replica->FreshAsOfUs(state.applied);
    Say(as_of_us == 0 ? "not known to be fresh"
                      : "has all that was committed " +
                            std::to_string((cluster_->now_us() - as_of_us) / 1000) + " ms ago");
  }
  void OnMeasure(NodeId node, const Command& command) {
    Measured measured;
    measured.health.barred = command.Number("barred", 0) != 0;
    measured.health.recovering = command.Number("recovering", 0) != 0;
    measured.health.disk = static_cast<DiskClass>(command.Number("disk", 0));
    measured.health.region = static_cast<uint8_t>(command.Number("region", 0));
    measured.health.priority = static_cast<uint8_t>(command.Number("priority", 0));
    measured.state_bytes = command.Number("state", 0);
    measured.log_bytes = command.Number("log", 0);
    cluster_->Measure(node, measured);
  }
  void OnChange(NodeId node, const Command& command) {
    std::vector<Member> members;
    for (const std::string& word : Split(command.words.at(2), ',')) {
      const Role role = word.back() == 'L'   ? Role::kLearner
                        : word.back() == 'W' ? Role::kWitness
                                             : Role::kVoter;
      members.push_back(Member{ParseNode(word), role, ""});
    }
    cluster_->ChangeMembers(node, members);
  }
  void OnJoin(NodeId node, const Command&) {
    const auto leader = cluster_->OpenLeader();
    if (!leader) return Say("no leader");
    cluster_->Join(node, cluster_->replica(*leader).configurations().all().front().membership);
    SayStatus(node);
  }
  void OnWipe(NodeId node, const Command&) { cluster_->Wipe(node); }

  std::optional<size_t> Find(std::pair<NodeId, NodeId> link, bool last) {
    std::optional<size_t> found;
    for (size_t i = 0; i < cluster_->network().size() && (last || !found); ++i) {
      const Message& message = cluster_->network()[i];
      if (message.from == link.first && message.to == link.second) found = i;
    }
    if (!found) Say("nothing on that link");
    return found;
  }

  void TickAtDeadline(NodeId node) {
    const int64_t at_us = cluster_->DeadlineUs(node);
    if (at_us == std::numeric_limits<int64_t>::max()) return Say("no deadline");
    cluster_->Advance(at_us - cluster_->now_us());
    cluster_->Tick(node);
  }

  void RunFor(int64_t us) {
    const int64_t until_us = cluster_->now_us() + us;
    while (cluster_->broken().empty()) {
      cluster_->Settle();
      NodeId next;
      int64_t at_us = until_us;
      for (NodeId node : cluster_->Ids()) {
        if (cluster_->DeadlineUs(node) >= at_us) continue;
        next = node;
        at_us = cluster_->DeadlineUs(node);
      }
      cluster_->Advance(at_us - cluster_->now_us());
      if (next == NodeId{}) return;
      cluster_->Tick(next);
    }
  }

  void SayStatus(NodeId node) {
    const std::string prefix = ToText(node) + ": ";
    if (!cluster_->Up(node)) return Say(prefix + "down");
    const Replica& replica = cluster_->replica(node);
    static const char* const kStanding[] = {"follower", "candidate", "leader"};
    const auto leader = replica.leader();
    Say(prefix + kStanding[static_cast<int>(replica.standing())] +
        (replica.reign_open() ? " open" : "") + " promised=" + ToString(replica.promised()) +
        " leader=" + (leader ? ToText(*leader) : "none") + " log=" + LogText(replica.log()) +
        " durable=" + ToString(replica.durable()) + " commit=" + ToString(replica.commit()) +
        (replica.membership().epoch == Epoch{1} ? ""
                                                : " " + consensus::ToText(replica.membership())));
  }
  static std::string ToText(NodeId node) { return std::to_string(node.value); }
  static std::string LogText(const LogWindow& log) {
    std::string text;
    Slot first = log.base().slot.Next();
    for (Slot slot = first; slot <= log.last().slot; slot = slot.Next()) {
      const Ballot born = log.IdAt(slot).born;
      if (slot < log.last().slot && log.IdAt(slot.Next()).born == born) continue;
      text += (text.empty() ? "" : ",") + ToString(born) + "*" +
              std::to_string(slot.value - first.value + 1);
      first = slot.Next();
    }
    return (log.base().slot == Slot{} ? "" : "(" + ToString(log.base()) + ")") + "[" + text + "]";
  }

  std::vector<Command> setup_;
  std::unique_ptr<Cluster> cluster_;
  std::string out_;
  bool made_progress_ = false;
};

std::filesystem::path ScenarioFolder() {
  return std::filesystem::path(BATON_SOURCE_DIR) / "tests/scenarios/consensus";
}

std::vector<std::string> ScenarioNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(ScenarioFolder())) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class ScenarioTest : public testing::TestWithParam<std::string> {};

TEST_P(ScenarioTest, GivesTheTranscript) {
  const std::filesystem::path path = ScenarioFolder() / (GetParam() + ".txt");
  std::ifstream file(path);
  ASSERT_TRUE(file.good()) << path;

  Scenario scenario;
  std::string rewritten, command_text, expected, last_command;
  std::vector<std::string> commands;
  bool in_output = false;
  const auto finish_block = [&] {
    if (commands.empty()) return;
    const std::string actual = scenario.Run(commands);
    EXPECT_EQ(actual, expected) << "after\n" << command_text;
    rewritten += command_text + "----\n" + actual;
    last_command = commands.back();
    commands.clear();
    command_text.clear();
    expected.clear();
    in_output = false;
  };
  const bool rewrite = std::getenv("BATON_REWRITE") != nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      finish_block();
      rewritten += command_text + "\n";
      command_text.clear();
    } else if (in_output) {
      expected += line + "\n";
    } else if (line == "----") {
      in_output = true;
    } else {
      command_text += line + "\n";
      if (line[0] != '#') commands.push_back(line);
    }
  }
  finish_block();
  EXPECT_EQ(scenario.broken(), "");
  EXPECT_EQ(last_command, "progress");
  EXPECT_TRUE(scenario.made_progress());
  if (rewrite) std::ofstream(path) << rewritten;
}

INSTANTIATE_TEST_SUITE_P(Consensus, ScenarioTest, testing::ValuesIn(ScenarioNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace baton::consensus
