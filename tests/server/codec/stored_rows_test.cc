#include "server/codec/stored_rows.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::server {
namespace {

consensus::HardState StateExample() {
  consensus::Membership first{Epoch{1}, {{NodeId{3}, consensus::Role::kVoter, "c"}}, {}};
  consensus::Membership next = first;
  next.epoch = Epoch{2};
  next.outgoing = first.members;
  return {Ballot{7, NodeId{3}}, 500'000,
          consensus::Configurations({{EntryId{}, first}, {{Ballot{7, NodeId{3}}, Slot{9}}, next}})};
}

TEST(StoredRows, HardStateRoundTrips) {
  const consensus::HardState state = StateExample();
  const auto decoded = DecodeHardState(EncodeHardState(state));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, state);
}

TEST(StoredRows, HardStateIsTheExampleOfTheFormatPage) {
  using std::string_literals::operator""s;
  EXPECT_EQ(EncodeHardState(StateExample()),
            "\x02\x07\x03\xa0\xc2\x1e"
            "\x02"
            "\x00\x00\x00"
            "\x01\0\0\0\0\0\0\0\x01\x03\0\0\0\x01\x01"
            "c\x00"
            "\x09\x07\x03"
            "\x02\0\0\0\0\0\0\0\x01\x03\0\0\0\x01\x01"
            "c\x01\x03\0\0\0\x01\x01"
            "c"s);
}

TEST(StoredRows, ReadsTheHardStateOfTheFirstVersion) {
  const auto decoded = DecodeHardState("\x01\x07\x03\xa0\xc2\x1e\x01");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->promised, (Ballot{7, NodeId{3}}));
  EXPECT_EQ(decoded->longest_lease_us, 500'000);
  EXPECT_TRUE(decoded->configurations.all().empty());
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

TEST(StoredRows, MembersRowRoundTrips) {
  MembersRow row;
  row.membership = {
      Epoch{7},
      {{NodeId{1}, consensus::Role::kVoter, "a"}, {NodeId{22}, consensus::Role::kLearner, "b"}},
      {{NodeId{2}, consensus::Role::kVoter, "c"}}};
  row.slot = Slot{41};
  row.log_time_us = 5;
  row.wall_time_us = 1'700'000'000'000'000;
  row.actor = "ann";
  row.reason = "the disk of n2 is failing";
  const std::string bytes = EncodeMembersRow(row);
  const auto decoded = DecodeMembersRow(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, row);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeMembersRow(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_LT(MembersRowSuffix(Epoch{255}), MembersRowSuffix(Epoch{256}));
}

TEST(StoredRows, RefusesNewerVersionsAndCuts) {
  std::string state = EncodeHardState(StateExample());
  EXPECT_EQ(DecodeHardState(state.substr(0, 3)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeHardState("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeHardState(state + "x").status().code(), absl::StatusCode::kDataLoss);
  state[0] = 3;
  EXPECT_EQ(DecodeHardState(state).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DecodeReignRow("\x02").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DecodeMembersRow("\x02").status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace baton::server
