// Nodes in network namespaces, cut from each other: who leads, who serves, and what is read after.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/network.h"

namespace baton::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr int kNodes = 3;
constexpr seconds kLongCut{5};  // ten leases of the profile lan

class PartitionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<Network>> network = Network::Make(kNodes);
    if (network.ok()) {
      network_ = network->release();
    } else {
      problem_ = new std::string(network.status().message());
    }
  }
  static void TearDownTestSuite() {
    delete network_;
    delete problem_;
    network_ = nullptr;
    problem_ = nullptr;
  }
  void SetUp() override {
    if (network_ == nullptr) GTEST_SKIP() << *problem_;
    network_->Heal();
    cluster_ = std::make_unique<Cluster>(network_->Options());
    ASSERT_TRUE(PutEventually("key", "old"));
    leader_ = cluster_->AwaitLeader();
    ASSERT_GE(leader_, 0);
    others_ = {(leader_ + 1) % kNodes, (leader_ + 2) % kNodes};
  }

  absl::StatusOr<WriteResult> Put(const std::string& key, const std::string& value,
                                  milliseconds timeout = seconds(2)) {
    CallOptions options;
    options.timeout = timeout;
    return cluster_->client().Put(key, value, options);
  }
  // Acknowledged within `kPatience`: repeated while refused or unknown.
  bool PutEventually(const std::string& key, const std::string& value) {
    return Eventually([&] { return Put(key, value).ok(); });
  }
  std::string Read(const std::string& key) {
    CallOptions options;
    options.timeout = kPatience;
    const absl::StatusOr<GetResult> read = cluster_->client().Get(key, options);
    if (!read.ok()) return read.status().ToString();
    return read->record ? read->record->value : "(none)";
  }
  uint64_t CommitSlot(int node) {
    const std::optional<NodeStatus> status = cluster_->Status(node);
    EXPECT_TRUE(status.has_value()) << "node " << node << " does not answer";
    return status ? status->commit_slot : 0;
  }
  // Writes, one after the other, for as long; each is acknowledged in the reign in which the first
  // one was.
  void ExpectWritesGoOnInOneReign(milliseconds duration) {
    const absl::StatusOr<WriteResult> first = Put("go on", "0", kPatience);
    ASSERT_TRUE(first.ok()) << first.status();
    int written = 0;
    for (const auto end = Clock::now() + duration; Clock::now() < end;) {
      const absl::StatusOr<WriteResult> put = Put("go on", std::to_string(++written), kPatience);
      ASSERT_TRUE(put.ok()) << put.status();
      ASSERT_EQ(put->reign, first->reign) << "after " << written << " writes";
    }
    EXPECT_EQ(Read("go on"), std::to_string(written));
  }
  // By clients that reach no other node.
  void ExpectServesNothing(int node) {
    for (int other = 0; other < kNodes; ++other) {
      if (other != node) network_->CutBoth(Network::kClients, other);
    }
    ClientOptions only_it;
    only_it.endpoints = {cluster_->address(node)};
    const auto client = Client::Connect(only_it);
    ASSERT_TRUE(client.ok());
    CallOptions options;
    options.timeout = milliseconds(300);
    for (int i = 0; i < 5; ++i) {
      const absl::StatusOr<GetResult> read = (*client)->Get("key", options);
      EXPECT_FALSE(read.ok()) << "reads " << (read->record ? read->record->value : "(none)");
      EXPECT_FALSE((*client)->Put("cut off", "x", options).ok());
    }
    EXPECT_TRUE(cluster_->Status(node).has_value()) << "it was not reached at all";
  }
  void ExpectAllAgree(const std::string& key, const std::string& value) {
    network_->Heal();
    ASSERT_TRUE(cluster_->AwaitHealthy());
    EXPECT_EQ(Read(key), value);
    const std::vector<DigestInfo> digests = DigestsAtRest(cluster_.get());
    ASSERT_EQ(digests.size(), static_cast<size_t>(kNodes));
    for (const DigestInfo& digest : digests) EXPECT_EQ(digest.digest, digests[0].digest);
  }

  static Network* network_;
  static std::string* problem_;
  std::unique_ptr<Cluster> cluster_;
  int leader_ = -1;
  std::vector<int> others_;
};
Network* PartitionTest::network_ = nullptr;
std::string* PartitionTest::problem_ = nullptr;

// Cloudflare, November 2020: a node that saw its peers but not the leader pulled it down again and
// again. https://blog.cloudflare.com/a-byzantine-failure-in-the-real-world/
TEST_F(PartitionTest, AFollowerThatSeesAllButTheLeaderDisturbsNobody) {
  network_->CutBoth(leader_, others_[0]);
  ExpectWritesGoOnInOneReign(kLongCut);
  EXPECT_LT(CommitSlot(others_[0]), CommitSlot(others_[1])) << "the cut cut nothing";
  ExpectAllAgree("key", "old");
}

TEST_F(PartitionTest, AFollowerThatDoesNotHearTheLeaderDisturbsNobody) {
  network_->CutData(leader_, others_[0]);
  ExpectWritesGoOnInOneReign(kLongCut);
  EXPECT_LT(CommitSlot(others_[0]), CommitSlot(others_[1])) << "the cut cut nothing";
  ExpectAllAgree("key", "old");
}

TEST_F(PartitionTest, AFollowerThatNobodyHearsDisturbsNobody) {
  network_->CutData(others_[0], leader_);
  network_->CutData(others_[0], others_[1]);
  ExpectWritesGoOnInOneReign(kLongCut);
  ExpectAllAgree("key", "old");
}

TEST_F(PartitionTest, AnIsolatedLeaderIsReplacedAndServesNothing) {
  network_->Isolate(leader_);
  ASSERT_GE(cluster_->AwaitLeader(leader_), 0);
  ASSERT_TRUE(PutEventually("key", "new"));
  EXPECT_EQ(Read("key"), "new");
  ExpectServesNothing(leader_);
  ExpectAllAgree("key", "new");
}

TEST_F(PartitionTest, ALeaderThatSendsButDoesNotHearIsReplaced) {
  for (const int other : others_) network_->CutData(other, leader_);
  ASSERT_GE(cluster_->AwaitLeader(leader_), 0);
  ASSERT_TRUE(PutEventually("key", "new"));
  ExpectServesNothing(leader_);
  ExpectAllAgree("key", "new");
}

TEST_F(PartitionTest, ALeaderThatHearsButDoesNotSendIsReplaced) {
  for (const int other : others_) network_->CutData(leader_, other);
  ASSERT_GE(cluster_->AwaitLeader(leader_), 0);
  ASSERT_TRUE(PutEventually("key", "new"));
  ExpectServesNothing(leader_);
  ExpectAllAgree("key", "new");
}

TEST_F(PartitionTest, ALeaderThatIsStoppedForFiveSecondsIsReplacedAndComesBack) {
  const Clock::time_point stopped = Clock::now();
  cluster_->Pause(leader_);
  ASSERT_TRUE(PutEventually("key", "new"));
  std::this_thread::sleep_until(stopped + seconds(5));
  cluster_->Resume(leader_);
  EXPECT_EQ(Read("key"), "new");
  ExpectAllAgree("key", "new");
}

TEST_F(PartitionTest, NodesThatAllLoseEachOtherServeNothingAndThenGoOn) {
  for (int node = 0; node < kNodes; ++node) network_->Isolate(node);
  CallOptions options;
  options.timeout = milliseconds(300);
  // The leader reads alone until its lease is over.
  ASSERT_TRUE(Eventually([&] { return !cluster_->client().Get("key", options).ok(); }));
  EXPECT_FALSE(Put("cut off", "x").ok());
  ExpectServesNothing(leader_);
  network_->Heal();
  ASSERT_TRUE(PutEventually("key", "new"));
  ExpectAllAgree("key", "new");
}

}  // namespace
}  // namespace baton::testing
