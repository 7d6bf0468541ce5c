// Reads that other nodes than the leader answer, between real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ClusterOptions WithFaults() {
  ClusterOptions options;
  options.flags = {"--fault-injection"};
  return options;
}

class ReadLevelsTest : public ::testing::Test {
 protected:
  WriteResult Put(const std::string& key, const std::string& value) {
    absl::StatusOr<WriteResult> put;
    EXPECT_TRUE(Eventually([&] {
      put = cluster_.client().Put(key, value, {.timeout = seconds(2)});
      return put.ok();
    }));
    return put.value_or(WriteResult{});
  }
  absl::StatusOr<GetResult> Get(const std::string& key, const ReadOptions& read,
                                milliseconds timeout = kPatience) {
    return cluster_.client().Get(key, {.timeout = timeout, .read = read});
  }
  std::string Value(const absl::StatusOr<GetResult>& read) {
    if (!read.ok()) return read.status().ToString();
    return read->record ? read->record->value : "(none)";
  }
  ReadOptions Linearizable(int node) { return {.node = cluster_.address(node)}; }
  ReadOptions Within(int node, milliseconds staleness) {
    return {.level = ReadLevel::kBoundedStaleness,
            .max_staleness = staleness,
            .node = cluster_.address(node)};
  }
  ReadOptions AtLeast(int node, const Position& position) {
    return {.level = ReadLevel::kAtLeast, .at_least = position, .node = cluster_.address(node)};
  }
  // Nothing that the others send reaches the node, or everything does.
  void Deafen(int deaf, bool cut) {
    for (int i = 0; i < cluster_.size(); ++i) {
      if (i != deaf) cluster_.Fault(i, cut ? "drop n" + std::to_string(deaf + 1) : "clear");
    }
  }

  Cluster cluster_{WithFaults()};
};

TEST_F(ReadLevelsTest, EveryNodeAnswersLinearizablyForItself) {
  for (int i = 0; i < 30; ++i) {
    const std::string value = std::to_string(i);
    const WriteResult put = Put("key", value);
    for (int node = 0; node < cluster_.size(); ++node) {
      const auto read = Get("key", Linearizable(node));
      ASSERT_EQ(Value(read), value) << "node " << node;
      EXPECT_GE(read->slot, put.slot);
    }
  }
}

TEST_F(ReadLevelsTest, EveryNodeHoldsWhatAnAnswerSaw) {
  for (int i = 0; i < 30; ++i) {
    const std::string value = std::to_string(i);
    Position position = Put("key", value).position();
    for (int node = 0; node < cluster_.size(); ++node) {
      const auto read = Get("key", AtLeast(node, position));
      ASSERT_EQ(Value(read), value) << "node " << node;
      position = read->position();
    }
  }
}

TEST_F(ReadLevelsTest, APositionOfAnotherReignIsLost) {
  const Position first = Put("key", "1").position();
  const int old_leader = cluster_.AwaitLeader();
  cluster_.Kill(old_leader);
  const Position second = Put("key", "2").position();
  cluster_.Start(old_leader);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  for (int node = 0; node < cluster_.size(); ++node) {
    EXPECT_EQ(Value(Get("key", AtLeast(node, first))), "2");
    const auto lost = Get("key", AtLeast(node, {.reign = first.reign, .slot = second.slot}));
    EXPECT_EQ(GetReason(lost.status()), Reason::kPositionLost) << Value(lost);
    EXPECT_TRUE(absl::IsFailedPrecondition(lost.status()));
  }
}

TEST_F(ReadLevelsTest, AFollowerThatHearsNobodyAnswersOnlyWhatMayBeOld) {
  Put("key", "old");
  ASSERT_TRUE(cluster_.AwaitHealthy());
  const int deaf = (cluster_.AwaitLeader() + 1) % cluster_.size();
  Deafen(deaf, true);
  const Position newest = Put("key", "new").position();
  ASSERT_TRUE(Eventually([&] {
    const auto status = cluster_.Status(deaf);
    return status && status->leader.empty();
  }));
  EXPECT_EQ(Value(Get("key", Within(deaf, std::chrono::hours(1)))), "old");
  // It is asked again until the call's time is up, which may pass before the first answer comes.
  std::string refusal;
  EXPECT_TRUE(Eventually([&] {
    refusal = Value(Get("key", Within(deaf, milliseconds(100)), seconds(1)));
    return refusal.find(" ms old") != std::string::npos;
  })) << refusal;
  EXPECT_FALSE(Get("key", Linearizable(deaf), seconds(1)).ok());
  // Who does not insist on that node is answered by another.
  for (const ReadFrom from : {ReadFrom::kAny, ReadFrom::kNearest}) {
    EXPECT_EQ(Value(Get("key", {.from = from})), "new");
    EXPECT_EQ(Value(Get("key", {.level = ReadLevel::kAtLeast, .at_least = newest, .from = from})),
              "new");
  }
  Deafen(deaf, false);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(Value(Get("key", Linearizable(deaf))), "new");
}

TEST_F(ReadLevelsTest, TheCommandLineAsksForLevels) {
  const Position position = Put("key", "value").position();
  const int follower = (cluster_.AwaitLeader() + 1) % cluster_.size();
  const std::string at_least = std::to_string(position.slot) + "@" + std::to_string(position.reign);
  const std::vector<std::vector<std::string>> commands = {
      {"get", "key", "--from", "any"},
      {"get", "key", "--at-least", at_least, "--from", cluster_.address(follower)},
      {"get", "key", "--stale-ms", "60000", "--at-least", at_least},
      {"scan", "--at-least", at_least, "--from", "nearest", "-o", "json"},
      {"get", "key", "--at-least", "12"},
  };
  const std::vector<int> codes = {0, 0, 2, 0, 2};
  for (size_t i = 0; i < commands.size(); ++i) {
    std::vector<std::string> arguments = {BATON_PATH, "--endpoints", cluster_.endpoints()};
    arguments.insert(arguments.end(), commands[i].begin(), commands[i].end());
    const CommandResult result = RunCommand(arguments);
    EXPECT_EQ(result.exit_code, codes[i]) << i << ": " << result.err;
    if (codes[i] == 0) {
      EXPECT_THAT(result.out, ::testing::HasSubstr("value")) << i;
    }
  }
}

}  // namespace
}  // namespace baton::testing
