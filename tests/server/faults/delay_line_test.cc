#include "server/faults/delay_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace baton::server {
namespace {

consensus::Message To(uint32_t peer, uint64_t number) {
  consensus::Accept accept;
  accept.read_round = number;
  return {NodeId{9}, NodeId{peer}, kFirstGroup, accept};
}

// The numbers of all that is due.
std::vector<uint64_t> TakeAll(DelayLine* line, int64_t now_us) {
  std::vector<uint64_t> numbers;
  while (const auto message = line->Take(now_us)) {
    numbers.push_back(std::get<consensus::Accept>(message->body).read_round);
  }
  return numbers;
}

TEST(DelayLineTest, GivesOutWhatIsDueInOrder) {
  DelayLine line;
  EXPECT_EQ(line.NextDueUs(), INT64_MAX);
  line.Put(30, To(1, 3));
  line.Put(10, To(2, 1));
  line.Put(20, To(3, 2));
  EXPECT_EQ(line.NextDueUs(), 10);
  EXPECT_EQ(TakeAll(&line, 9), std::vector<uint64_t>{});
  EXPECT_EQ(TakeAll(&line, 20), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(TakeAll(&line, 1000), (std::vector<uint64_t>{3}));
  EXPECT_EQ(line.NextDueUs(), INT64_MAX);
}

TEST(DelayLineTest, NothingOvertakesOnTheWayToOnePeer) {
  DelayLine line;
  line.Put(100, To(1, 1));
  line.Put(50, To(1, 2));  // the delay was shortened meanwhile
  line.Put(60, To(2, 3));
  EXPECT_TRUE(line.Holds(NodeId{1}));
  EXPECT_EQ(TakeAll(&line, 99), std::vector<uint64_t>{3});
  EXPECT_FALSE(line.Holds(NodeId{2}));
  EXPECT_EQ(TakeAll(&line, 100), (std::vector<uint64_t>{1, 2}));
  EXPECT_FALSE(line.Holds(NodeId{1}));
}

TEST(DelayLineTest, IsBounded) {
  DelayLine line;
  for (size_t i = 0; i < DelayLine::kMessagesMax; ++i) ASSERT_TRUE(line.Put(1, To(1, i)));
  EXPECT_FALSE(line.Put(1, To(1, 0)));
  EXPECT_FALSE(line.Put(1, To(2, 0)));
  EXPECT_FALSE(line.Holds(NodeId{2}));
  EXPECT_EQ(TakeAll(&line, 1).size(), DelayLine::kMessagesMax);
}

}  // namespace
}  // namespace baton::server
