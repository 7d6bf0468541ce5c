// Orders about who may lead: their rows, when they stand, what flapping costs.
#include <gtest/gtest.h>

#include <string>

#include "server/codec/order_row.h"
#include "server/replica/order_changes.h"

namespace baton::server {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kNow = 1'700'000'000 * kSecond;
constexpr NodeId kNode{2};

OrderRow Whole() {
  OrderRow row;
  row.kind = OrderKind::kPreference;
  row.node = kNode;
  row.since_us = kNow;
  row.until_us = kNow + kSecond;
  row.flaps = 3;
  row.region = 0;
  row.priority = 255;
  row.actor = "ann";
  row.reason = "nearer";
  return row;
}

// As the sequencer does it.
OrderResult Change(const OrderRequest& request, Orders* orders, int64_t wall_us = kNow) {
  engine::EffectsWriter writer(Revision{1});
  writer.BeginRequest();
  OrderResult result = ChangeOrders(request, wall_us, orders, &writer);
  EXPECT_EQ(writer.EndRequest() == Revision{}, result.unchanged) << "what changes is written";
  return result;
}

OrderRequest Bar(int64_t for_us = 0) {
  OrderRequest request;
  request.node = kNode;
  request.for_us = for_us;
  request.actor = "ann";
  return request;
}

TEST(OrderRowTest, ComesBackAsItWas) {
  OrderRow bare;
  for (const OrderRow& row : {Whole(), bare}) {
    const auto decoded = DecodeOrderRow(EncodeOrderRow(row));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, row);
  }
}

TEST(OrderRowTest, WhatIsNoRowIsRefused) {
  const std::string bytes = EncodeOrderRow(Whole());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeOrderRow(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(DecodeOrderRow(bytes + "x").ok());
  std::string newer = bytes;
  ++newer[0];
  EXPECT_EQ(DecodeOrderRow(newer).status().code(), absl::StatusCode::kFailedPrecondition);
  std::string unknown = bytes;
  unknown[1] = 9;
  EXPECT_FALSE(DecodeOrderRow(unknown).ok());
}

TEST(OrdersTest, AnOrderStandsUntilItsTimeOrUntilItIsLifted) {
  Orders orders;
  EXPECT_FALSE(Change(Bar(10 * kSecond), &orders).unchanged);
  EXPECT_NE(orders.Find(OrderKind::kBar, kNode, kNow + 10 * kSecond - 1), nullptr);
  EXPECT_EQ(orders.Find(OrderKind::kBar, kNode, kNow + 10 * kSecond), nullptr);
  EXPECT_EQ(orders.Find(OrderKind::kHoldDown, kNode, kNow), nullptr);
  EXPECT_EQ(orders.Find(OrderKind::kBar, NodeId{3}, kNow), nullptr);

  OrderRequest lift = Bar();
  lift.lift = true;
  const OrderResult lifted = Change(lift, &orders);
  EXPECT_FALSE(lifted.unchanged);
  EXPECT_EQ(lifted.row.until_us, kNow + 10 * kSecond) << "as it was";
  EXPECT_EQ(orders.Find(OrderKind::kBar, kNode, kNow), nullptr);
  EXPECT_TRUE(Change(lift, &orders).unchanged);
}

TEST(OrdersTest, TheSameOrderAgainChangesNothing) {
  Orders orders;
  EXPECT_FALSE(Change(Bar(), &orders).unchanged);
  const OrderResult again = Change(Bar(), &orders, kNow + kSecond);
  EXPECT_TRUE(again.unchanged);
  EXPECT_EQ(again.row.since_us, kNow) << "it stands since then";
  OrderRequest other = Bar();
  other.reason = "another reason";
  EXPECT_FALSE(Change(other, &orders).unchanged);
  EXPECT_FALSE(Change(Bar(kSecond), &orders).unchanged) << "for another time";
}

TEST(OrdersTest, EachFlapIsHeldDownTwiceAsLong) {
  Orders orders;
  EXPECT_FALSE(HoldDown(orders, Policy(), kNode, 60 * kSecond, kNow)) << "it led for long enough";
  int64_t wall_us = kNow;
  int64_t expected_us = 60 * kSecond;
  for (uint32_t flap = 1; flap <= 10; ++flap) {
    const auto held = HoldDown(orders, Policy(), kNode, kSecond, wall_us);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->flaps, flap);
    EXPECT_EQ(held->until_us - held->since_us, expected_us);
    expected_us = std::min(2 * expected_us, 3'600 * kSecond);
    orders.Put(*held);
    wall_us = held->until_us + kSecond;  // as soon as it may lead again
  }
  const int64_t over_us = orders.Last(OrderKind::kHoldDown, kNode)->until_us;
  const auto much_later = HoldDown(orders, Policy(), kNode, kSecond, over_us + 3'600 * kSecond);
  ASSERT_TRUE(much_later);
  EXPECT_EQ(much_later->flaps, 1u) << "it was well for an hour";
}

}  // namespace
}  // namespace baton::server
