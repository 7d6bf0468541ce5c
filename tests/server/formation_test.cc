// Formation of several nodes that call each other without a network.
#include "server/formation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/replica/clock.h"
#include "server/replica/worker.h"
#include "wal/posix_file_system.h"

namespace baton::server {
namespace {

using testing::HasSubstr;

class InlineWorker final : public Worker {
 public:
  bool Post(std::function<void()> task) override {
    task();
    return true;
  }
};

// Calls the formation that stands at an address.
class LocalCaller final : public PeerCaller {
 public:
  absl::StatusOr<NodeCard> Identify(const std::string& address, int64_t) override {
    if (nodes.count(address) == 0 || down.count(address) > 0) return Gone(address);
    return nodes.at(address)->Identify();
  }
  absl::Status Join(const std::string& address, const FormationRecord& record, int64_t) override {
    if (nodes.count(address) == 0 || down.count(address) > 0) return Gone(address);
    if (fail_joins.count(address) > 0) return Gone(address);
    std::string refused;
    nodes.at(address)->Join(record, [&](std::string answer) { refused = std::move(answer); });
    return refused.empty() ? absl::OkStatus() : absl::FailedPreconditionError(refused);
  }
  static absl::Status Gone(const std::string& address) {
    return absl::UnavailableError("no answer from " + address);
  }

  std::map<std::string, Formation*> nodes;
  std::set<std::string> down;
  std::set<std::string> fail_joins;
};

struct TestNode {
  TestNode(wal::FileSystem* fs, const std::string& root, const std::string& name,
           LocalCaller* caller)
      : address(name + ":1"), path(root + "/" + name), fs_(fs), name_(name), caller_(caller) {
    Restart();
  }
  void Restart() {
    formation.reset();
    directory.reset();
    directory = *DataDirectory::Open(fs_, path, name_);
    formation = std::make_unique<Formation>(
        directory.get(), Formation::Self{name_, name_ + ":2", address}, caller_, &clock_, &worker_,
        &worker_, [this] { ++formed; }, [this] { ++reopened; });
    caller_->nodes[address] = formation.get();
  }
  void Wipe() {
    formation.reset();
    directory.reset();
    std::filesystem::remove_all(path);
    Restart();
  }
  InitOutcome Init(const InitPlan& plan) {
    InitOutcome outcome;
    formation->Init(plan, clock_.LeaseNowUs() + 1'000'000,
                    [&](InitOutcome o) { outcome = std::move(o); });
    return outcome;
  }

  const std::string address;
  const std::string path;
  int formed = 0;
  int reopened = 0;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<Formation> formation;

 private:
  wal::FileSystem* const fs_;
  const std::string name_;
  LocalCaller* const caller_;
  SystemClock clock_;
  InlineWorker worker_;
};

class FormationTest : public testing::Test {
 protected:
  FormationTest() {
    std::filesystem::remove_all(root_);
    for (const char* name : {"n1", "n2", "n3"}) {
      nodes_.push_back(std::make_unique<TestNode>(&fs_, root_, name, &caller_));
    }
  }
  ~FormationTest() override {
    nodes_.clear();
    std::filesystem::remove_all(root_);
  }
  static InitPlan Plan(const std::vector<std::string>& names) {
    InitPlan plan;
    for (const std::string& name : names) plan.members.push_back({name, name + ":1"});
    return plan;
  }

  const std::string root_ = testing::TempDir() + "/formation_test_" + std::to_string(getpid());
  wal::PosixFileSystem fs_;
  LocalCaller caller_;
  std::vector<std::unique_ptr<TestNode>> nodes_;
};

TEST_F(FormationTest, ANodeThatIsRecoveredStartsAnewByWhatItWasGiven) {
  TestNode& node = *nodes_[0];
  ASSERT_TRUE(node.Init(Plan({"n1", "n2", "n3"})).failure.ok());
  FormationRecord record = *node.formation->Formed();
  record.epoch = Epoch{1'025};
  record.recovery = UnsafeRecovery{.actor = "ann"};
  std::string problem = "not told";
  node.formation->Recover(record, [&](const std::string& told) { problem = told; });
  EXPECT_EQ(problem, "");
  EXPECT_EQ(node.reopened, 1);
  node.Restart();
  EXPECT_EQ(node.formation->Formed()->epoch, Epoch{1'025});
  EXPECT_EQ(node.formation->Formed()->recovery->actor, "ann");
}

TEST_F(FormationTest, ANodeThatIsLeftBehindRemembersIt) {
  TestNode& node = *nodes_[0];
  ASSERT_TRUE(node.Init(Plan({"n1", "n2", "n3"})).failure.ok());
  node.formation->LeftBehind("by another");
  node.formation->LeftBehind("by another");
  EXPECT_EQ(node.reopened, 1) << "once";
  node.Restart();
  EXPECT_EQ(node.directory->left_behind(), "by another");
}

TEST_F(FormationTest, FormsAllAndRepeatingChangesNothing) {
  const InitOutcome first = nodes_[1]->Init(Plan({"n1", "n2", "n3"}));
  ASSERT_TRUE(first.failure.ok()) << first.failure.message;
  EXPECT_FALSE(first.already_formed);
  ASSERT_EQ(first.members.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    const FormationRecord formed = *nodes_[i]->formation->Formed();
    EXPECT_EQ(formed.cluster, first.cluster);
    EXPECT_EQ(formed.self, NodeId{i + 1});
    EXPECT_EQ(formed.profile, "lan");
    EXPECT_EQ(nodes_[i]->formed, 1);
  }
  // Any member may be asked again, in any order of the members.
  const InitOutcome again = nodes_[1]->Init(Plan({"n3", "n1", "n2"}));
  EXPECT_TRUE(again.already_formed);
  EXPECT_EQ(again.cluster, first.cluster);
  EXPECT_TRUE(nodes_[2]->Init(Plan({"n1", "n2", "n3"})).already_formed);
  EXPECT_EQ(nodes_[0]->formed, 1);

  InitPlan other = Plan({"n1", "n2"});
  EXPECT_EQ(nodes_[1]->Init(other).failure.reason, Reason::kFormedDifferently);
  other = Plan({"n1", "n2", "n3"});
  other.profile = "wan";
  EXPECT_EQ(nodes_[1]->Init(other).failure.reason, Reason::kFormedDifferently);
}

TEST_F(FormationTest, AMemberThatDoesNotAnswerStopsItBeforeAnythingIsStored) {
  caller_.down.insert("n3:1");
  const InitOutcome outcome = nodes_[0]->Init(Plan({"n1", "n2", "n3"}));
  EXPECT_EQ(outcome.failure.code, absl::StatusCode::kUnavailable);
  EXPECT_THAT(outcome.failure.message, HasSubstr("n3:1"));
  EXPECT_FALSE(nodes_[0]->directory->plan());
  caller_.down.clear();
  EXPECT_TRUE(nodes_[0]->Init(Plan({"n1", "n2"})).failure.ok());  // another plan is free to come
}

TEST_F(FormationTest, ACrashHalfWayIsResumedWithTheSamePlan) {
  caller_.fail_joins.insert("n2:1");
  const InitPlan plan = Plan({"n1", "n2", "n3"});
  EXPECT_EQ(nodes_[0]->Init(plan).failure.code, absl::StatusCode::kUnavailable);
  const Id128 cluster = nodes_[0]->formation->Formed()->cluster;
  EXPECT_FALSE(nodes_[1]->formation->Formed());
  EXPECT_FALSE(nodes_[2]->formation->Formed());
  EXPECT_EQ(nodes_[0]->Init(Plan({"n1", "n3"})).failure.reason, Reason::kFormedDifferently);

  nodes_[0]->Restart();
  caller_.fail_joins.clear();
  const InitOutcome resumed = nodes_[0]->Init(plan);
  ASSERT_TRUE(resumed.failure.ok()) << resumed.failure.message;
  EXPECT_FALSE(resumed.already_formed);
  EXPECT_EQ(resumed.cluster, cluster);
  EXPECT_EQ(nodes_[2]->formation->Formed()->cluster, cluster);
}

TEST_F(FormationTest, AWipedNodeStaysOut) {
  ASSERT_TRUE(nodes_[0]->Init(Plan({"n1", "n2", "n3"})).failure.ok());
  nodes_[2]->Wipe();
  const InitOutcome outcome = nodes_[0]->Init(Plan({"n1", "n2", "n3"}));
  EXPECT_EQ(outcome.failure.code, absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(outcome.failure.message, HasSubstr("emptied after the plan was made"));
  EXPECT_FALSE(nodes_[2]->formation->Formed());
}

TEST_F(FormationTest, ANodeOfAnotherClusterIsNotTakenIn) {
  ASSERT_TRUE(nodes_[2]->Init(Plan({"n3"})).failure.ok());
  const InitOutcome outcome = nodes_[0]->Init(Plan({"n1", "n2", "n3"}));
  EXPECT_EQ(outcome.failure.reason, Reason::kFormedDifferently);
  EXPECT_THAT(outcome.failure.message, HasSubstr("n3 at n3:1 belongs to cluster"));
  EXPECT_FALSE(nodes_[0]->formation->Formed());
}

TEST_F(FormationTest, OfTwoCoordinatorsOneWinsWhole) {
  // n2 has its plan on disk and has joined nobody when n1 forms the cluster.
  caller_.fail_joins.insert("n1:1");
  EXPECT_FALSE(nodes_[1]->Init(Plan({"n1", "n2"})).failure.ok());
  ASSERT_TRUE(nodes_[1]->directory->plan());
  caller_.fail_joins.clear();
  ASSERT_TRUE(nodes_[0]->Init(Plan({"n1", "n3"})).failure.ok());
  EXPECT_EQ(nodes_[1]->Init(Plan({"n1", "n2"})).failure.reason, Reason::kFormedDifferently);
  EXPECT_FALSE(nodes_[1]->directory->plan());  // dropped: it formed nobody
  EXPECT_FALSE(nodes_[1]->formation->Formed());
}

TEST_F(FormationTest, BadPlansAreRefusedWithTheReason) {
  struct Case {
    InitPlan plan;
    std::string message;
  };
  InitPlan same_address = Plan({"n1", "n2"});
  same_address.members[1].peer_address = "n1:1";
  InitPlan same_node = Plan({"n1", "n2"});
  same_node.members[1] = {"n2", "n3:1"};
  InitPlan profile = Plan({"n1"});
  profile.profile = "moon";
  const std::vector<Case> cases = {
      {Plan({}), "no member is listed"},      {Plan({"n1", "n1"}), "node n1 is listed twice"},
      {same_address, "n1:1 is listed twice"}, {same_node, "is called n3, not n2"},
      {Plan({"n1", "n 2"}), "is no name"},    {Plan({"n2", "n3"}), "is not in the plan"},
      {profile, "\"moon\" is not known"},
  };
  for (const Case& bad : cases) {
    const InitOutcome outcome = nodes_[0]->Init(bad.plan);
    EXPECT_EQ(outcome.failure.code, absl::StatusCode::kInvalidArgument) << bad.message;
    EXPECT_THAT(outcome.failure.message, HasSubstr(bad.message));
    EXPECT_FALSE(nodes_[0]->directory->plan());
  }
}

TEST_F(FormationTest, JoinIsRefusedForWhatIsNotThisNodes) {
  const auto join = [&](const FormationRecord& record) {
    std::string refused;
    nodes_[0]->formation->Join(record, [&](std::string answer) { refused = std::move(answer); });
    return refused;
  };
  FormationRecord good;
  good.cluster = {1, 2};
  good.self = NodeId{1};
  good.epoch = Epoch{1};
  good.cluster_version = 1;
  good.profile = "lan";
  good.members = {{NodeId{1}, "n1", nodes_[0]->directory->id(), "n1:2", "n1:1", 1}};
  FormationRecord bad = good;
  bad.self = NodeId{2};
  EXPECT_THAT(join(bad), HasSubstr("does not name it"));
  bad = good;
  bad.members[0].directory = {3, 3};
  EXPECT_THAT(join(bad), HasSubstr("emptied after the plan"));
  bad = good;
  bad.members[0].name = "n9";
  EXPECT_THAT(join(bad), HasSubstr("called n1, not n9"));
  bad = good;
  bad.epoch = Epoch{0};
  EXPECT_THAT(join(bad), HasSubstr("epochs begin with 1"));
  bad = good;
  bad.cluster_version = 99;
  EXPECT_THAT(join(bad), HasSubstr("upgrade this node"));
  EXPECT_EQ(nodes_[0]->formed, 0);
  EXPECT_EQ(join(good), "");
  EXPECT_EQ(join(good), "");  // again: as if it had not been heard
  EXPECT_EQ(nodes_[0]->formed, 1);
  bad = good;
  bad.cluster = {8, 8};
  EXPECT_THAT(join(bad), HasSubstr("belongs to cluster"));
}

TEST_F(FormationTest, ANodeThatIsAddedBeginsWithItsEpoch) {
  FormationRecord record;
  record.cluster = {1, 2};
  record.self = NodeId{20};
  record.epoch = Epoch{5};
  record.cluster_version = 1;
  record.profile = "wan";
  record.members = {{NodeId{2}, "n2", {5, 5}, "n2:2", "n2:1", 1},
                    {NodeId{20}, "n1", nodes_[0]->directory->id(), "n1:2", "n1:1", 2}};
  std::string refused = "not answered";
  nodes_[0]->formation->Join(record, [&](std::string answer) { refused = std::move(answer); });
  EXPECT_EQ(refused, "");
  EXPECT_EQ(nodes_[0]->formed, 1);
  nodes_[0]->Restart();
  const std::optional<FormationRecord> kept = nodes_[0]->formation->Formed();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->self, NodeId{20});
  EXPECT_EQ(kept->epoch, Epoch{5});
  EXPECT_EQ(kept->members.size(), 2u);
}

}  // namespace
}  // namespace baton::server
