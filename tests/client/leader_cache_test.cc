#include "client/leader_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baton::client {
namespace {

using ::testing::ElementsAre;

v1::BallotNumber Ballot(uint64_t round, uint32_t node) {
  v1::BallotNumber ballot;
  ballot.set_round(round);
  ballot.set_node(node);
  return ballot;
}

TEST(LeaderCache, LearnsEachAddressOnce) {
  LeaderCache cache({"a:1", "b:1"});
  EXPECT_FALSE(cache.Learn(""));
  EXPECT_FALSE(cache.Learn("a:1"));
  EXPECT_TRUE(cache.Learn("c:1"));
  EXPECT_FALSE(cache.Learn("c:1"));
  EXPECT_THAT(cache.addresses(), ElementsAre("a:1", "b:1", "c:1"));
}

TEST(LeaderCache, ForgetsTheOldestLearnedAddressAtItsLimit) {
  LeaderCache cache({"a:1"});
  for (size_t i = 0; i < 2 * LeaderCache::kAddressesMax; ++i) {
    cache.Learn("h" + std::to_string(i) + ":1");
  }
  EXPECT_EQ(cache.addresses().size(), LeaderCache::kAddressesMax);
  EXPECT_EQ(cache.addresses().front(), "a:1");
  EXPECT_EQ(cache.addresses().back(), "h127:1");
}

TEST(LeaderCache, ALowerBallotLeadsNoMore) {
  LeaderCache cache({"a:1"});
  EXPECT_TRUE(cache.Believe("x", Ballot(5, 1)));
  EXPECT_TRUE(cache.Believe("x", Ballot(5, 1)));
  EXPECT_FALSE(cache.IsNews("x", Ballot(5, 1)));
  EXPECT_TRUE(cache.IsNews("x", Ballot(5, 2)));
  EXPECT_TRUE(cache.Believe("x", Ballot(7, 2)));
  EXPECT_FALSE(cache.Believe("x", Ballot(5, 1)));
  EXPECT_FALSE(cache.Believe("x", Ballot(7, 1)));
}

TEST(LeaderCache, AnotherClusterAtTheSameAddressesStartsAnew) {
  LeaderCache cache({"a:1"});
  EXPECT_TRUE(cache.Believe("x", Ballot(9, 1)));
  EXPECT_FALSE(cache.IsNews("y", Ballot(10, 1)));
  EXPECT_TRUE(cache.Believe("y", Ballot(1, 1)));
}

}  // namespace
}  // namespace baton::client
