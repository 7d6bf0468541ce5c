#include "base/types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>
#include <vector>

namespace baton {
namespace {

TEST(Types, DoNotTurnIntoOneAnother) {
  EXPECT_FALSE((std::is_convertible_v<uint64_t, Slot>));
  EXPECT_FALSE((std::is_convertible_v<Slot, uint64_t>));
  EXPECT_FALSE((std::is_convertible_v<Slot, Revision>));
  EXPECT_FALSE((std::is_convertible_v<NodeId, GroupId>));
}

TEST(Types, BallotsOrderByRoundThenNode) {
  const std::vector<Ballot> ascending = {{}, {1, {1}}, {1, {2}}, {2, {1}}};
  EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end()));
  EXPECT_LT(Ballot{}, (Ballot{1, NodeId{1}}));
}

TEST(Types, LogsAreRankedByBornBeforeLength) {
  // Design, small print: the best promise is the greatest (born, slot), not the longest log.
  const EntryId shorter_and_newer{{3, NodeId{1}}, Slot{5}};
  const EntryId longer_and_older{{2, NodeId{3}}, Slot{900}};
  EXPECT_GT(shorter_and_newer, longer_and_older);
}

TEST(Types, PrintAsInTranscripts) {
  EXPECT_EQ(ToString(Slot{12}), "12");
  EXPECT_EQ(ToString(Ballot{7, NodeId{2}}), "7.2");
  EXPECT_EQ(ToString(EntryId{{7, NodeId{2}}, Slot{12}}), "12@7.2");
  EXPECT_EQ(ToString(Id128{0x0123456789abcdef, 0xfedcba9876543210}),
            "0123456789abcdeffedcba9876543210");
}

TEST(Types, SlotsStep) {
  EXPECT_EQ(Slot{4}.Next(), Slot{5});
  EXPECT_EQ(Slot{4}.Prev(), Slot{3});
}

}  // namespace
}  // namespace baton
