// The ledger of losses between real processes: a leader dies with writes that it alone had
// acknowledged. Afterwards each of them is readable or listed, none is both, and none twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"
#include "tests/integration/key_writer.h"

namespace baton::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kWrites = 200;
constexpr uint64_t kBudgetOps = 60;  // used up well within a lease

class LossTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster_.AwaitWritable());
    KeyspaceSettings settings;
    settings.mode = KeyspaceMode::kAsync;
    settings.on_budget = OnBudget::kFail;
    settings.max_unreplicated_ops = kBudgetOps;
    const auto made = cluster_.admin().CreateKeyspace("fast", settings, "a test", Patient());
    ASSERT_TRUE(made.ok()) << made.status();
    leader_ = cluster_.AwaitLeader();
    ASSERT_GE(leader_, 0);
  }
  static CallOptions Patient() {
    CallOptions options;
    options.timeout = kPatience;
    return options;
  }
  static ClusterOptions WithFaults() {
    ClusterOptions options;
    options.flags = {"--fault-injection"};
    return options;
  }
  // Writes until the budget is used up: what was acknowledged, key by key, with its revision.
  void WriteUntilRefused() {
    CallOptions fast;
    fast.keyspace = "fast";
    fast.timeout = milliseconds(200);
    for (int i = 0; i < kWrites; ++i) {
      const std::string key = "k" + std::to_string(i);
      const auto put = cluster_.client().Put(key, "lost?", fast);
      if (!put.ok()) break;
      acknowledged_[key] = put->revision;
    }
  }
  std::map<std::string, std::string> LinesOf(std::vector<std::string> arguments) {
    return LinesByKey(std::move(arguments), cluster_.endpoints());
  }
  CommandResult Loss(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {BATON_PATH, "loss"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.insert(argv.end(), {"--endpoints", cluster_.endpoints()});
    return RunCommand(argv);
  }
  std::map<std::string, uint64_t> Listed() {
    std::map<std::string, uint64_t> listed;
    const CommandResult result = Loss({"export", "--keyspace", "fast"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      const auto loss = json::parse(line);
      EXPECT_EQ(loss["acknowledged"], "unknown");
      EXPECT_EQ(loss["value"], "lost?");
      EXPECT_TRUE(listed.emplace(loss["key"], loss["revision"]).second) << line << " twice";
    }
    return listed;
  }
  bool Readable(const std::string& key) {
    CallOptions options = Patient();
    options.keyspace = "fast";
    const auto got = cluster_.client().Get(key, options);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() && got->record.has_value();
  }

  Cluster cluster_{WithFaults()};
  int leader_ = -1;
  std::map<std::string, uint64_t> acknowledged_;
};

TEST_F(LossTest, EachAcknowledgedWriteIsReadableOrListed) {
  cluster_.Fault(leader_, "drop all");  // its peers hear of nothing
  WriteUntilRefused();
  cluster_.Kill(leader_);
  ASSERT_EQ(acknowledged_.size(), kBudgetOps) << "its tail is not full";
  ASSERT_GE(cluster_.AwaitLeader(leader_), 0);
  ASSERT_TRUE(cluster_.AwaitWritable());
  EXPECT_TRUE(Listed().empty()) << "nobody knows before the node is back";
  cluster_.Start(leader_);
  ASSERT_TRUE(cluster_.AwaitHealthy());

  std::map<std::string, uint64_t> missing;
  for (const auto& [key, revision] : acknowledged_) {
    if (!Readable(key)) missing[key] = revision;
  }
  EXPECT_EQ(missing, acknowledged_);
  const auto all_listed = [&] {
    const std::map<std::string, uint64_t> listed = Listed();
    return std::includes(listed.begin(), listed.end(), missing.begin(), missing.end());
  };
  EXPECT_TRUE(Eventually(all_listed));
  for (const auto& [key, revision] : Listed()) {
    EXPECT_FALSE(Readable(key)) << key << " is both";
    // One more may be listed: that whose answer never came.
    EXPECT_TRUE(missing.contains(key) || !acknowledged_.contains(key)) << key;
  }

  const json bounds = json::parse(Loss({"bounds", "-o", "json"}).out)["bounds"];
  ASSERT_FALSE(bounds.empty());
  EXPECT_EQ(bounds[0]["keyspace"], "fast");
  EXPECT_EQ(bounds[0]["ops_max"], kBudgetOps);
  EXPECT_GE(bounds[0]["listed"], missing.size());

  const std::string changed = missing.begin()->first;
  CallOptions options = Patient();
  options.keyspace = "fast";
  ASSERT_TRUE(cluster_.client().Put(changed, "newer", options).ok());
  EXPECT_EQ(Loss({"replay"}).exit_code, 2) << "must say --if-unchanged";
  const CommandResult replay = Loss({"replay", "--if-unchanged"});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_NE(replay.out.find("1 changed since"), std::string::npos) << replay.out;
  for (const auto& [key, revision] : missing) EXPECT_TRUE(Readable(key)) << key;
  EXPECT_EQ(cluster_.client().Get(changed, options)->record->value, "newer");
}

// The SDK sends again what nobody has answered: what took effect that way is not lost.
TEST_F(LossTest, UnderLoadThroughCutsAndKillsNoneIsMissingAndNoneIsBoth) {
  constexpr int kLosses = 3;
  constexpr uint64_t kBudget = 100;
  KeyspaceSettings settings;
  settings.mode = KeyspaceMode::kAsync;
  settings.max_unreplicated_ops = kBudget;
  ASSERT_TRUE(cluster_.admin().CreateKeyspace("waits", settings, "a test", Patient()).ok());
  KeyWriter async(&cluster_.client(), "waits", "w", 64);
  KeyWriter sync(&cluster_.client(), "default", "w", 16);
  for (int i = 0; i < kLosses; ++i) {
    const int leader = cluster_.AwaitLeader();
    ASSERT_GE(leader, 0);
    cluster_.Fault(leader, "drop all");  // it writes on, and nobody hears of it
    std::this_thread::sleep_for(milliseconds(100));
    cluster_.Kill(leader);
    ASSERT_GE(cluster_.AwaitLeader(leader), 0);
    cluster_.Start(leader);
    ASSERT_TRUE(cluster_.AwaitHealthy());
  }
  async.End();
  sync.End();

  const auto in_sync = LinesOf({"export", "--keyspace", "default"});
  for (const auto& [key, ack] : sync.acknowledged()) {
    EXPECT_TRUE(in_sync.contains(key)) << key << " is lost, and had a quorum";
  }
  const auto present = LinesOf({"export", "--keyspace", "waits"});
  std::set<std::string> missing;
  for (const auto& [key, ack] : async.acknowledged()) {
    if (!present.contains(key)) missing.insert(key);
  }
  EXPECT_GT(missing.size(), 0u) << "nothing was put to the test";
  EXPECT_LE(missing.size(), kLosses * kBudget);
  std::map<std::string, std::string> listed;
  EXPECT_TRUE(Eventually([&] {
    listed = LinesOf({"loss", "export", "--keyspace", "waits"});
    return std::all_of(missing.begin(), missing.end(),
                       [&](const std::string& key) { return listed.contains(key); });
  })) << missing.size()
      << " are missing";
  for (const auto& [key, line] : listed) {
    const auto found = present.find(key);
    EXPECT_TRUE(found == present.end()) << line << " and " << found->second;
  }
}

TEST_F(LossTest, ToBecomeSyncTakesUntilTheTailIsChosenAndSaysSo) {
  cluster_.Fault(leader_, "delay all 300");
  WriteUntilRefused();
  ASSERT_GT(acknowledged_.size(), 20u);
  const CommandResult altered =
      RunCommand({BATON_PATH, "keyspace", "alter", "fast", "--mode", "sync", "--timeout", "60s",
                  "--endpoints", cluster_.endpoints()});
  EXPECT_EQ(altered.exit_code, 0) << altered.err;
  EXPECT_NE(altered.err.find("waiting for a quorum to have"), std::string::npos) << altered.err;
  // Nothing that was acknowledged before is lost with the leader now.
  cluster_.Kill(leader_);
  ASSERT_GE(cluster_.AwaitLeader(leader_), 0);
  for (const auto& [key, revision] : acknowledged_) EXPECT_TRUE(Readable(key)) << key;
  CallOptions options = Patient();
  options.keyspace = "fast";
  const auto put = cluster_.client().Put("after", "v", options);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->durability, Durability::kQuorum);
}

}  // namespace
}  // namespace baton::testing
