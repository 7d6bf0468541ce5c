#include "client/session_pool.h"

#include <gtest/gtest.h>

namespace baton::client {
namespace {

SessionPool WithOne() {
  SessionPool pool;
  pool.Opened(7);
  return pool;
}

TEST(SessionPool, HasNothingToGiveBeforeASessionIsOpen) {
  SessionPool pool;
  EXPECT_FALSE(pool.Take());
  EXPECT_TRUE(pool.WantsAnother());
  pool.Opening();
  EXPECT_FALSE(pool.WantsAnother());
  pool.NotOpened();
  EXPECT_TRUE(pool.WantsAnother());
  pool.Opened(7);
  EXPECT_EQ(pool.Take(), (WriteStamp{7, 1, 1}));
}

TEST(SessionPool, AcknowledgesWhatIsCompletedWithAllBefore) {
  SessionPool pool = WithOne();
  const WriteStamp first = *pool.Take();
  const WriteStamp second = *pool.Take();
  EXPECT_EQ(second, (WriteStamp{7, 2, 1}));
  pool.Done(second, false);
  EXPECT_EQ(pool.Take()->acked_below, 1u);
  pool.Done(first, false);
  EXPECT_EQ(*pool.Take(), (WriteStamp{7, 4, 3}));
}

TEST(SessionPool, AFullWindowAsksForAnotherSession) {
  SessionPool pool = WithOne();
  for (uint64_t n = 1; n <= SessionPool::kWindow; ++n) ASSERT_EQ(pool.Take()->sequence, n);
  EXPECT_FALSE(pool.Take());
  EXPECT_TRUE(pool.WantsAnother());
  pool.Opened(8);
  EXPECT_EQ(*pool.Take(), (WriteStamp{8, 1, 1}));
  pool.Done({7, 1, 1}, false);
  EXPECT_EQ(*pool.Take(), (WriteStamp{7, 1 + SessionPool::kWindow, 2}));
}

TEST(SessionPool, WhatIsUnknownCanBeAskedForUntilItsRoomIsNeeded) {
  SessionPool pool = WithOne();
  pool.Done(*pool.Take(), /*unknown=*/true);
  for (uint64_t n = 2; n <= SessionPool::kWindow; ++n) {
    const WriteStamp stamp = *pool.Take();
    ASSERT_EQ(stamp.acked_below, 1u);
    pool.Done(stamp, false);
  }
  EXPECT_EQ(pool.Take()->acked_below, 1 + SessionPool::kWindow);
}

TEST(SessionPool, KeepsTheNewestOfTheUnknown) {
  SessionPool pool = WithOne();
  for (size_t i = 0; i <= SessionPool::kUnknownKept; ++i) pool.Done(*pool.Take(), true);
  EXPECT_EQ(pool.Take()->acked_below, 2u);
}

TEST(SessionPool, GivesNoMoreOfASessionThatHasEnded) {
  SessionPool pool = WithOne();
  const WriteStamp stamp = *pool.Take();
  pool.Ended(7);
  EXPECT_FALSE(pool.Take());
  pool.Done(stamp, false);  // nothing
}

TEST(SessionPool, GivesUpTheSessionsOfWhichNothingWillBeAsked) {
  SessionPool pool;
  pool.Opened(7);
  EXPECT_EQ(pool.TakeSettled(), std::vector<uint64_t>{7}) << "one that was never used";
  EXPECT_FALSE(pool.Take());

  pool.Opened(8);
  const WriteStamp open = *pool.Take();
  EXPECT_TRUE(pool.TakeSettled().empty()) << "a write is not completed";
  pool.Done(open, /*unknown=*/false);
  EXPECT_EQ(pool.TakeSettled(), std::vector<uint64_t>{8});

  pool.Opened(9);
  pool.Done(*pool.Take(), /*unknown=*/true);
  EXPECT_TRUE(pool.TakeSettled().empty()) << "the caller may ask what became of it";

  pool.Ended(9);
  pool.Opened(10);
  const WriteStamp twice = *pool.Take();
  pool.SentAgain(10);
  pool.Done(twice, /*unknown=*/false);
  EXPECT_TRUE(pool.TakeSettled().empty()) << "the ledger may ask which copy counts";
}

}  // namespace
}  // namespace baton::client
