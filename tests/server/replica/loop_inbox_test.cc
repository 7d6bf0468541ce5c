#include "server/replica/loop_inbox.h"

#include <gtest/gtest.h>

#include <vector>

namespace baton::server {
namespace {

QueuedWrite WriteOf(uint64_t tag, uint64_t bytes) {
  QueuedWrite write;
  write.to.tag = tag;
  write.bytes = bytes;
  return write;
}

TEST(LoopInbox, TakesWhatFitsAndKeepsItsCharge) {
  Wakeup wakeup;
  LoopInbox inbox({.calls_max = 3, .bytes_max = 100, .messages_max = 2}, &wakeup);
  std::vector<QueuedRead> reads;
  std::vector<QueuedWrite> writes = {WriteOf(1, 40), WriteOf(2, 40), WriteOf(3, 40)};
  inbox.PushCalls(&writes, &reads);
  ASSERT_EQ(writes.size(), 1u);  // over the bytes
  EXPECT_EQ(writes[0].to.tag, 3u);
  LoopWork work;
  EXPECT_TRUE(inbox.Take(&work));
  EXPECT_EQ(work.writes.size(), 2u);
  inbox.PushCalls(&writes, &reads);
  EXPECT_EQ(writes.size(), 1u);  // the loop still holds the others
  inbox.ReleaseCalls(2, 80);
  inbox.PushCalls(&writes, &reads);
  EXPECT_TRUE(writes.empty());
}

TEST(LoopInbox, TakesNoCallsOnceAStopWasRequested) {
  Wakeup wakeup;
  LoopInbox inbox({.calls_max = 3, .bytes_max = 100, .messages_max = 2}, &wakeup);
  std::vector<QueuedRead> reads;
  std::vector<QueuedWrite> writes = {WriteOf(1, 10)};
  EXPECT_TRUE(inbox.PushCalls(&writes, &reads));
  inbox.RequestStop();
  writes.push_back(WriteOf(2, 10));
  EXPECT_FALSE(inbox.PushCalls(&writes, &reads));
  EXPECT_EQ(writes.size(), 1u);
  inbox.PushReturned(WriteOf(3, 10));  // the loop had it before
  LoopWork work;
  EXPECT_TRUE(inbox.Take(&work));
  EXPECT_TRUE(work.stop);
  EXPECT_EQ(work.writes.size(), 1u);
  EXPECT_EQ(work.returned.size(), 1u);
}

TEST(LoopInbox, DropsMessagesAboveTheLimit) {
  Wakeup wakeup;
  LoopInbox inbox({.calls_max = 3, .bytes_max = 100, .messages_max = 2}, &wakeup);
  EXPECT_TRUE(inbox.PushMessage({}));
  EXPECT_TRUE(inbox.PushMessage({}));
  EXPECT_FALSE(inbox.PushMessage({}));
  LoopWork work;
  inbox.Take(&work);
  EXPECT_EQ(work.messages.size(), 2u);
  EXPECT_TRUE(inbox.PushMessage({}));
}

TEST(LoopInbox, AnAppliedSlotRousesTheLoopOnlyWhenItWaitsForIt) {
  Wakeup wakeup;
  LoopInbox inbox({.calls_max = 3, .bytes_max = 100, .messages_max = 2}, &wakeup);
  const uint64_t before = wakeup.Ticket();
  inbox.PushApplied(Slot{5});
  EXPECT_EQ(wakeup.Ticket(), before);
  LoopWork work;
  EXPECT_FALSE(inbox.Take(&work));
  EXPECT_EQ(work.applied, Slot{5});
  inbox.WakeAtApplied(Slot{6});
  inbox.PushApplied(Slot{6});
  EXPECT_NE(wakeup.Ticket(), before);
}

}  // namespace
}  // namespace baton::server
