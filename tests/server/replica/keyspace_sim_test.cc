// Keyspaces and their modes, on a simulated cluster: when an answer leaves, what it says, what a
// read sees meanwhile, and what budgets and changes of the mode do to both.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

constexpr int64_t kMs = 1'000;
constexpr int64_t kSec = 1'000'000;

class KeyspaceSimTest : public ::testing::Test {
 protected:
  KeyspaceSimTest() { leader_ = cluster_.ElectLeader(); }

  Answer Change(decltype(engine::KeyspaceRequest::change) change) {
    return cluster_.Do(leader_, engine::KeyspaceRequest{std::move(change), "ann", "a test"});
  }
  KeyspaceId Create(const std::string& name, engine::KeyspaceSettings settings) {
    const Answer answer = Change(engine::CreateKeyspace{name, std::move(settings)});
    EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
    return std::get<engine::KeyspaceResult>(answer.result).info.id;
  }
  static engine::KeyspaceSettings Async() {
    engine::KeyspaceSettings settings;
    settings.mode = engine::KeyspaceMode::kAsync;
    return settings;
  }
  static engine::AlterKeyspace To(engine::KeyspaceMode mode) {
    engine::AlterKeyspace alter;
    alter.name = "fast";
    alter.mode = mode;
    return alter;
  }

  static engine::WriteRequest PutOf(KeyspaceId keyspace, const std::string& key,
                                    const std::string& value = "v") {
    return engine::WriteRequest{keyspace, {engine::PutOp{key, value}}, {}};
  }
  uint64_t Submit(Request request) {
    return cluster_.Submit(leader_, {std::move(request)}, 20 * kSec);
  }
  bool Answered(uint64_t tag) { return cluster_.sink()->answers.count(tag) != 0; }
  const Answer& AnswerTo(uint64_t tag) { return cluster_.sink()->answers.at(tag); }
  bool AwaitAnswer(uint64_t tag, int64_t for_us) {
    return cluster_.RunUntil([&] { return Answered(tag); }, for_us);
  }
  std::optional<engine::Record> Get(KeyspaceId keyspace, const std::string& key) {
    const Answer answer = cluster_.Do(leader_, GetCall{keyspace, {key}});
    EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
    return std::get<GetResult>(answer.result).records.at(0);
  }
  // The followers' disks take so long: their leases go on, their acceptances come late.
  void SlowFollowers(int64_t takes_us) {
    for (uint32_t n = 1; n <= cluster_.size(); ++n) {
      if (n != leader_) cluster_.SlowDisk(n, takes_us);
    }
    cluster_.RunFor(5 * kMs);  // turns that are under way are as they were
  }
  UnreplicatedStats Stats(KeyspaceId keyspace) {
    for (const KeyspaceStatus& status : cluster_.node(leader_)->Keyspaces()) {
      if (status.info->id == keyspace && status.unreplicated) return *status.unreplicated;
    }
    ADD_FAILURE() << "no such async keyspace";
    return {};
  }

  SimCluster cluster_{SimOptions{}};
  uint32_t leader_ = 0;
};

TEST_F(KeyspaceSimTest, AsyncIsAnsweredByTheLeadersDiskAndReadAtOnce) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  const Answer put = cluster_.Do(leader_, PutOf(fast, "k"));
  EXPECT_EQ(put.durability, engine::Durability::kLocal);
  EXPECT_LT(cluster_.core(leader_)->commit(), put.position.slot);
  EXPECT_EQ(Stats(fast).ops, 1u);
  EXPECT_TRUE(Get(fast, "k").has_value()) << "a writer sees what was acknowledged";
  EXPECT_LT(cluster_.core(leader_)->commit(), put.position.slot);

  const Answer more =
      cluster_.Do(leader_, engine::WriteRequest{fast, {engine::DeleteOp{"k", true}}, {}});
  EXPECT_EQ(std::get<engine::WriteResult>(more.result).existed, true);
  EXPECT_EQ(more.durability, engine::Durability::kLocal);
  cluster_.RunFor(kSec);
  EXPECT_EQ(Stats(fast).ops, 0u);
  EXPECT_EQ(Stats(fast).ops_high, 2u);
}

TEST_F(KeyspaceSimTest, ARejectionIsAsDurableAsWhatItWasJudgedBy) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  const Answer put = cluster_.Do(leader_, PutOf(fast, "k"));
  engine::WriteRequest absent = PutOf(fast, "k");
  absent.conditions.push_back({engine::Condition::Kind::kAbsent, "k", {}, {}, {}});
  const Failure rejected = cluster_.Do(leader_, absent).failure;
  EXPECT_EQ(rejected.reason, Reason::kConditionNotMet);
  ASSERT_TRUE(rejected.judged.has_value());
  EXPECT_EQ(rejected.judged->durability, engine::Durability::kLocal);
  EXPECT_EQ(rejected.judged->position.slot, put.position.slot);
  EXPECT_EQ(rejected.judged->position.reign_round, put.position.reign_round);
}

TEST_F(KeyspaceSimTest, NoReadSeesWhatIsNotOnTheLeadersDisk) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  cluster_.StickDisk(leader_, true);
  const uint64_t put = Submit(PutOf(fast, "k"));
  cluster_.RunFor(50 * kMs);
  EXPECT_FALSE(Answered(put));
  EXPECT_FALSE(Get(fast, "k").has_value());
  cluster_.StickDisk(leader_, false);
  ASSERT_TRUE(AwaitAnswer(put, kSec));
  EXPECT_TRUE(Get(fast, "k").has_value());
}

TEST_F(KeyspaceSimTest, ASingleWriteMayAskForMore) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  Call call;
  call.tag = 1'000'000;
  call.context.deadline_us = INT64_MAX;
  call.request = PutOf(fast, "k");
  call.durability = engine::Durability::kQuorum;
  std::vector<Call> calls;
  calls.push_back(std::move(call));
  cluster_.node(leader_)->Submit(std::move(calls), cluster_.sink());
  ASSERT_TRUE(AwaitAnswer(1'000'000, 2 * kSec));
  EXPECT_EQ(AnswerTo(1'000'000).durability, engine::Durability::kQuorum);
  EXPECT_GE(cluster_.core(leader_)->commit(), AnswerTo(1'000'000).position.slot);
}

TEST_F(KeyspaceSimTest, TheStrictestOfSeveralKeyspacesDecides) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  engine::WriteRequest both = PutOf(fast, "k");
  both.ops.push_back(engine::PutOp{"k", "v", kDefaultKeyspace});
  EXPECT_EQ(cluster_.Do(leader_, both).durability, engine::Durability::kQuorum);
}

TEST_F(KeyspaceSimTest, OverTheBudgetWritesWaitForTheQuorum) {
  engine::KeyspaceSettings settings = Async();
  settings.max_unreplicated_ops = 2;
  const KeyspaceId fast = Create("fast", settings);
  SlowFollowers(300 * kMs);
  std::vector<uint64_t> tags;
  for (int i = 0; i < 4; ++i) tags.push_back(Submit(PutOf(fast, "k" + std::to_string(i))));
  cluster_.RunFor(100 * kMs);
  EXPECT_TRUE(Answered(tags[0]) && Answered(tags[1]));
  EXPECT_FALSE(Answered(tags[2]) || Answered(tags[3]));
  EXPECT_EQ(Stats(fast).waited, 2u);
  ASSERT_TRUE(AwaitAnswer(tags[3], 3 * kSec));
}

TEST_F(KeyspaceSimTest, OrFailWhereTheKeyspaceSaysSo) {
  engine::KeyspaceSettings settings = Async();
  settings.max_unreplicated_ops = 2;
  settings.on_budget = engine::OnBudget::kFail;
  const KeyspaceId fast = Create("fast", settings);
  SlowFollowers(300 * kMs);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(cluster_.Do(leader_, PutOf(fast, "k" + std::to_string(i))).failure.ok());
  }
  const Answer refused = cluster_.Do(leader_, PutOf(fast, "k2"));
  EXPECT_EQ(refused.failure.reason, Reason::kBudgetUsed);
  EXPECT_EQ(refused.failure.code, absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(Get(fast, "k2").has_value());
  EXPECT_EQ(Stats(fast).failed, 1u);
  cluster_.RunFor(kSec);
  EXPECT_TRUE(cluster_.Do(leader_, PutOf(fast, "k2")).failure.ok());
}

// A batch goes by what it adds as a whole, an append by the value that it makes.
TEST_F(KeyspaceSimTest, OrFailsWhateverTheWriteIsMadeOf) {
  engine::KeyspaceSettings settings = Async();
  settings.max_unreplicated_ops = 3;
  settings.max_unreplicated_bytes = 2'000;
  settings.on_budget = engine::OnBudget::kFail;
  const KeyspaceId fast = Create("fast", settings);
  engine::WriteRequest long_value = PutOf(fast, "long");
  std::get<engine::PutOp>(long_value.ops[0]).value = std::string(1'500, 'x');
  ASSERT_TRUE(cluster_.Do(leader_, long_value).failure.ok());
  cluster_.RunFor(kSec);
  SlowFollowers(300 * kMs);
  engine::WriteRequest batch = PutOf(fast, "a");
  for (const char* key : {"b", "c", "d"}) batch.ops.push_back(engine::PutOp{key, "v"});
  EXPECT_EQ(cluster_.Do(leader_, batch).failure.reason, Reason::kBudgetUsed) << "four of three";
  EXPECT_FALSE(Get(fast, "a").has_value());
  ASSERT_TRUE(cluster_.Do(leader_, PutOf(fast, "k")).failure.ok());
  const engine::WriteRequest append{fast, {engine::AppendOp{"long", std::string(600, 'y')}}, {}};
  EXPECT_EQ(cluster_.Do(leader_, append).failure.reason, Reason::kBudgetUsed);
  EXPECT_EQ(Get(fast, "long")->value.size(), 1'500u);
  EXPECT_EQ(Stats(fast).failed, 2u);
}

// What a leader without a lease said could be lost without bound.
TEST_F(KeyspaceSimTest, ALeaderThatIsCutOffAcknowledgesNothingAfterItsLease) {
  const KeyspaceId fast = Create("fast", Async());
  cluster_.Isolate(leader_, true);
  cluster_.RunFor(600 * kMs);
  const uint64_t put = Submit(PutOf(fast, "k"));
  cluster_.RunFor(2 * kSec);
  EXPECT_FALSE(Answered(put) && AnswerTo(put).failure.ok());
}

TEST_F(KeyspaceSimTest, GoingBackToSyncIsDoneOnceTheTailIsChosen) {
  const KeyspaceId fast = Create("fast", Async());
  SlowFollowers(300 * kMs);
  const Answer local = cluster_.Do(leader_, PutOf(fast, "before"));
  ASSERT_EQ(local.durability, engine::Durability::kLocal);
  const uint64_t alter = Submit(engine::KeyspaceRequest{To(engine::KeyspaceMode::kSync), "", ""});
  const uint64_t put = Submit(PutOf(fast, "after"));
  cluster_.RunFor(100 * kMs);
  EXPECT_FALSE(Answered(alter)) << "the tail is not chosen";
  EXPECT_FALSE(Answered(put)) << "no LOCAL ack once the change is sequenced";
  ASSERT_TRUE(AwaitAnswer(put, 3 * kSec));
  ASSERT_TRUE(AwaitAnswer(alter, 3 * kSec));
  EXPECT_EQ(AnswerTo(put).durability, engine::Durability::kQuorum);
  EXPECT_GE(cluster_.core(leader_)->commit(), local.position.slot);
}

TEST_F(KeyspaceSimTest, GoingToAsyncIsInForceOnceItIsChosen) {
  const KeyspaceId fast = Create("fast", {});
  SlowFollowers(300 * kMs);
  const uint64_t alter = Submit(engine::KeyspaceRequest{To(engine::KeyspaceMode::kAsync), "", ""});
  const uint64_t put = Submit(PutOf(fast, "k"));
  cluster_.RunFor(100 * kMs);
  EXPECT_FALSE(Answered(put)) << "another leader could undo the change";
  ASSERT_TRUE(AwaitAnswer(alter, 3 * kSec));
  const Answer local = cluster_.Do(leader_, PutOf(fast, "k"));
  EXPECT_EQ(local.durability, engine::Durability::kLocal);
  EXPECT_LT(cluster_.core(leader_)->commit(), local.position.slot);
}

TEST_F(KeyspaceSimTest, ADroppedKeyspaceIsGoneForWhatWaitsToo) {
  const KeyspaceId fast = Create("fast", Async());
  ASSERT_TRUE(cluster_.Do(leader_, PutOf(fast, "k")).failure.ok());
  const uint64_t drop = Submit(engine::KeyspaceRequest{engine::DropKeyspace{"fast"}, "", ""});
  const uint64_t put = Submit(PutOf(fast, "late"));
  ASSERT_TRUE(AwaitAnswer(drop, kSec) && AwaitAnswer(put, kSec));
  EXPECT_TRUE(AnswerTo(drop).failure.ok());
  EXPECT_EQ(AnswerTo(put).failure.reason, Reason::kKeyspaceUnknown);
  EXPECT_EQ(cluster_.node(leader_)->FindKeyspace("fast"), nullptr);
  cluster_.RunFor(kSec);
  for (uint32_t n = 1; n <= 3; ++n) {
    EXPECT_EQ(cluster_.node(n)->FindKeyspace("fast"), nullptr) << n;
  }
  EXPECT_GT(Create("fast", {}), fast);
}

// A node that does not serve may not have applied the creation yet.
TEST_F(KeyspaceSimTest, OnlyTheLeaderSaysThatThereIsNoSuchKeyspace) {
  EXPECT_EQ(cluster_.node(leader_)->NoKeyspace("nope").reason, Reason::kKeyspaceUnknown);
  for (uint32_t n = 1; n <= 3; ++n) {
    if (n == leader_) continue;
    EXPECT_EQ(cluster_.node(n)->NoKeyspace("nope").reason, Reason::kNotLeader) << n;
  }
}

TEST_F(KeyspaceSimTest, ALeaderWithoutALeaseDoesNotSayThatThereIsNoSuchKeyspace) {
  cluster_.Isolate(leader_, true);
  const auto says = [&] { return cluster_.node(leader_)->NoKeyspace("nope").reason; };
  ASSERT_TRUE(cluster_.RunUntil([&] { return says() != Reason::kKeyspaceUnknown; }, kSec));
  EXPECT_EQ(says(), Reason::kNoLeader);
  EXPECT_EQ(cluster_.core(leader_)->standing(), consensus::Standing::kLeader)
      << "it has not given up yet";
}

TEST_F(KeyspaceSimTest, KeyspacesOutliveTheLeaderThatMadeThem) {
  const KeyspaceId fast = Create("fast", Async());
  cluster_.Crash(leader_, true);
  leader_ = cluster_.ElectLeader();
  ASSERT_NE(cluster_.node(leader_)->FindKeyspace("fast"), nullptr);
  EXPECT_EQ(cluster_.Do(leader_, PutOf(fast, "k")).durability, engine::Durability::kLocal);
  EXPECT_GT(Create("other", {}), fast);
}

}  // namespace
}  // namespace baton::server
