#include "consensus/log_window.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/consensus/cluster.h"

namespace baton::consensus {
namespace {

constexpr Ballot B(uint64_t round, uint32_t node = 1) { return Ballot{round, NodeId{node}}; }
constexpr EntryId Id(uint64_t slot, uint64_t round, uint32_t node = 1) {
  return EntryId{B(round, node), Slot{slot}};
}

// Slots 1-2 born in 1.1, 3-5 in 3.1, 6 in 4.1; all in memory.
LogWindow Sample() {
  LogWindow log;
  for (uint64_t slot = 1; slot <= 6; ++slot) {
    log.Append(MakeEntry(Id(slot, slot <= 2 ? 1 : slot <= 5 ? 3 : 4), "four"));
  }
  return log;
}

TEST(LogWindowTest, AnEmptyLogEndsAtItsBase) {
  const LogWindow log;
  EXPECT_EQ(log.last(), EntryId{});
  EXPECT_EQ(log.base(), EntryId{});
  EXPECT_TRUE(log.Holds(EntryId{}));
  EXPECT_EQ(log.Find(Slot{1}), nullptr);
  EXPECT_EQ(log.NewestAtMost(Id(9, 9)), EntryId{});
}

TEST(LogWindowTest, NamesEachEntry) {
  const LogWindow log = Sample();
  EXPECT_EQ(log.last(), Id(6, 4));
  EXPECT_EQ(log.IdAt(Slot{2}), Id(2, 1));
  EXPECT_EQ(log.IdAt(Slot{3}), Id(3, 3));
  EXPECT_TRUE(log.Holds(Id(5, 3)));
  EXPECT_FALSE(log.Holds(Id(5, 4)));
  EXPECT_FALSE(log.Holds(Id(7, 4)));
}

TEST(LogWindowTest, FindsTheNewestIdAtMostABound) {
  const LogWindow log = Sample();
  EXPECT_EQ(log.NewestAtMost(Id(9, 9)), Id(6, 4));
  EXPECT_EQ(log.NewestAtMost(Id(5, 9)), Id(5, 3));
  EXPECT_EQ(log.NewestAtMost(Id(9, 3)), Id(5, 3));
  EXPECT_EQ(log.NewestAtMost(Id(9, 2)), Id(2, 1));
  EXPECT_EQ(log.NewestAtMost(Id(1, 9)), Id(1, 1));
  EXPECT_EQ(log.NewestAtMost(EntryId{}), EntryId{});
}

TEST(LogWindowTest, TwoLogsMeetAtTheirLastCommonEntry) {
  const LogWindow a = Sample();
  LogWindow b;
  for (uint64_t slot = 1; slot <= 20; ++slot) {
    b.Append(MakeEntry(slot <= 2 ? Id(slot, 1) : Id(slot, 2, 2), "b"));
  }
  EntryId at = a.NewestAtMost(b.last());
  int rounds = 0;
  while (!b.Holds(at)) {
    at = a.NewestAtMost(b.NewestAtMost(at));
    ASSERT_LT(++rounds, 3);
  }
  EXPECT_EQ(at, Id(2, 1));
}

TEST(LogWindowTest, CutForgetsBytesAndRuns) {
  LogWindow log = Sample();
  log.CutFrom(Slot{4});
  EXPECT_EQ(log.last(), Id(3, 3));
  EXPECT_EQ(log.cached_bytes(), 12u);
  log.Append(MakeEntry(Id(4, 5), "new"));
  EXPECT_EQ(log.IdAt(Slot{3}), Id(3, 3));
  EXPECT_EQ(*log.Find(Slot{4})->bytes, "new");
  log.CutFrom(Slot{1});
  EXPECT_EQ(log, LogWindow());
}

TEST(LogWindowTest, EvictsUpToASlotAndOldestFirst) {
  LogWindow log = Sample();
  log.Evict(Slot{2}, 4);
  EXPECT_EQ(log.first_cached(), Slot{3});
  EXPECT_EQ(log.Find(Slot{2}), nullptr);
  EXPECT_EQ(log.IdAt(Slot{2}), Id(2, 1));
  log.Evict(Slot{6}, 8);
  EXPECT_EQ(log.first_cached(), Slot{5});
  EXPECT_EQ(log.cached_bytes(), 8u);
}

TEST(LogWindowTest, TakesWithinTheByteLimitAndAtLeastOne) {
  const LogWindow log = Sample();
  EXPECT_EQ(log.Take(Slot{2}, 9).size(), 2u);
  EXPECT_EQ(log.Take(Slot{2}, 1).size(), 1u);
  EXPECT_EQ(log.Take(Slot{2}, 1 << 20).size(), 5u);
  EXPECT_TRUE(log.Take(Slot{7}, 100).empty());
}

TEST(LogWindowTest, TruncatesWithinARunAndToTheEnd) {
  LogWindow log = Sample();
  log.TruncateTo(Id(4, 3));
  EXPECT_EQ(log.base(), Id(4, 3));
  EXPECT_EQ(log.IdAt(Slot{5}), Id(5, 3));
  EXPECT_EQ(log.first_cached(), Slot{5});
  EXPECT_EQ(log.NewestAtMost(Id(2, 1)), Id(4, 3));
  log.TruncateTo(Id(6, 4));
  EXPECT_EQ(log.last(), Id(6, 4));
  EXPECT_EQ(log.cached_bytes(), 0u);
  log.Append(MakeEntry(Id(7, 4), "x"));
  EXPECT_EQ(log.last(), Id(7, 4));
}

TEST(LogWindowTest, ARecoveredLogIsKnownByIdsAlone) {
  LogWindow log(Id(2, 1), Slot{5}, {BornRun{Slot{3}, B(1)}, BornRun{Slot{5}, B(2)}});
  EXPECT_EQ(log.last(), Id(5, 2));
  EXPECT_EQ(log.first_cached(), Slot{6});
  EXPECT_EQ(log.Find(Slot{5}), nullptr);
  log.Append(MakeEntry(Id(6, 2), "x"));
  EXPECT_EQ(log.first_cached(), Slot{6});
  log.CutFrom(Slot{4});
  EXPECT_EQ(log.last(), Id(3, 1));
  EXPECT_EQ(log.first_cached(), Slot{4});
}

TEST(LogWindowDeathTest, RefusesAGap) {
  LogWindow log = Sample();
  EXPECT_DEATH(log.Append(MakeEntry(Id(8, 4), "x")), "does not follow");
  EXPECT_DEATH(log.Append(MakeEntry(Id(7, 3), "x")), "is older than");
  EXPECT_DEATH(log.TruncateTo(Id(4, 4)), "to truncate to");
}

// Each would give some slot an id that the disk does not have.
TEST(LogWindowDeathTest, RefusesRunsThatAreNone) {
  const auto make = [](std::vector<BornRun> runs) {
    LogWindow(Id(2, 1), Slot{9}, std::move(runs));
  };
  EXPECT_DEATH(make({}), "do not cover");
  EXPECT_DEATH(make({{Slot{4}, B(1)}}), "leave a gap");
  EXPECT_DEATH(make({{Slot{3}, B(1)}, {Slot{3}, B(2)}}), "out of order");
  EXPECT_DEATH(make({{Slot{3}, B(2)}, {Slot{5}, B(2)}}), "out of order");
  EXPECT_DEATH(make({{Slot{3}, B(2)}, {Slot{5}, B(1)}}), "out of order");
  EXPECT_DEATH(make({{Slot{3}, B(1)}, {Slot{10}, B(2)}}), "above the end");
}

}  // namespace
}  // namespace baton::consensus
