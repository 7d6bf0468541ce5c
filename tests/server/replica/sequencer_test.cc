#include "server/replica/sequencer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/catalog.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"
#include "server/codec/stored_rows.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

class SequencerTest : public ::testing::Test {
 protected:
  SequencerTest()
      : sequencer_(
            {&engine_, &overlay_, &catalog_, &sizes_, &unreplicated_, &clock_, &readers_, &inbox_,
             &metrics_, [](const std::string& reason) { FAIL() << reason; }},
            {.entry_bytes_target = 1'000, .entry_requests_max = 8, .overlay_bytes_max = 1 << 20}) {}

  // Opens a reign over a log that ends at `last`, and applies its entry.
  consensus::Entry Open(Slot last, const EntryStamp& stamp) {
    consensus::OpenReign open;
    open.id = EntryId{kBallot, last.Next()};
    open.reign.ballot = kBallot;
    consensus::Entry entry = sequencer_.BeginReign(open, stamp, 123);
    engine::BatchApplier applier(&engine_, &catalog_);
    const auto decoded = DecodeEntry(*entry.bytes, EntryHash::kVerify);
    EXPECT_TRUE(applier.Add(entry.id.slot, decoded->effects, decoded->stamp.base_revision).ok());
    EXPECT_TRUE(applier.Commit().ok());
    sequencer_.Committed(entry.id.slot);
    sequencer_.Serve();
    next_ = entry.id.slot.Next();
    return entry;
  }
  void Enqueue(uint64_t tag, std::vector<engine::WriteOp> ops) {
    QueuedWrite write;
    write.to = ReturnAddress{sink_, tag};
    write.deadline_us = clock_.now_us + 1'000'000;
    write.bytes = 10;
    write.request = engine::WriteRequest{kDefaultKeyspace, std::move(ops), {}};
    Enqueue(std::move(write));
  }
  void Enqueue(QueuedWrite write) {
    std::vector<QueuedWrite> writes;
    writes.push_back(std::move(write));
    std::vector<QueuedRead> reads;
    inbox_.PushCalls(&writes, &reads);
    LoopWork work;
    inbox_.Take(&work);
    sequencer_.Enqueue(std::move(work.writes.at(0)));
  }
  std::optional<consensus::Entry> Cut() {
    auto entry = sequencer_.Cut(EntryId{kBallot, next_}, Slot{}, &gate_, &answers_);
    if (entry) next_ = next_.Next();
    return entry;
  }
  EntryStamp StampOf(const consensus::Entry& entry) {
    return DecodeEntry(*entry.bytes, EntryHash::kVerify)->stamp;
  }
  void Release(Slot commit) {
    gate_.Release(Progress{commit, commit, commit, true}, 0, &answers_);
    answers_.Deliver();
  }
  const Answer& Released(uint64_t tag) {
    Release(next_);
    return sink_->answers.at(tag);
  }

  static constexpr Ballot kBallot{4, NodeId{1}};
  engine::MemoryEngine engine_;
  engine::Catalog catalog_;
  engine::KeyspaceSizes sizes_;
  engine::Overlay overlay_;
  SimClock clock_;
  Readers readers_{8};
  Wakeup wakeup_;
  LoopInbox inbox_{{.calls_max = 1'000, .bytes_max = 1 << 20, .messages_max = 1}, &wakeup_};
  Metrics metrics_;
  Unreplicated unreplicated_;
  AckGate gate_{&unreplicated_, &metrics_};
  AnswerBatch answers_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  Sequencer sequencer_;
  Slot next_;
};

TEST_F(SequencerTest, TheFirstReignBringsTheDefaultKeyspaceAndItsHistory) {
  const consensus::Entry entry = Open(Slot{}, {});
  const engine::KeyspacePtr keyspace = catalog_.Find(kDefaultKeyspace);
  ASSERT_NE(keyspace, nullptr);
  EXPECT_GT(keyspace->created_wall_us, 0);
  const auto row =
      engine_.Get(engine::SystemKey(engine::SystemTable::kReigns, ReignRowSuffix(kBallot)),
                  engine::ReadTier::kAny);
  ASSERT_TRUE(row.ok() && row->has_value());
  EXPECT_EQ(StampOf(entry).revision_ceiling.value, 1 + Sequencer::kCeilingStep);
}

TEST_F(SequencerTest, RevisionsBeginAboveTheCeilingOfTheLogAdopted) {
  EntryStamp last;
  last.revision_ceiling = Revision{5'000};
  last.log_time_us = 77;
  const consensus::Entry entry = Open(Slot{9}, last);
  EXPECT_EQ(StampOf(entry).base_revision, Revision{5'001});
  EXPECT_GE(StampOf(entry).log_time_us, 77);
  Enqueue(1, {engine::PutOp{"k", "v"}});
  ASSERT_TRUE(Cut());
  EXPECT_EQ(Released(1).position.revision, Revision{5'002});
}

TEST_F(SequencerTest, OneEntryUpToItsLimits) {
  Open(Slot{}, {});
  for (uint64_t tag = 1; tag <= 10; ++tag) Enqueue(tag, {engine::PutOp{"k", "v"}});
  EXPECT_TRUE(sequencer_.HasFullEntry());
  const auto first = Cut();
  ASSERT_TRUE(first);
  EXPECT_EQ(StampOf(*first).request_count, 8u);
  const auto second = Cut();
  ASSERT_TRUE(second);
  EXPECT_EQ(StampOf(*second).request_count, 2u);
  EXPECT_EQ(StampOf(*second).base_revision.value, StampOf(*first).base_revision.value + 8);
  EXPECT_FALSE(sequencer_.HasWaiting());
  EXPECT_EQ(inbox_.queued_calls(), 0u);
}

TEST_F(SequencerTest, LaterRequestsSeeEarlierOnesThroughTheOverlay) {
  Open(Slot{}, {});
  Enqueue(1, {engine::PutOp{"k", "v"}});
  ASSERT_TRUE(Cut());
  Enqueue(2, {engine::DeleteOp{"k", true}});
  Enqueue(3, {engine::DeleteOp{"k", true}});
  ASSERT_TRUE(Cut());
  EXPECT_EQ(std::get<engine::WriteResult>(Released(2).result).existed, true);
  EXPECT_EQ(std::get<engine::WriteResult>(Released(3).result).existed, false);
}

TEST_F(SequencerTest, ARequestWithoutEffectsWaitsForWhatItSaw) {
  Open(Slot{}, {});
  Enqueue(1, {engine::PutOp{"k", "v"}});
  ASSERT_TRUE(Cut());  // slot 2, not committed
  Enqueue(2, {engine::DeleteRangeOp{"x", "y", true}});
  EXPECT_FALSE(Cut());  // no entry for it
  Release(Slot{1});
  EXPECT_EQ(sink_->answers.count(2), 0u);
  Release(Slot{2});
  EXPECT_EQ(std::get<engine::WriteResult>(sink_->answers.at(2).result).deleted, 0u);
  EXPECT_EQ(sink_->answers.at(2).position.revision, Revision{});
}

TEST_F(SequencerTest, NothingIsGivenAboveTheChosenCeiling) {
  consensus::OpenReign open;
  open.id = EntryId{kBallot, Slot{1}};
  open.reign.ballot = kBallot;
  sequencer_.BeginReign(open, {}, 0);  // and its entry is not committed
  next_ = Slot{2};
  Enqueue(1, {engine::PutOp{"k", "v"}});
  EXPECT_FALSE(Cut());
  EXPECT_TRUE(sequencer_.HasWaiting());
  sequencer_.Committed(Slot{1});
  EXPECT_TRUE(Cut());
}

TEST_F(SequencerTest, TheEndOfAReignRedirectsWhatWaits) {
  Open(Slot{}, {});
  Enqueue(1, {engine::PutOp{"k", "v"}});
  ASSERT_TRUE(Cut());
  Enqueue(2, {engine::PutOp{"k", "v"}});
  sequencer_.EndReign(NotLeaderFailure(std::nullopt), &answers_);
  answers_.Deliver();
  EXPECT_EQ(sink_->answers.count(1), 0u);  // the gate's
  EXPECT_EQ(sink_->answers.at(2).failure.reason, Reason::kNoLeader);
  EXPECT_EQ(overlay_.bytes(), 0u);
}

TEST_F(SequencerTest, ExpiresWhatWaits) {
  Open(Slot{}, {});
  Enqueue(1, {engine::PutOp{"k", "v"}});
  clock_.now_us += 2'000'000;
  sequencer_.Expire(clock_.now_us, &answers_);
  answers_.Deliver();
  EXPECT_EQ(sink_->answers.at(1).failure.reason, Reason::kDeadline);
  EXPECT_FALSE(sequencer_.HasWaiting());
}

}  // namespace
}  // namespace baton::server
