#include "server/codec/handover_row.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace baton::server {
namespace {

using enum HandoverState;

constexpr std::array kAll = {kRequested, kPreflight, kReady,   kSealed,     kReign,
                             kProbation, kDone,      kAborted, kHandedBack, kRejected};

HandoverRow Example() {
  HandoverRow row;
  row.number = 300;
  row.order = {"move-7", NodeId{0}, "the disk of n1 is slow", 30'000'000, 60'000'000};
  row.actor = "ann";
  row.ballot = Ballot{7, NodeId{1}};
  row.to = NodeId{2};
  int64_t time_us = 1'700'000'000'000'000;
  for (const HandoverState state : {kRequested, kPreflight, kReady, kSealed, kReign, kDone}) {
    row.steps.push_back({state, Slot{40 + row.steps.size()}, time_us, time_us + 5});
    time_us += 1'000;
  }
  row.checks = {{"lag", "at most 1 MiB", "312 bytes", true}, {"disk", "20 ms", "31 ms", false}};
  row.outcome = "n2 sustained writes for 60 s";
  row.successor = Ballot{8, NodeId{2}};
  row.write_pause_us = 4'100;
  return row;
}

TEST(HandoverRow, RoundTrips) {
  const auto decoded = DecodeHandoverRow(EncodeHandoverRow(Example()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Example());
}

TEST(HandoverRow, RefusesCutsAndNewerVersions) {
  std::string bytes = EncodeHandoverRow(Example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeHandoverRow(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(DecodeHandoverRow(bytes + "x").status().code(), absl::StatusCode::kDataLoss);
  bytes[0] = kHandoverRowVersion + 1;
  EXPECT_EQ(DecodeHandoverRow(bytes).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(HandoverRow, RefusesStepsThatCannotFollow) {
  for (const std::vector<HandoverState>& states : std::vector<std::vector<HandoverState>>{
           {kPreflight}, {kRequested, kReady}, {kRequested, kAborted, kPreflight}}) {
    HandoverRow row;
    for (const HandoverState state : states) row.steps.push_back({state});
    EXPECT_FALSE(DecodeHandoverRow(EncodeHandoverRow(row)).ok());
  }
  HandoverRow row;
  row.steps = {{kRequested, Slot{5}}, {kPreflight, Slot{4}}};
  EXPECT_FALSE(DecodeHandoverRow(EncodeHandoverRow(row)).ok());
}

TEST(HandoverRow, EveryStateHasAWayToAnEndAndNoneLeadsOutOfIt) {
  for (const HandoverState before : kAll) {
    bool ends = Final(before);
    for (const HandoverState after : kAll) {
      const bool may = MayFollow(before, after);
      EXPECT_FALSE(may && (Final(before) || after <= before)) << NameOf(before);
      ends |= may && Final(after);
    }
    EXPECT_TRUE(ends || MayFollow(before, kProbation)) << NameOf(before);
  }
  EXPECT_FALSE(MayFollow(kReign, kAborted)) << "the handover is the fact that the Reign is chosen";
}

TEST(HandoverRow, AnElectionGoesOnWithItsReign) {
  HandoverRow row;
  for (const HandoverState state : {kDetected, kCanvass, kPromised, kReign, kProbation, kDone}) {
    row.steps.push_back({state, Slot{7}});
  }
  const auto decoded = DecodeHandoverRow(EncodeHandoverRow(row));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(decoded->election());
  EXPECT_FALSE(Example().election());
  EXPECT_FALSE(Final(kPromised));
  EXPECT_FALSE(MayFollow(kRequested, kCanvass));
  EXPECT_FALSE(MayFollow(kCanvass, kReign));
  EXPECT_TRUE(CheckHandoverId("election-7.2").ok());
  EXPECT_TRUE(CheckNewHandoverId("move-7.2").ok());
  EXPECT_EQ(CheckNewHandoverId("election-7.2").code(), absl::StatusCode::kInvalidArgument)
      << "nobody asks for one";
}

TEST(HandoverRow, AnIdIsAWord) {
  for (const char* good : {"x", "move-7", "6a1f/2026"}) EXPECT_TRUE(CheckHandoverId(good).ok());
  const std::string longest(kHandoverIdBytesMax, 'x');
  EXPECT_TRUE(CheckHandoverId(longest).ok());
  for (const std::string& bad : {std::string(), longest + "x", std::string("a b"),
                                 std::string("\xc3\xa4"), std::string(1, '\0')}) {
    EXPECT_EQ(CheckHandoverId(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace baton::server
