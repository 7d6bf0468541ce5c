// The ledger of losses, on a simulated cluster: what a leader had acknowledged and no quorum had is
// readable afterwards or listed, each write once, whatever crashes meanwhile.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/state/loss.h"
#include "engine/state/view.h"
#include "engine/storage/key_encoding.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

using engine::Loss;

constexpr int64_t kMs = 1'000;
constexpr int64_t kSec = 1'000'000;

class LossSimTest : public ::testing::Test {
 protected:
  void Begin(const SimOptions& options) {
    cluster_ = std::make_unique<SimCluster>(options);
    leader_ = cluster_->ElectLeader();
    engine::KeyspaceSettings settings;
    settings.mode = engine::KeyspaceMode::kAsync;
    const Answer made = cluster_->Do(
        leader_,
        engine::KeyspaceRequest{engine::CreateKeyspace{"fast", settings}, "ann", "a test"});
    ASSERT_TRUE(made.failure.ok()) << made.failure.message;
    fast_ = std::get<engine::KeyspaceResult>(made.result).info.id;
    cluster_->RunFor(200 * kMs);
  }
  Answer Write(engine::WriteRequest request) { return cluster_->Do(leader_, std::move(request)); }
  Answer WriteAs(const engine::SessionStamp& stamp, engine::WriteRequest request) {
    constexpr uint64_t kTags = 1'000'000;  // above all that the cluster gives
    std::vector<Call> calls(1);
    calls[0].tag = kTags + ++tags_;
    calls[0].context.deadline_us = INT64_MAX;
    calls[0].context.stamp = stamp;
    calls[0].request = std::move(request);
    cluster_->node(leader_)->Submit(std::move(calls), cluster_->sink());
    const auto& answers = cluster_->sink()->answers;
    EXPECT_TRUE(cluster_->RunUntil([&] { return answers.count(kTags + tags_) != 0; }, 5 * kSec));
    return answers.at(kTags + tags_);
  }
  engine::WriteRequest PutOf(const std::string& key, const std::string& value) {
    return engine::WriteRequest{fast_, {engine::PutOp{key, value}}, {}};
  }

  // The leader is cut off and acknowledges these alone; then it dies, and another leads.
  void LoseALeader(int puts) {
    lost_ = leader_;
    cluster_->Isolate(lost_, true);
    for (int i = 0; i < puts; ++i) {
      const std::string key = "k" + std::to_string(i);
      const Answer put = Write(PutOf(key, "old"));
      ASSERT_TRUE(put.failure.ok()) << put.failure.message;
      ASSERT_EQ(put.durability, engine::Durability::kLocal);
      acknowledged_[key] = put.position.revision;
    }
    unanswered_ = cluster_->Submit(
        lost_, {engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"sync", "old"}}, {}}}, kSec);
    cluster_->RunFor(20 * kMs);
    cluster_->Crash(lost_, false);
    cluster_->Isolate(lost_, false);
    leader_ = cluster_->ElectLeader();
    ASSERT_NE(leader_, 0u);
  }
  // Until `n` has applied all that is chosen, and nothing is left to be told.
  bool Settle(uint32_t n) {
    return cluster_->RunUntil(
        [&] {
          const uint32_t leader = cluster_->Leader();
          return leader != 0 && cluster_->node(n) != nullptr && Dropped(n).empty() &&
                 cluster_->node(n)->Status().applied >= cluster_->node(leader)->Status().commit;
        },
        60 * kSec);
  }
  std::vector<std::string> Dropped(uint32_t n) {
    const auto names = cluster_->fs(n).List("/n" + std::to_string(n) + "/dropped");
    return names.ok() ? *names : std::vector<std::string>{"?"};
  }
  std::vector<Loss> Losses(uint32_t n) {
    std::vector<Loss> losses;
    const engine::Overlay none;
    const engine::View view(cluster_->engine(n), none, Slot{});
    engine::ScanSpec spec;
    spec.keyspace = kSystemKeyspace;
    spec.begin = engine::UserKey(engine::SystemKey(engine::SystemTable::kLosses, ""));
    spec.end = std::string(1, static_cast<char>(spec.begin[0] + 1));
    const auto page = view.Scan(spec, engine::ReadTier::kAny);
    EXPECT_TRUE(page.ok() && !page->next);
    for (const engine::Record& record : page->records) {
      auto loss = engine::DecodeLoss(record.key.substr(1), record.value);
      EXPECT_TRUE(loss.ok()) << loss.status();
      losses.push_back(*std::move(loss));
    }
    return losses;
  }
  // Each acknowledged write is listed, once, and nothing else of the async keyspace is.
  void ExpectListed() {
    for (uint32_t n = 1; n <= cluster_->size(); ++n) {
      SCOPED_TRACE(n);
      std::map<std::string, Revision> listed;
      for (const Loss& loss : Losses(n)) {
        EXPECT_EQ(loss.found_on, NodeId{lost_});
        EXPECT_EQ(loss.value, "old");
        if (loss.keyspace == kDefaultKeyspace) {
          EXPECT_EQ(loss.key, "sync");
          EXPECT_EQ(loss.acknowledged, Loss::Acknowledged::kNo);
          continue;
        }
        EXPECT_EQ(loss.keyspace, fast_);
        EXPECT_EQ(loss.keyspace_name, "fast");
        EXPECT_EQ(loss.acknowledged, Loss::Acknowledged::kUnknown);
        EXPECT_TRUE(listed.emplace(loss.key, loss.revision).second) << loss.key << " twice";
      }
      EXPECT_EQ(listed, acknowledged_);
    }
  }

  std::unique_ptr<SimCluster> cluster_;
  uint32_t leader_ = 0, lost_ = 0;
  KeyspaceId fast_;
  uint64_t unanswered_ = 0;
  uint64_t tags_ = 0;
  std::map<std::string, Revision> acknowledged_;  // by the leader that was lost
};

TEST_F(LossSimTest, WhatAReturningLeaderDropsIsListed) {
  Begin(SimOptions{});
  LoseALeader(5);
  const Answer put = Write(PutOf("k0", "new"));
  EXPECT_GT(put.position.revision, acknowledged_["k4"]) << "no revision is given twice";
  EXPECT_TRUE(Losses(leader_).empty()) << "nobody knows yet";
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  cluster_->RunFor(kSec);
  ExpectListed();
  const auto answer = cluster_->sink()->answers.find(unanswered_);
  EXPECT_TRUE(answer == cluster_->sink()->answers.end() || !answer->second.failure.ok());
}

// The strictest keyspace of a batch decides for all of it; who drops a keyspace writes nothing.
TEST_F(LossSimTest, WhatWasNeverAcknowledgedByItsLeaderAloneIsListedAsSuchOrNotAtAll) {
  Begin(SimOptions{});
  lost_ = leader_;
  cluster_->Isolate(lost_, true);
  engine::WriteRequest both = PutOf("async", "old");
  both.ops.push_back(engine::PutOp{"sync", "old", kDefaultKeyspace});
  cluster_->Submit(lost_, {both}, kSec);
  cluster_->Submit(lost_, {engine::KeyspaceRequest{engine::DropKeyspace{"fast"}, "ann", ""}}, kSec);
  cluster_->RunFor(20 * kMs);
  cluster_->Crash(lost_, false);
  cluster_->Isolate(lost_, false);
  leader_ = cluster_->ElectLeader();
  ASSERT_NE(leader_, lost_);
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  const std::vector<Loss> losses = Losses(leader_);
  EXPECT_EQ(losses.size(), 2u);
  for (const Loss& loss : losses) {
    EXPECT_EQ(loss.kind, Loss::Kind::kPut);
    EXPECT_EQ(loss.acknowledged, Loss::Acknowledged::kNo) << loss.key;
  }
}

// Slots above the fork are of another history: what was changed there says nothing of the dropped.
TEST_F(LossSimTest, TheModeCountsThatTheDroppedEntryWasWrittenUnder) {
  Begin(SimOptions{});
  LoseALeader(20);
  engine::AlterKeyspace to_sync;
  to_sync.name = "fast";
  to_sync.mode = engine::KeyspaceMode::kSync;
  const Answer altered =
      cluster_->Do(leader_, engine::KeyspaceRequest{to_sync, "ann", "once bitten"});
  ASSERT_TRUE(altered.failure.ok()) << altered.failure.message;
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  cluster_->RunFor(kSec);
  ExpectListed();
}

TEST_F(LossSimTest, WhatItsClientSentAgainIsNotLost) {
  Begin(SimOptions{});
  const Answer opened = cluster_->Do(leader_, engine::SessionRequest{engine::OpenSession{600'000}});
  const uint64_t session = std::get<engine::SessionResult>(opened.result).session;
  cluster_->RunFor(200 * kMs);
  lost_ = leader_;
  cluster_->Isolate(lost_, true);
  for (uint64_t n = 1; n <= 3; ++n) {
    const Answer put = WriteAs({session, n, 1}, PutOf("k" + std::to_string(n), "old"));
    ASSERT_EQ(put.durability, engine::Durability::kLocal) << put.failure.message;
  }
  cluster_->Crash(lost_, false);
  cluster_->Isolate(lost_, false);
  leader_ = cluster_->ElectLeader();
  // The answers to the first two were lost on their way. Then the client has that of the first.
  for (uint64_t n : {1, 2}) {
    const Answer put = WriteAs({session, n, 1}, PutOf("k" + std::to_string(n), "old"));
    ASSERT_TRUE(put.failure.ok()) << put.failure.message;
  }
  ASSERT_TRUE(WriteAs({session, 4, 2}, PutOf("k4", "new")).failure.ok());
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  cluster_->RunFor(kSec);
  const std::vector<Loss> losses = Losses(leader_);
  ASSERT_EQ(losses.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(losses[i].session, session);
    EXPECT_EQ(losses[i].sequence, i + 1);
    EXPECT_EQ(losses[i].acknowledged,
              i < 2 ? Loss::Acknowledged::kAgain : Loss::Acknowledged::kUnknown)
        << i;
  }
  const Answer outcome =
      cluster_->Do(leader_, engine::SessionRequest{engine::GetOutcome{session, 3}});
  EXPECT_EQ(std::get<engine::SessionResult>(outcome.result).outcome,
            engine::SessionResult::Outcome::kLost);
}

// One file that cannot be read says nothing of the others.
TEST_F(LossSimTest, ADamagedFileHidesNoOther) {
  Begin(SimOptions{});
  LoseALeader(5);
  const std::string damaged = "/n" + std::to_string(lost_) + "/dropped/0000000000000001.dropped";
  ASSERT_TRUE(wal::WriteFileAtomically(&cluster_->fs(lost_), damaged, "no entries").ok());
  cluster_->Start(lost_);
  ASSERT_TRUE(cluster_->RunUntil([&] { return Dropped(lost_).size() == 1; }, 200 * kSec))
      << "it alone is left, to be looked at";
  cluster_->RunFor(kSec);
  ExpectListed();
}

TEST_F(LossSimTest, DeletesAndRangesAreListedAsSuch) {
  Begin(SimOptions{});
  lost_ = leader_;
  cluster_->Isolate(lost_, true);
  engine::WriteRequest batch{fast_, {engine::PutOp{"a", "1"}, engine::DeleteOp{"b"}}, {}};
  batch.ops.push_back(engine::DeleteRangeOp{"c", "d"});
  batch.ops.push_back(engine::DeleteRangeOp{"e", ""});
  const Answer answer = Write(batch);
  ASSERT_EQ(answer.durability, engine::Durability::kLocal);
  cluster_->Crash(lost_, false);
  cluster_->Isolate(lost_, false);
  leader_ = cluster_->ElectLeader();
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  const std::vector<Loss> losses = Losses(lost_);
  ASSERT_EQ(losses.size(), 4u);
  EXPECT_EQ(losses[0].kind, Loss::Kind::kPut);
  EXPECT_EQ(losses[0].value, "1");
  EXPECT_EQ(losses[1].kind, Loss::Kind::kDelete);
  EXPECT_EQ(losses[1].key, "b");
  EXPECT_EQ(losses[2].kind, Loss::Kind::kDeleteRange);
  EXPECT_EQ(losses[2].end, "d");
  EXPECT_EQ(losses[3].key, "e");
  EXPECT_EQ(losses[3].end, "") << "to the end of the keyspace";
  for (const Loss& loss : losses) EXPECT_EQ(loss.revision, answer.position.revision);
}

TEST_F(LossSimTest, ACrashAtAnyMomentOfTheReturnLosesNoRow) {
  for (int64_t after_us = 0; after_us <= 3 * kSec;
       after_us += after_us < 20 * kMs ? kMs : 250 * kMs) {
    SCOPED_TRACE(after_us);
    acknowledged_.clear();
    Begin(SimOptions{});
    LoseALeader(5);
    cluster_->Start(lost_);
    cluster_->RunFor(after_us);
    cluster_->Crash(lost_, false);
    cluster_->RunFor(100 * kMs);
    cluster_->Start(lost_);
    ASSERT_TRUE(Settle(lost_));
    ASSERT_NO_FATAL_FAILURE(ExpectListed());
  }
}

TEST_F(LossSimTest, TheLeaderThatLogsThemMayDieToo) {
  for (int64_t after_us = kSec; after_us <= kSec + 40 * kMs; after_us += 2 * kMs) {
    SCOPED_TRACE(after_us);
    acknowledged_.clear();
    Begin(SimOptions{});
    LoseALeader(5);
    cluster_->Start(lost_);
    cluster_->RunFor(after_us);
    const uint32_t second = cluster_->Leader();
    ASSERT_NE(second, 0u);
    cluster_->Crash(second, false);
    cluster_->RunFor(kSec);
    cluster_->Start(second);
    ASSERT_TRUE(Settle(lost_));
    ASSERT_TRUE(cluster_->RunUntil(
        [&] {
          return cluster_->Leader() != 0 && cluster_->node(second)->Status().applied >=
                                                cluster_->node(cluster_->Leader())->Status().commit;
        },
        20 * kSec));
    ASSERT_NO_FATAL_FAILURE(ExpectListed());
  }
}

TEST_F(LossSimTest, ASnapshotThatTakesThePlaceOfTheLogLosesNoRow) {
  SimOptions options;
  options.adjust = [](ReplicaOptions* replica) {
    replica->replay_bytes_max = 64 << 10;
    replica->truncate_bytes_min = 16 << 10;
    replica->log_retention_bytes = 512 << 10;
  };
  Begin(options);
  LoseALeader(5);
  const std::string value(20'000, 'x');
  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(cluster_->Put(leader_, "much" + std::to_string(i % 100), value).failure.ok());
  }
  cluster_->RunFor(300 * kMs);
  ASSERT_GT(cluster_->node(leader_)->Status().first, Slot{20});
  cluster_->Start(lost_);
  ASSERT_TRUE(Settle(lost_));
  EXPECT_GE(cluster_->node(leader_)->metrics().snapshots_sent.Get(), 1u);
  ExpectListed();  // and nothing of what its log had that was chosen all the same
}

}  // namespace
}  // namespace baton::server
