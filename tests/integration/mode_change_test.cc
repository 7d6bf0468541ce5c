// A keyspace is altered to async and back under load, again and again, while its leader is slow or
// is killed. Each acknowledgement says what the mode of its moment gives, and to become sync is
// done once nothing that was acknowledged before can be lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"
#include "tests/integration/key_writer.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using Clock = KeyWriter::Clock;

constexpr char kName[] = "swings";
constexpr uint64_t kBudgetOps = 500;
constexpr uint64_t kAcksAPhase = 300;
constexpr int kUnavailable = 4;  // exit code

enum class Blow {
  kNone,
  kSlow,             // the followers have the tail late
  kKilledMeanwhile,  // the leader, while the keyspace is to become sync
  kKilledAfter,      // as soon as it has
};

CallOptions Patient() {
  CallOptions options;
  options.timeout = kPatience;
  return options;
}

ClusterOptions WithFaults() {
  ClusterOptions options;
  options.flags = {"--fault-injection"};
  return options;
}

class ModeChangeTest : public ::testing::Test {
 protected:
  // When the keyspace was surely sync.
  struct Sync {
    Clock::time_point from, to;
  };

  void SetUp() override {
    KeyspaceSettings settings;
    settings.max_unreplicated_ops = kBudgetOps;
    ASSERT_TRUE(cluster_.admin().CreateKeyspace(kName, settings, "a test", Patient()).ok());
    sync_.push_back({Clock::now(), Clock::time_point::max()});
  }

  void Await(const KeyWriter& writer, Durability durability) {
    const uint64_t before = writer.Count(durability);
    ASSERT_TRUE(Eventually([&] { return writer.Count(durability) >= before + kAcksAPhase; }))
        << "no acknowledgements that say " << DurabilityName(durability);
  }
  void ToAsync() {
    sync_.back().to = Clock::now();
    KeyspaceSettings settings;
    settings.mode = KeyspaceMode::kAsync;
    const auto altered = cluster_.admin().AlterKeyspace(kName, settings, "a test", Patient());
    ASSERT_TRUE(altered.ok()) << altered.status();
  }
  // As an operator does it: a command that no leader has answered is given again.
  CommandResult ToSync() {
    CommandResult result;
    Eventually([&] {
      result = RunCommand({BATON_PATH, "keyspace", "alter", kName, "--mode", "sync", "--timeout",
                           "60s", "--endpoints", cluster_.endpoints()});
      return result.exit_code != kUnavailable;
    });
    sync_.push_back({Clock::now(), Clock::time_point::max()});
    return result;
  }
  void Kill(int node) {
    cluster_.Kill(node);
    kills_.push_back(Clock::now());
  }

  void BecomeSync(Blow blow) {
    const int leader = cluster_.AwaitLeader();
    ASSERT_GE(leader, 0);
    if (blow != Blow::kNone) cluster_.Fault(leader, "delay all 300");
    auto told = std::async(std::launch::async, [this] { return ToSync(); });
    if (blow == Blow::kKilledMeanwhile) {
      std::this_thread::sleep_for(milliseconds(100));
      Kill(leader);
    }
    const CommandResult altered = told.get();
    if (blow == Blow::kKilledAfter) Kill(leader);
    ASSERT_EQ(altered.exit_code, 0) << altered.err;
    if (blow == Blow::kSlow) {
      EXPECT_NE(altered.err.find("waiting for a quorum to have"), std::string::npos)
          << "does not say how far it is: " << altered.err;
      cluster_.Fault(leader, "clear");
    }
    cluster_.Start(leader);
  }

  // Whether what was told then may have been lost with a leader since: the keyspace was not sync
  // between the two.
  bool MayBeLost(const KeyWriter::Ack& ack) const {
    return std::any_of(kills_.begin(), kills_.end(), [&](Clock::time_point kill) {
      return ack.begun <= kill && std::none_of(sync_.begin(), sync_.end(), [&](const Sync& sync) {
               return ack.told <= sync.from && sync.from <= kill;
             });
    });
  }
  // The modes as the log has them: from this revision on.
  std::map<uint64_t, KeyspaceMode> Modes() {
    std::map<uint64_t, KeyspaceMode> modes;
    for (std::string after;;) {
      const auto page = cluster_.admin().ListKeyspaceChanges(after, 0, Patient());
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return modes;
      for (const KeyspaceChangeInfo& change : page->changes) {
        if (change.keyspace.name != kName) continue;
        modes[change.revision] = *change.keyspace.settings.mode;
      }
      if (page->next.empty()) return modes;
      after = page->next;
    }
  }
  void ExpectTheModeOfTheMoment(const KeyWriter& writer) {
    const std::map<uint64_t, KeyspaceMode> modes = Modes();
    for (const auto& [key, ack] : writer.acknowledged()) {
      if (ack.durability == Durability::kQuorum) continue;
      ASSERT_EQ(ack.durability, Durability::kLocal) << key;
      const auto after = modes.lower_bound(ack.revision);
      ASSERT_NE(after, modes.begin()) << key;
      EXPECT_EQ(std::prev(after)->second, KeyspaceMode::kAsync)
          << key << " at revision " << ack.revision << " was acknowledged LOCAL while sync";
      for (const Sync& sync : sync_) {
        EXPECT_FALSE(sync.from <= ack.begun && ack.told <= sync.to)
            << key << " was acknowledged LOCAL after the change to sync had returned";
      }
    }
  }
  void ExpectNothingMissing(const KeyWriter& writer) {
    const auto present = LinesByKey({"export", "--keyspace", kName}, cluster_.endpoints());
    std::set<std::string> missing;
    for (const auto& [key, ack] : writer.acknowledged()) {
      if (present.contains(key)) continue;
      missing.insert(key);
      EXPECT_EQ(ack.durability, Durability::kLocal) << key << " is lost, and had a quorum";
      EXPECT_TRUE(MayBeLost(ack)) << key << " is lost, and the keyspace had become sync";
    }
    EXPECT_GT(missing.size(), 0u) << "nothing was put to the test";
    EXPECT_LE(missing.size(), kBudgetOps * kills_.size());
    std::map<std::string, std::string> listed;
    EXPECT_TRUE(Eventually([&] {
      listed = LinesByKey({"loss", "export", "--keyspace", kName}, cluster_.endpoints());
      return std::all_of(missing.begin(), missing.end(),
                         [&](const std::string& key) { return listed.contains(key); });
    })) << missing.size()
        << " are missing";
    for (const auto& [key, line] : listed)
      EXPECT_FALSE(present.contains(key)) << line << " is both";
  }

  Cluster cluster_{WithFaults()};
  std::vector<Sync> sync_;
  std::vector<Clock::time_point> kills_;
};

TEST_F(ModeChangeTest, ToAsyncAndBackUnderLoadThroughKills) {
  KeyWriter swings(&cluster_.client(), kName, "s", 64);
  KeyWriter sync(&cluster_.client(), "default", "d", 16);
  for (const Blow blow : {Blow::kNone, Blow::kSlow, Blow::kKilledMeanwhile, Blow::kNone,
                          Blow::kKilledAfter, Blow::kNone}) {
    SCOPED_TRACE("with blow " + std::to_string(static_cast<int>(blow)));
    ASSERT_NO_FATAL_FAILURE(Await(swings, Durability::kQuorum));
    ASSERT_NO_FATAL_FAILURE(ToAsync());
    ASSERT_NO_FATAL_FAILURE(Await(swings, Durability::kLocal));
    ASSERT_NO_FATAL_FAILURE(BecomeSync(blow));
    ASSERT_NO_FATAL_FAILURE(Await(swings, Durability::kQuorum));
    ASSERT_TRUE(cluster_.AwaitHealthy());
  }
  swings.End();
  sync.End();
  ExpectTheModeOfTheMoment(swings);
  ExpectNothingMissing(swings);
  EXPECT_EQ(sync.Count(Durability::kLocal), 0u) << "another keyspace is async, not this one";
  const auto in_sync = LinesByKey({"export"}, cluster_.endpoints());
  for (const auto& [key, ack] : sync.acknowledged()) {
    EXPECT_TRUE(in_sync.contains(key)) << key << " is lost, and had a quorum";
  }
}

}  // namespace
}  // namespace baton::testing
