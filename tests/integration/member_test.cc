// Members come, go and take each other's place while clients write: real processes, by the commands
// that an operator has.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"

namespace baton::testing {
namespace {

using nlohmann::json;

// Writes all the time; each write is given as long as an election may take.
class Writer {
 public:
  explicit Writer(Client* client) : thread_([this, client] { Run(client); }) {}
  ~Writer() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int written() const { return written_; }
  // Failures but those whose write may have taken effect: the client does not repeat these.
  std::string failure() const { return failure_; }

 private:
  void Run(Client* client) {
    CallOptions options;
    options.timeout = kPatience;
    while (!stop_) {
      const auto put = client->Put("w" + std::to_string(written_ % 500), "value", options);
      if (!put.ok() && !IsOutcomeUnknown(put.status())) {
        failure_ = put.status().ToString();
        return;
      }
      ++written_;
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> written_{0};
  std::string failure_;  // read after Stop
  std::thread thread_;
};

class MemberTest : public ::testing::Test {
 protected:
  CommandResult Baton(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), BATON_PATH);
    CommandOptions options;
    options.environment = {"BATON_ENDPOINTS=" + cluster_.endpoints(), "NO_COLOR=1", "USER=ann"};
    return RunCommand(arguments, options);
  }
  // Repeats it while leadership moves.
  CommandResult MustBaton(const std::vector<std::string>& arguments) {
    CommandResult result;
    Eventually([&] {
      result = Baton(arguments);
      return result.exit_code != 4;
    });
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result;
  }
  json List() {
    const CommandResult result = MustBaton({"member", "list", "-o", "json"});
    return json::parse(result.out, nullptr, false);
  }
  // Name and role of each, in the order of names.
  std::string Roles() {
    std::string text;
    const json members = List()["members"];
    for (const json& member : members) {
      text += (text.empty() ? "" : " ") + member["name"].get<std::string>() + ":" +
              member["role"].get<std::string>();
    }
    return text;
  }
  std::string At(int node) const {
    return "n" + std::to_string(node + 1) + "=" + cluster_.address(node);
  }
  // All of them have the same state.
  void ExpectSameState(const std::vector<int>& nodes) {
    const bool same = Eventually([&] {
      uint64_t slot = 0;
      for (const int node : nodes) {
        const auto status = cluster_.Status(node);
        if (!status) return false;
        slot = std::max(slot, status->commit_slot);
      }
      std::vector<DigestInfo> digests;
      for (const int node : nodes) {
        const auto digest = cluster_.admin().Digest(cluster_.address(node), slot);
        if (!digest.ok() || digest->applied_slot != slot) return false;
        digests.push_back(*digest);
      }
      for (const DigestInfo& digest : digests) {
        if (digest.digest != digests[0].digest || digest.count == 0) return false;
      }
      return true;
    });
    EXPECT_TRUE(same) << "the states of members differ";
  }
  bool AwaitUnformed(int node) {
    return Eventually([&] {
      const auto status = cluster_.Status(node);
      return status.has_value() && status->state == "unformed";
    });
  }

  Cluster cluster_{{.nodes = 3, .spares = 1}};
};

TEST_F(MemberTest, ANodeIsAddedAndOneIsRemovedWhileWritesGoOn) {
  std::optional<Writer> writer(std::in_place, &cluster_.client());
  cluster_.Start(3);
  ASSERT_TRUE(AwaitUnformed(3)) << cluster_.Log(3);
  MustBaton({"member", "add", At(3), "--reason", "more room"});
  EXPECT_EQ(Roles(), "n1:voter n2:voter n3:voter n4:voter");
  EXPECT_EQ(List()["members"][3]["node_id"], 17) << "15 and the epoch that added it";
  writer->Stop();  // states can be compared at one slot only while nothing moves
  EXPECT_EQ(writer->failure(), "");
  ExpectSameState({0, 1, 2, 3});
  writer.emplace(&cluster_.client());

  // The one that leads goes; nobody is asked to wait for it.
  const int leader = cluster_.AwaitLeader();
  MustBaton({"member", "remove", "n" + std::to_string(leader + 1)});
  const int next = cluster_.AwaitLeader(leader);
  ASSERT_GE(next, 0);
  EXPECT_EQ(List()["members"].size(), 3u);
  const int before = writer->written();
  EXPECT_TRUE(Eventually([&] { return writer->written() > before + 100; }));

  // A quorum of those that are left is enough, and the one that left is not needed.
  cluster_.Kill(leader);
  cluster_.Kill(next);
  EXPECT_TRUE(cluster_.AwaitWritable());
  cluster_.Start(next);
  writer->Stop();
  EXPECT_EQ(writer->failure(), "");
  std::vector<int> left = {0, 1, 2, 3};
  std::erase(left, leader);
  ExpectSameState(left);

  // It comes back, and disturbs nobody.
  const uint64_t round = cluster_.Status(cluster_.AwaitLeader())->ballot_round;
  cluster_.Start(leader);
  ASSERT_TRUE(Eventually([&] { return cluster_.Status(leader).has_value(); }));
  EXPECT_TRUE(cluster_.AwaitWritable());
  EXPECT_EQ(cluster_.Status(cluster_.AwaitLeader())->ballot_round, round);
}

TEST_F(MemberTest, AWipedNodeTakesItsOwnPlaceAgain) {
  const int wiped = (cluster_.AwaitLeader() + 1) % 3;
  const std::string name = "n" + std::to_string(wiped + 1);
  ASSERT_TRUE(cluster_.client().Put("key", "value").ok());
  cluster_.Kill(wiped);
  std::filesystem::remove_all(cluster_.DataDirectory(wiped));
  cluster_.Start(wiped);
  ASSERT_TRUE(AwaitUnformed(wiped)) << cluster_.Log(wiped);

  const CommandResult refused = Baton({"member", "add", At(wiped)});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("replace it"), std::string::npos) << refused.err;

  MustBaton({"member", "replace", name, At(wiped)});
  EXPECT_EQ(Roles(), "n1:voter n2:voter n3:voter");
  ASSERT_TRUE(cluster_.AwaitHealthy());
  ExpectSameState({0, 1, 2});

  // It counts: without the third the two are a quorum.
  const int third = 3 - wiped - cluster_.AwaitLeader();
  cluster_.Kill(third);
  EXPECT_TRUE(cluster_.AwaitWritable());
  // And it knows who is a member after it was started again.
  cluster_.Start(third);
  cluster_.Kill(wiped);
  cluster_.Start(wiped);
  ASSERT_TRUE(cluster_.AwaitHealthy());
  EXPECT_EQ(cluster_.Status(wiped)->epoch, cluster_.Status(third)->epoch);
}

TEST_F(MemberTest, AWitnessVotesAndHoldsNoData) {
  cluster_.Start(3);
  ASSERT_TRUE(AwaitUnformed(3));
  MustBaton({"member", "add", At(3), "--role", "witness"});
  EXPECT_EQ(Roles(), "n1:voter n2:voter n3:voter n4:witness");
  MustBaton({"member", "remove", "n3"});
  cluster_.Kill(2);
  ASSERT_TRUE(cluster_.AwaitWritable());
  // One of the two with data and the witness are a quorum.
  const int leader = cluster_.AwaitLeader();
  cluster_.Kill(leader);
  EXPECT_EQ(cluster_.AwaitLeader(leader), 1 - leader);
  EXPECT_TRUE(cluster_.AwaitWritable());
  EXPECT_FALSE(cluster_.admin().Digest(cluster_.address(3)).ok());
}

TEST_F(MemberTest, WhatWouldLoseTheQuorumIsRefused) {
  EXPECT_EQ(Baton({"member", "promote", "n9"}).exit_code, 3);
  EXPECT_EQ(Baton({"member", "remove", "n9"}).exit_code, 3);
  EXPECT_EQ(Baton({"member", "add", "n4"}).exit_code, 2);
  EXPECT_EQ(Baton({"member", "promote", "n1#x"}).exit_code, 2);
  const CommandResult silent = Baton({"member", "add", At(3)});
  EXPECT_EQ(silent.exit_code, 1);
  EXPECT_NE(silent.err.find("start the node"), std::string::npos) << silent.err;
  const CommandResult again = Baton({"member", "promote", "n1"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("so already"), std::string::npos) << again.out;

  const int leader = cluster_.AwaitLeader();
  const int dead = (leader + 1) % 3;
  const int alive = 3 - leader - dead;
  cluster_.Kill(dead);
  const std::string dead_name = "n" + std::to_string(dead + 1);
  ASSERT_TRUE(Eventually([&] {
    const auto status = cluster_.Status(leader);
    if (!status) return false;
    for (const MemberHealth& health : status->health) {
      if (health.name == dead_name) return health.lag == "silent";
    }
    return false;
  }));
  const CommandResult refused = Baton({"member", "remove", "n" + std::to_string(alive + 1)});
  EXPECT_EQ(refused.exit_code, 1) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("no quorum"), std::string::npos) << refused.err;
  EXPECT_EQ(Roles(), "n1:voter n2:voter n3:voter");
}

TEST_F(MemberTest, AChangeGoesThroughWhateverBecomesOfLeaders) {
  Writer writer(&cluster_.client());
  cluster_.Start(3);
  ASSERT_TRUE(AwaitUnformed(3));
  std::atomic<bool> done{false};
  bool added = false;
  bool removed = false;
  std::thread operating([&] {
    added = Eventually([&] { return Baton({"member", "add", At(3)}).exit_code == 0; });
    removed = added && Eventually([&] {
                const int code = Baton({"member", "remove", "n4"}).exit_code;
                return code == 0 || code == 3;  // 3: an earlier one had done it
              });
    done = true;
  });
  // Leaders are given time to lead: a second without election in between.
  while (!done) {
    const int leader = cluster_.AwaitLeader();
    Eventually([&] { return done.load(); }, std::chrono::seconds(1));
    if (leader < 0 || leader > 2 || done) continue;
    cluster_.Kill(leader);
    cluster_.Start(leader);
  }
  operating.join();
  EXPECT_TRUE(added);
  EXPECT_TRUE(removed);
  EXPECT_TRUE(cluster_.AwaitWritable());
  writer.Stop();
  EXPECT_EQ(writer.failure(), "");
  EXPECT_EQ(Roles(), "n1:voter n2:voter n3:voter");
  ExpectSameState({0, 1, 2});
}

}  // namespace
}  // namespace baton::testing
