#include "server/codec/stored_rows.h"

#include <gtest/gtest.h>

namespace baton::server {
namespace {

TEST(StoredRows, HardStateRoundTrips) {
  const consensus::HardState state{Ballot{7, NodeId{3}}, 500'000, Epoch{1}};
  const auto decoded = DecodeHardState(EncodeHardState(state));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, state);
}

TEST(StoredRows, HardStateIsTheExampleOfTheFormatPage) {
  EXPECT_EQ(EncodeHardState({Ballot{7, NodeId{3}}, 500'000, Epoch{1}}),
            "\x01\x07\x03\xa0\xc2\x1e\x01");
}

TEST(StoredRows, ReignRowRoundTrips) {
  ReignRow row;
  row.reign = {
      Ballot{7, NodeId{3}}, consensus::Cause::kElection, 0, Ballot{6, NodeId{1}}, Slot{40}, 2};
  row.slot = Slot{41};
  row.log_time_us = 5;
  row.wall_time_us = 1'700'000'000'000'000;
  row.candidacy_us = 900;
  const auto decoded = DecodeReignRow(EncodeReignRow(row));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, row);
}

TEST(StoredRows, ReignKeysSortByBallot) {
  EXPECT_LT(ReignRowSuffix(Ballot{2, NodeId{9}}), ReignRowSuffix(Ballot{300, NodeId{1}}));
  EXPECT_LT(ReignRowSuffix(Ballot{300, NodeId{1}}), ReignRowSuffix(Ballot{300, NodeId{2}}));
}

TEST(StoredRows, RefusesNewerVersionsAndCuts) {
  std::string state = EncodeHardState({Ballot{7, NodeId{3}}, 500'000, Epoch{1}});
  EXPECT_EQ(DecodeHardState(state.substr(0, 3)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeHardState("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeHardState(state + "x").status().code(), absl::StatusCode::kDataLoss);
  state[0] = 2;
  EXPECT_EQ(DecodeHardState(state).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DecodeReignRow("\x02").status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace baton::server
