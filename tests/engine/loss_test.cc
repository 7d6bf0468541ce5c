#include "engine/state/loss.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::engine {
namespace {

Loss ALoss() {
  Loss loss;
  loss.entry = {Ballot{3, NodeId{2}}, Slot{41}};
  loss.index = 5;
  loss.kind = Loss::Kind::kDeleteRange;
  loss.acknowledged = Loss::Acknowledged::kNo;
  loss.keyspace = KeyspaceId{7};
  loss.keyspace_name = "fast";
  loss.key = std::string("a\0b", 3);
  loss.end = "c";
  loss.value = "v";
  loss.revision = Revision{300};
  loss.session = 9;
  loss.sequence = 4;
  loss.wall_time_us = 1'700'000'000'000'000;
  loss.found_on = NodeId{2};
  return loss;
}

TEST(LossTest, IsReadAsItWasWritten) {
  const Loss loss = ALoss();
  const auto read = DecodeLoss(LossSuffix(loss.entry, loss.index), EncodeLoss(loss));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, loss);
}

TEST(LossTest, RowsSortByBallotSlotAndPlace) {
  const auto at = [](uint64_t round, uint32_t node, uint64_t slot, uint32_t index) {
    return LossSuffix({Ballot{round, NodeId{node}}, Slot{slot}}, index);
  };
  EXPECT_LT(at(2, 9, 900, 9), at(3, 1, 1, 0));
  EXPECT_LT(at(3, 1, 900, 9), at(3, 2, 1, 0));
  EXPECT_LT(at(3, 2, 255, 9), at(3, 2, 256, 0));
  EXPECT_LT(at(3, 2, 256, 255), at(3, 2, 256, 256));
  EXPECT_EQ(at(3, 2, 41, 5).size(), 24u);
}

TEST(LossTest, OtherVersionsAndDamageAreTold) {
  const std::string suffix = LossSuffix(ALoss().entry, 5);
  std::string newer = EncodeLoss(ALoss());
  newer[0] = 2;
  EXPECT_EQ(DecodeLoss(suffix, newer).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string whole = EncodeLoss(ALoss());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeLoss(suffix, whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeLoss(suffix, whole + "x").ok());
  EXPECT_FALSE(DecodeLoss(suffix.substr(1), whole).ok());
}

TEST(LossTest, AReportIsReadAsItWasWrittenOrRefused) {
  Loss other = ALoss();
  other.index = 6;
  const LossRequest told{{ALoss(), other}};
  const std::string bytes = EncodeLosses(told);
  const auto read = DecodeLosses(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->losses, told.losses);
  const size_t first = EncodeLosses({{ALoss()}}).size();
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeLosses(bytes.substr(0, size)).ok(), size == first) << size;
  }
}

}  // namespace
}  // namespace baton::engine
