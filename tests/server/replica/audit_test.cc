// Lines of the audit: their rows, and how they are chained.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/state/row.h"
#include "server/codec/audit_row.h"
#include "server/replica/audit_chain.h"
#include "server/replica/audit_words.h"

namespace baton::server {
namespace {

AuditRow Whole() {
  AuditRow row;
  row.number = 300;
  row.previous = std::string(kAuditHashBytes, 'h');
  row.kind = AuditKind::kOrder;
  row.what = "BARRED";
  row.object = "until it is lifted";
  row.node = NodeId{2};
  row.actor = "ann";
  row.reason = "its disk";
  row.reign = Ballot{7, NodeId{3}};
  row.from = Ballot{6, NodeId{1}};
  row.from_slot = Slot{90};
  row.slot = Slot{100};
  row.log_time_us = 5;
  row.wall_time_us = 1'700'000'000'000'000;
  return row;
}

TEST(AuditRowTest, ComesBackAsItWas) {
  const auto decoded = DecodeAuditRow(EncodeAuditRow(Whole()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Whole());
}

TEST(AuditRowTest, WhatIsNoRowIsRefused) {
  const std::string bytes = EncodeAuditRow(Whole());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeAuditRow(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  std::string newer = bytes;
  ++newer[0];
  EXPECT_EQ(DecodeAuditRow(newer).status().code(), absl::StatusCode::kFailedPrecondition);
}

// FIPS 180-2, the first example.
TEST(AuditRowTest, HashesAsOthersDo) {
  const std::string hash = AuditHash("abc");
  ASSERT_EQ(hash.size(), kAuditHashBytes);
  EXPECT_EQ(hash.substr(0, 4), std::string("\xba\x78\x16\xbf"));
  EXPECT_EQ(hash.substr(28), std::string("\xf2\x00\x15\xad", 4));
}

ReignRow ReignOf(uint64_t round, uint32_t node) {
  ReignRow row;
  row.reign.ballot = Ballot{round, NodeId{node}};
  row.slot = Slot{10 * round};
  return row;
}

// What the writer has, by the order of the rows.
std::vector<AuditRow> RowsOf(const engine::EffectsWriter& writer) {
  std::vector<AuditRow> rows;
  engine::EffectsReader effects(writer.bytes(), writer.base());
  for (engine::Effect effect; effects.Next(&effect);) {
    const auto row = engine::DecodeRow(effect.row);
    EXPECT_TRUE(row.ok());
    auto audit = DecodeAuditRow(row->value);
    EXPECT_TRUE(audit.ok()) << audit.status();
    rows.push_back(*std::move(audit));
  }
  return rows;
}

TEST(AuditChainTest, EachRowHasTheHashOfTheOneBefore) {
  AuditChain chain({}, {ReignOf(1, 1), ReignOf(2, 3)});
  engine::EffectsWriter writer(Revision{1});
  writer.BeginRequest();
  chain.Append(Whole(), &writer);
  chain.Append(Whole(), &writer);
  writer.EndRequest();
  const std::vector<AuditRow> rows = RowsOf(writer);
  ASSERT_EQ(rows.size(), 4u) << "both reigns first, once";
  EXPECT_EQ(rows[0].kind, AuditKind::kReign);
  EXPECT_EQ(rows[0].object, "1.1");
  EXPECT_EQ(rows[1].object, "2.3");
  EXPECT_EQ(rows[2].what, "BARRED");
  EXPECT_EQ(rows[3].reign, (Ballot{2, NodeId{3}})) << "of the leader that writes";
  std::string hash(kAuditHashBytes, '\0');
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].number, i + 1);
    EXPECT_EQ(rows[i].previous, hash);
    hash = AuditHash(EncodeAuditRow(rows[i]));
  }
}

TEST(AuditChainTest, GoesOnWhereTheReignBeforeHasEnded) {
  const AuditEnd end{41, std::string(kAuditHashBytes, 'e'), Ballot{1, NodeId{1}}};
  AuditChain chain(end, {ReignOf(1, 1), ReignOf(2, 3)});
  engine::EffectsWriter writer(Revision{1});
  writer.BeginRequest();
  chain.AppendReigns(&writer);
  chain.AppendReigns(&writer);
  writer.EndRequest();
  const std::vector<AuditRow> rows = RowsOf(writer);
  ASSERT_EQ(rows.size(), 1u) << "the first has its row";
  EXPECT_EQ(rows[0].number, 42u);
  EXPECT_EQ(rows[0].previous, end.hash);
  EXPECT_EQ(rows[0].object, "2.3");
}

TEST(AuditWords, SayWhatAChangeDid) {
  using consensus::Role;
  consensus::Membership before{
      Epoch{1}, {{NodeId{1}, Role::kVoter, ""}, {NodeId{2}, Role::kVoter, ""}}, {}};
  consensus::Membership after{
      Epoch{2}, {{NodeId{1}, Role::kLearner, ""}, {NodeId{4}, Role::kWitness, ""}}, before.members};
  EXPECT_EQ(WordsOf(before, after),
            "node 1 becomes learner, was voter; node 4 joins as witness; node 2 leaves");
  consensus::Membership done = after;
  done.outgoing.clear();
  EXPECT_EQ(WordsOf(after, done), "the change before is done");

  engine::KeyspaceSettings from, to;
  EXPECT_EQ(WordsOf(from, to), "");
  to.mode = engine::KeyspaceMode::kAsync;
  to.on_budget = engine::OnBudget::kFail;
  to.max_unreplicated_ops = 5;
  to.description = "of shops";
  EXPECT_EQ(WordsOf(from, to),
            "mode sync to async, on_budget wait to fail, max_unreplicated_ops 10000 to 5, "
            "its description");
  EXPECT_EQ(UtcWords(1'795'868'772'696'499), "2026-11-28T12:26:12Z");
}

}  // namespace
}  // namespace baton::server
