// Orders about who may lead, and the audit, on a simulated cluster.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/state/view.h"
#include "engine/storage/key_encoding.h"
#include "server/codec/audit_row.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

constexpr int64_t kMs = 1'000;
constexpr int64_t kSec = 1'000'000;

class OrdersSimTest : public ::testing::Test {
 protected:
  void SetUp() override { leader_ = cluster_.ElectAndRecord(); }

  OrderResult Give(OrderRequest request) {
    request.actor = "ann";
    const Answer answer = cluster_.Do(leader_, std::move(request));
    EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
    if (!answer.failure.ok()) return {};
    cluster_.RunFor(kSec);  // each node looks at its orders, and tells its leader
    return std::get<OrderResult>(answer.result);
  }
  OrderRequest Of(OrderKind kind, uint32_t node) {
    OrderRequest request;
    request.kind = kind;
    request.node = NodeId{node};
    return request;
  }
  // Its outcome, told by whoever leads then.
  HandoverRow Move(uint32_t to) {
    HandoverCall call;
    call.order = {"move", NodeId{to}, "a test", 5 * kSec, 100 * kMs};
    call.actor = "cid";
    for (int i = 0; i < 20; ++i) {
      const HandoverResult result = cluster_.Handover(leader_, call);
      if (result.row) return *result.row;
      cluster_.RunFor(200 * kMs);
      if (const uint32_t leader = cluster_.Leader(); leader != 0) leader_ = leader;
    }
    ADD_FAILURE() << "nobody tells of it";
    return {};
  }
  // The two that do not lead, the lower id first: the order in which they would stand.
  std::vector<uint32_t> Others() const {
    std::vector<uint32_t> others;
    for (uint32_t n = 1; n <= 3; ++n) {
      if (n != leader_) others.push_back(n);
    }
    return others;
  }
  // Kills the leader, and starts it again once another leads.
  uint32_t LoseTheLeader() {
    const uint32_t lost = leader_;
    cluster_.Crash(lost, false);
    leader_ = cluster_.ElectAndRecord();
    cluster_.Start(lost);
    cluster_.RunFor(2 * kSec);
    return leader_;
  }
  std::vector<AuditRow> Audit(uint32_t n) {
    std::vector<AuditRow> rows;
    const engine::Overlay none;
    const engine::View view(cluster_.engine(n), none, Slot{});
    engine::ScanSpec spec;
    spec.keyspace = kSystemKeyspace;
    spec.begin = engine::UserKey(engine::SystemKey(engine::SystemTable::kAudit, ""));
    spec.end = std::string(1, static_cast<char>(spec.begin[0] + 1));
    const auto page = view.Scan(spec, engine::ReadTier::kAny);
    EXPECT_TRUE(page.ok() && !page->next);
    std::string hash(kAuditHashBytes, '\0');
    for (const engine::Record& record : page->records) {
      auto row = DecodeAuditRow(record.value);
      EXPECT_TRUE(row.ok()) << row.status();
      EXPECT_EQ(row->number, rows.size() + 1);
      EXPECT_EQ(row->previous, hash) << "line " << row->number;
      hash = AuditHash(record.value);
      rows.push_back(*std::move(row));
    }
    return rows;
  }

  SimCluster cluster_{SimOptions{}};
  uint32_t leader_ = 0;
};

TEST_F(OrdersSimTest, ABarredNodeDoesNotLeadNext) {
  const std::vector<uint32_t> others = Others();
  Give(Of(OrderKind::kBar, others[0]));
  EXPECT_EQ(LoseTheLeader(), others[1]);
}

TEST_F(OrdersSimTest, AnOrderThatIsLiftedOrOverHoldsNobodyBack) {
  const std::vector<uint32_t> others = Others();
  OrderRequest bar = Of(OrderKind::kBar, others[0]);
  bar.for_us = 5 * kSec;
  Give(bar);
  cluster_.RunFor(6 * kSec);
  OrderRequest other = Of(OrderKind::kBar, others[1]);
  Give(other);
  other.lift = true;
  EXPECT_FALSE(Give(other).unchanged);
  EXPECT_TRUE(Give(other).unchanged);
  EXPECT_EQ(LoseTheLeader(), others[0]);
}

TEST_F(OrdersSimTest, APreferenceComesBeforeTheNodeId) {
  const std::vector<uint32_t> others = Others();
  OrderRequest prefer = Of(OrderKind::kPreference, others[0]);
  prefer.priority = 9;
  Give(prefer);
  EXPECT_EQ(LoseTheLeader(), others[1]);
}

TEST_F(OrdersSimTest, NoHandoverGoesToABarredNode) {
  const uint32_t to = Others()[0];
  Give(Of(OrderKind::kBar, to));
  const HandoverRow row = Move(to);
  EXPECT_EQ(row.state(), HandoverState::kRejected);
  EXPECT_NE(row.outcome.find("barred"), std::string::npos) << row.outcome;
}

// It led for a moment and was lost: others come first for a while, and an operator may still hand
// over to it.
TEST_F(OrdersSimTest, ANodeThatFlapsIsHeldDown) {
  const uint32_t flapped = leader_;
  LoseTheLeader();
  const std::vector<AuditRow> audit = Audit(leader_);
  ASSERT_FALSE(audit.empty());
  EXPECT_EQ(audit.back().what, "HELD_DOWN");
  EXPECT_EQ(audit.back().node, NodeId{flapped});
  ASSERT_GE(audit.size(), 2u);
  EXPECT_EQ(audit.back().slot, audit[audit.size() - 2].slot.Next())
      << "in the reign's first entry, with the reign's own line";
  const uint32_t third = 6 - flapped - leader_;
  EXPECT_EQ(LoseTheLeader(), third) << "though the other may have the lower id";

  cluster_.RunFor(kSec);
  const HandoverRow row = Move(flapped);
  EXPECT_EQ(row.state(), HandoverState::kDone) << row.outcome;
}

TEST_F(OrdersSimTest, AFreezeDoesNotKeepAFlappingNodeFromBeingHeldDown) {
  Give(Of(OrderKind::kFreeze, 0));
  LoseTheLeader();
  EXPECT_EQ(Audit(leader_).back().what, "HELD_DOWN");
}

TEST_F(OrdersSimTest, TheAuditNamesEachChangeOnceAndIsChainedAcrossReigns) {
  const uint32_t first = leader_;
  OrderRequest bar = Of(OrderKind::kBar, Others()[1]);
  bar.reason = "its disk";
  Give(bar);
  engine::KeyspaceSettings async;
  async.mode = engine::KeyspaceMode::kAsync;
  ASSERT_TRUE(cluster_
                  .Do(leader_, engine::KeyspaceRequest{engine::CreateKeyspace{"fast", async}, "bob",
                                                       "a shop"})
                  .failure.ok());
  engine::AlterKeyspace to_sync;
  to_sync.name = "fast";
  to_sync.mode = engine::KeyspaceMode::kSync;
  ASSERT_TRUE(cluster_.Do(leader_, engine::KeyspaceRequest{to_sync, "bob", ""}).failure.ok());
  ASSERT_EQ(Move(Others()[0]).state(), HandoverState::kDone);
  cluster_.RunFor(kSec);
  LoseTheLeader();

  std::vector<std::string> told;
  for (const AuditRow& row : Audit(leader_)) {
    told.push_back(std::string(NameOf(row.kind)) + " " + row.what);
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      "REIGN ELECTED", "ORDER BARRED", "KEYSPACE CREATED async",
                      "KEYSPACE ALTERED async to sync", "HANDOVER REQUESTED", "REIGN HANDED_OVER",
                      "HANDOVER DONE", "REIGN ELECTED", "ORDER HELD_DOWN"}));
  cluster_.RunFor(kSec);
  const std::vector<AuditRow> rows = Audit(first);
  ASSERT_EQ(rows.size(), told.size()) << "every node has the same";
  EXPECT_EQ(rows[1].actor, "ann");
  EXPECT_EQ(rows[1].reason, "its disk");
  EXPECT_EQ(rows[4].object, "move");
  EXPECT_EQ(rows[4].actor, "cid");
  EXPECT_EQ(rows[5].from, rows[0].reign);
  EXPECT_GT(rows[5].from_slot, Slot{});
}

}  // namespace
}  // namespace baton::server
