#include "server/replica/durable_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

class DurableLogTest : public ::testing::Test {
 protected:
  DurableLogTest()
      : log_(&wal_, &transport_, &clock_, &meter_, &metrics_,
             DurableLog::Hooks{[this](const TurnDone& turn) {
                                 MutexLock lock(&mutex_);
                                 sent_before_.push_back(transport_.sent());
                                 if (turn.persist_id != 0) done_.push_back(turn.persist_id);
                                 if (turn.base) base_ = *turn.base;
                                 probed_ += turn.probed;
                               },
                               [] {},
                               [this](const std::string& reason) {
                                 MutexLock lock(&mutex_);
                                 fatal_.push_back(reason);
                               },
                               [this](Slot first) {
                                 kept_.emplace_back(first, wal_.appends().size());
                                 return keep_;
                               }}) {}

  LogBatch Batch(uint64_t id, bool with_record = true) {
    LogBatch batch;
    batch.persist_id = id;
    if (with_record) batch.records.push_back(RecordOf(id));
    batch.then_send.push_back(consensus::Message{NodeId{1}, NodeId{2}, kFirstGroup, {}});
    return batch;
  }
  std::vector<uint64_t> done() {
    MutexLock lock(&mutex_);
    return done_;
  }

  FakeWal wal_;
  RecordingTransport transport_;
  SimClock clock_;
  DiskMeter meter_{consensus::kLanTiming.stall_us};
  Metrics metrics_;
  Mutex mutex_;
  std::vector<uint64_t> done_;
  std::vector<size_t> sent_before_;
  std::vector<std::string> fatal_;
  std::vector<std::pair<Slot, size_t>> kept_;  // from where, and how many appends were before it
  absl::Status keep_;
  EntryId base_;
  int probed_ = 0;
  DurableLog log_;
};

TEST_F(DurableLogTest, AProbeIsWrittenOnlyWhenNothingElseIs) {
  LogBatch probe;
  probe.probe = true;
  log_.Submit(probe);
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_EQ(wal_.probes(), 1);
  EXPECT_EQ(probed_, 1);
  log_.Submit(Batch(1));
  log_.Submit(probe);
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_EQ(wal_.probes(), 1) << "the sync proves as much";
  EXPECT_EQ(probed_, 2);
}

TEST_F(DurableLogTest, WhatIsReplacedIsKeptFirst) {
  log_.Submit(Batch(1));
  log_.Submit(Batch(2));
  LogBatch replacing = Batch(3);
  replacing.replaces = Slot{2};
  log_.Submit(replacing);
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_TRUE(kept_.empty());
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_EQ(kept_, (std::vector<std::pair<Slot, size_t>>{{Slot{2}, 1}}))
      << "what was submitted before is in the log by then";
  EXPECT_EQ(wal_.appends(), (std::vector<size_t>{2, 1}));
  EXPECT_EQ(done(), (std::vector<uint64_t>{2, 3}));
}

// A leader asks again and again while the disk stands still.
TEST_F(DurableLogTest, WhatOnlySendsIsBounded) {
  constexpr uint64_t kAsked = 1'000;
  log_.Submit(Batch(1));
  for (uint64_t id = 2; id <= kAsked; ++id) log_.Submit(Batch(id, /*with_record=*/false));
  log_.Submit(Batch(kAsked + 1));
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_EQ(done(), (std::vector<uint64_t>{kAsked + 1})) << "and so all before";
  EXPECT_EQ(transport_.sent(), 2 + DurableLog::kWaitingSendsMax);
}

TEST_F(DurableLogTest, WhatCannotBeKeptIsNotReplaced) {
  keep_ = absl::InternalError("input/output error");
  LogBatch replacing = Batch(1);
  replacing.replaces = Slot{1};
  log_.Submit(replacing);
  log_.RunOnce();
  EXPECT_TRUE(wal_.appends().empty());
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_NE(fatal_[0].find("input/output error"), std::string::npos);
  EXPECT_TRUE(done().empty());
}

TEST_F(DurableLogTest, WithoutSpaceForWhatIsReplacedTheLogWaits) {
  keep_ = absl::ResourceExhaustedError("no space");
  LogBatch replacing = Batch(1);
  replacing.replaces = Slot{1};
  log_.Submit(replacing);
  log_.Submit(Batch(2));
  EXPECT_EQ(log_.NextDeadlineUs(), kNever);
  EXPECT_FALSE(log_.RunOnce());
  EXPECT_FALSE(log_.RunOnce());
  EXPECT_EQ(kept_.size(), 1u) << "not tried again at once";
  EXPECT_EQ(log_.NextDeadlineUs(), clock_.now_us + DurableLog::kNoSpaceRetryUs);
  EXPECT_TRUE(wal_.appends().empty() && done().empty() && fatal_.empty());
  clock_.now_us += DurableLog::kNoSpaceRetryUs;
  EXPECT_FALSE(log_.RunOnce());
  keep_ = absl::OkStatus();
  clock_.now_us += DurableLog::kNoSpaceRetryUs;
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_EQ(wal_.appends(), std::vector<size_t>{2});
  EXPECT_EQ(done(), std::vector<uint64_t>{2});
  EXPECT_EQ(log_.NextDeadlineUs(), kNever);
}

TEST_F(DurableLogTest, OneSyncCoversAllThatWaits) {
  for (uint64_t id = 1; id <= 3; ++id) log_.Submit(Batch(id));
  EXPECT_TRUE(log_.RunOnce());
  EXPECT_FALSE(log_.RunOnce());
  EXPECT_EQ(wal_.appends(), std::vector<size_t>{3});
  EXPECT_EQ(wal_.syncs(), 1);
  EXPECT_EQ(wal_.marks(), 1);
  EXPECT_EQ(done(), std::vector<uint64_t>{3});
  EXPECT_EQ(sent_before_, std::vector<size_t>{3});  // sent before the loop was told
}

TEST_F(DurableLogTest, NothingIsSentBeforeTheSync) {
  wal_.on_sync = [this] {
    EXPECT_EQ(transport_.sent(), 0u);
    return absl::OkStatus();
  };
  log_.Submit(Batch(1));
  log_.RunOnce();
  EXPECT_EQ(transport_.sent(), 1u);
}

TEST_F(DurableLogTest, ABatchWithoutRecordsWritesNothing) {
  log_.Submit(Batch(1, /*with_record=*/false));
  log_.RunOnce();
  EXPECT_TRUE(wal_.appends().empty());
  EXPECT_EQ(wal_.syncs(), 0);
  EXPECT_EQ(done(), std::vector<uint64_t>{1});
}

TEST_F(DurableLogTest, ATruncationTellsItsBase) {
  LogBatch batch;
  batch.base = EntryId{Ballot{1, NodeId{1}}, Slot{9}};
  batch.records.push_back(wal::BaseRecord{kFirstGroup, batch.base});
  log_.Submit(std::move(batch));
  log_.RunOnce();
  EXPECT_TRUE(done().empty());
  EXPECT_EQ(base_.slot, Slot{9});
}

TEST_F(DurableLogTest, AFailureIsFinal) {
  int syncs = 0;
  wal_.on_sync = [&syncs] {
    ++syncs;
    return absl::InternalError("disk gone");
  };
  log_.Submit(Batch(1));
  log_.RunOnce();
  log_.Submit(Batch(2));
  EXPECT_FALSE(log_.RunOnce());
  EXPECT_EQ(syncs, 1);
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_NE(fatal_[0].find("disk gone"), std::string::npos);
  EXPECT_EQ(transport_.sent(), 0u);
  EXPECT_TRUE(done().empty());
}

TEST_F(DurableLogTest, TwoThreadsAppendWhileTheOtherSyncsAndCompleteInOrder) {
  std::atomic<bool> second_appended{false};
  std::atomic<int> appends{0};
  wal_.on_append = [&] {
    if (++appends == 2) second_appended = true;
    return absl::OkStatus();
  };
  wal_.on_sync = [&] {
    // The first sync ends only once the second batch has been appended beside it.
    while (!second_appended) std::this_thread::yield();
    return absl::OkStatus();
  };
  SystemClock clock;
  StageThread first(&log_, &clock, "one");
  StageThread second(&log_, &clock, "two");
  log_.Submit(Batch(1));
  while (appends == 0) std::this_thread::yield();
  log_.Submit(Batch(2));
  while (done().size() < 2) std::this_thread::yield();
  for (uint64_t id = 3; id <= 200; ++id) log_.Submit(Batch(id));
  while (done().back() < 200) std::this_thread::yield();
  for (StageThread* thread : {&first, &second}) thread->RequestStop();
  for (StageThread* thread : {&first, &second}) thread->Join();
  const std::vector<uint64_t> ids = done();
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(transport_.sent(), 200u);
}

}  // namespace
}  // namespace baton::server
