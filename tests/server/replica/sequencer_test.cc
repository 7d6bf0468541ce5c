#include "server/replica/sequencer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/catalog.h"
#include "engine/state/loss.h"
#include "engine/state/row.h"
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
            {&engine_, &overlay_, &catalog_, &sessions_, &orders_, &sizes_, &unreplicated_, &clock_,
             &readers_, &inbox_, &metrics_, [](const std::string& reason) { FAIL() << reason; }},
            {.entry_bytes_target = 1'000, .entry_requests_max = 8, .overlay_bytes_max = 1 << 20}) {}

  // Opens a reign over a log that ends at `last`, and applies its entry.
  consensus::Entry Open(Slot last, const EntryStamp& stamp) {
    consensus::OpenReign open;
    open.id = EntryId{kBallot, last.Next()};
    open.reign.ballot = kBallot;
    consensus::Entry entry = sequencer_.BeginReign(open, stamp, 123);
    engine::BatchApplier applier(&engine_, &catalog_, &sessions_);
    const auto decoded = DecodeEntry(*entry.bytes, EntryHash::kVerify);
    EXPECT_TRUE(applier
                    .Add(entry.id.slot, decoded->effects, decoded->stamp.base_revision,
                         decoded->stamp.log_time_us)
                    .ok());
    EXPECT_TRUE(applier.Commit().ok());
    EXPECT_TRUE(orders_.Load(engine_).ok());
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
    auto entry = sequencer_.Cut(EntryId{kBallot, next_}, Slot{}, lease_end_us_, &gate_, &answers_);
    if (entry) {
      next_ = next_.Next();
      cut_.push_back(*entry);
    }
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
  engine::Sessions sessions_;
  OrderBook orders_;
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
  std::vector<consensus::Entry> cut_;
  int64_t lease_end_us_ = kNever;
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

// Its log ends in a chosen Seal, and its Reign is not chosen yet.
TEST_F(SequencerTest, WhoTakesOverGoesOnBehindTheSeal) {
  Open(Slot{}, {});
  sequencer_.EndReign(NotLeaderFailure(std::nullopt), &answers_);
  const Ballot next{kBallot.round + 1, NodeId{2}};
  consensus::OpenReign open;
  open.id = EntryId{next, Slot{10}};
  open.reign.ballot = next;
  open.reign.cause = consensus::Cause::kHandover;
  open.takes_over = true;
  EntryStamp seal;
  seal.base_revision = Revision{40};
  seal.request_count = 2;
  seal.revision_ceiling = Revision{45};
  const consensus::Entry reign = sequencer_.BeginReign(open, seal, 0);
  EXPECT_EQ(StampOf(reign).base_revision, Revision{42});
  EXPECT_GT(StampOf(reign).revision_ceiling, Revision{45});
  sequencer_.Serve();
  next_ = Slot{11};
  Enqueue(1, {engine::PutOp{"a", "v"}});
  Enqueue(2, {engine::PutOp{"b", "v"}});
  Enqueue(3, {engine::PutOp{"c", "v"}});
  const auto first = Cut();
  ASSERT_TRUE(first);
  EXPECT_EQ(StampOf(*first).base_revision, Revision{43});
  EXPECT_EQ(StampOf(*first).request_count, 2u) << "as many as the Seal's ceiling has room for";
  EXPECT_FALSE(sequencer_.MayGiveRevisions());
  sequencer_.Committed(Slot{11});
  ASSERT_TRUE(sequencer_.MayGiveRevisions());
  const auto second = Cut();
  ASSERT_TRUE(second);
  EXPECT_EQ(StampOf(*second).base_revision, Revision{45});
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

TEST_F(SequencerTest, WithoutALeaseAResultWithoutEffectsIsConfirmedByAnEmptyEntry) {
  Open(Slot{}, {});
  lease_end_us_ = clock_.now_us;
  Enqueue(1, {engine::DeleteRangeOp{"x", "y", true}});
  const auto entry = Cut();
  ASSERT_TRUE(entry);
  EXPECT_EQ(StampOf(*entry).request_count, 0u);
  Release(entry->id.slot.Prev());
  EXPECT_EQ(sink_->answers.count(1), 0u) << "another node may lead";
  Release(entry->id.slot);
  EXPECT_EQ(std::get<engine::WriteResult>(sink_->answers.at(1).result).deleted, 0u);
}

// ---- Sessions

class SessionsTest : public SequencerTest {
 protected:
  using Outcome = engine::SessionResult::Outcome;

  void SetUp() override {
    Open(Slot{}, {});
    session_ = Done(engine::OpenSession{5'000}).session;
    ASSERT_NE(session_, 0u);
  }
  void EnqueueRequest(engine::SessionRequest request) {
    QueuedWrite write;
    write.to = ReturnAddress{sink_, ++tag_};
    write.deadline_us = clock_.now_us + 1'000'000;
    write.request = request;
    Enqueue(std::move(write));
  }
  engine::SessionResult Done(engine::SessionRequest request) {
    EnqueueRequest(request);
    Cut();
    const Answer answer = Released(tag_);
    EXPECT_TRUE(answer.failure.ok()) << answer.failure.message;
    return std::get<engine::SessionResult>(answer.result);
  }
  Answer Write(uint64_t sequence, engine::WriteOp op, uint64_t acked_below = 0) {
    QueuedWrite write;
    write.to = ReturnAddress{sink_, ++tag_};
    write.deadline_us = clock_.now_us + 1'000'000;
    write.request = engine::WriteRequest{kDefaultKeyspace, {std::move(op)}, {}};
    write.stamp = {session_, sequence, acked_below};
    Enqueue(std::move(write));
    Cut();
    return Released(tag_);
  }
  Answer Add(uint64_t sequence, uint64_t acked_below = 0) {
    return Write(sequence, engine::IncrementOp{"n", 1}, acked_below);
  }
  // As if an entry had it.
  void Applied(const engine::Effect& effect) {
    ASSERT_TRUE(sessions_.Add(effect, Slot{1}, clock_.now_us).ok());
  }
  // Opens the session.
  static engine::Effect Opens(uint64_t session) {
    engine::Effect effect;
    effect.kind = engine::EffectKind::kOpenSession;
    effect.revision = Revision{session};
    effect.ttl_ms = 5'000;
    return effect;
  }
  static std::vector<engine::Loss::Acknowledged> LossesIn(const consensus::Entry& entry) {
    const auto decoded = DecodeEntry(*entry.bytes, EntryHash::kVerify);
    engine::EffectsReader effects(decoded->effects, decoded->stamp.base_revision);
    std::vector<engine::Loss::Acknowledged> losses;
    for (engine::Effect effect; effects.Next(&effect);) {
      if (effect.kind != engine::EffectKind::kPut) continue;
      const std::string suffix(effect.key.substr(effect.key.size() - 24));
      const auto row = engine::DecodeRow(effect.row);
      losses.push_back(engine::DecodeLoss(suffix, row->value)->acknowledged);
    }
    return losses;
  }
  static int64_t NumberIn(const Answer& answer) {
    return std::get<engine::WriteResult>(answer.result).numbers.at(0);
  }

  uint64_t session_ = 0;
  uint64_t tag_ = 1'000;
};

TEST_F(SessionsTest, ARepeatGetsTheAnswerOfTheFirst) {
  const Answer first = Add(1);
  ASSERT_EQ(NumberIn(first), 1);
  EXPECT_EQ(NumberIn(Add(2)), 2);
  const Answer again = Add(1);
  EXPECT_EQ(NumberIn(again), 1);
  EXPECT_EQ(again.position.revision, first.position.revision);
  EXPECT_EQ(NumberIn(Add(3)), 3);
  EXPECT_EQ(metrics_.repeats_answered.Get(), 1u);
}

TEST_F(SessionsTest, ARejectionIsAResultToo) {
  ASSERT_TRUE(Write(1, engine::PutOp{"n", "no number"}).failure.ok());
  EXPECT_EQ(Add(2).failure.reason, Reason::kValueUnfit);
  ASSERT_TRUE(Write(3, engine::PutOp{"n", "5"}).failure.ok());
  EXPECT_EQ(Add(2).failure.reason, Reason::kValueUnfit) << "as it was told before";
  EXPECT_EQ(NumberIn(Add(4)), 6);
}

TEST_F(SessionsTest, WhatIsAskedAboutFirstNeverTakesEffect) {
  EXPECT_EQ(Done(engine::GetOutcome{session_, 7}).outcome, Outcome::kNotApplied);
  EXPECT_EQ(Add(7).failure.reason, Reason::kFenced);
  EXPECT_EQ(NumberIn(Add(8)), 1);
  const engine::SessionResult applied = Done(engine::GetOutcome{session_, 8});
  EXPECT_EQ(applied.outcome, Outcome::kApplied);
  EXPECT_EQ(applied.result.numbers.at(0), 1);
  EXPECT_EQ(Done(engine::GetOutcome{session_, 7}).outcome, Outcome::kNotApplied);
}

TEST_F(SessionsTest, WhatIsAcknowledgedIsForgotten) {
  Add(1);
  Add(2, /*acked_below=*/2);
  EXPECT_EQ(Add(1).failure.reason, Reason::kSessionTooOld);
  EXPECT_EQ(Done(engine::GetOutcome{session_, 1}).outcome, Outcome::kExpired);
  EXPECT_EQ(NumberIn(Add(2)), 2);
}

TEST_F(SessionsTest, TheWindowIsBounded) {
  Add(1);
  const Answer far = Add(1 + engine::kSessionWindowMax);
  EXPECT_EQ(far.failure.reason, Reason::kOverloaded);
  EXPECT_EQ(far.failure.limit, "session_window_max=1024");
  EXPECT_EQ(NumberIn(Add(1 + engine::kSessionWindowMax, 2)), 2);
}

TEST_F(SessionsTest, SessionsAreBounded) {
  for (uint64_t id = 1; id <= engine::kSessionsMax; ++id) Applied(Opens(1'000'000 + id));
  sequencer_.Serve();
  EnqueueRequest(engine::OpenSession{5'000});
  Cut();
  const Answer answer = Released(tag_);
  EXPECT_EQ(answer.failure.reason, Reason::kOverloaded);
  EXPECT_EQ(answer.failure.limit, "sessions_max=100000");
  Done(engine::EndSession{1'000'001});
  EXPECT_NE(Done(engine::OpenSession{5'000}).session, 0u);
}

TEST_F(SessionsTest, WhatIsKeptIsBounded) {
  engine::Fate fate;
  fate.result.numbers.assign(1'000, INT64_MIN);
  const std::string bytes = engine::EncodeFate(fate);
  const uint64_t results = engine::kKeptBytesMax / bytes.size();
  for (uint64_t i = 0; i < results; ++i) {
    const uint64_t id = 1'000'000 + i / engine::kSessionWindowMax;
    const uint64_t sequence = 1 + i % engine::kSessionWindowMax;
    if (sequence == 1) Applied(Opens(id));
    engine::Effect keeps;
    keeps.kind = engine::EffectKind::kResult;
    keeps.stamp = {id, sequence, 1};
    keeps.result = bytes;
    Applied(keeps);
  }
  session_ = 999'999;
  Applied(Opens(session_));
  sequencer_.Serve();
  const Answer answer = Add(1);
  EXPECT_EQ(answer.failure.reason, Reason::kOverloaded);
  EXPECT_EQ(answer.failure.limit, "session_bytes_max=268435456");
  Done(engine::EndSession{1'000'000});
  EXPECT_EQ(NumberIn(Add(1)), 1);
}

TEST_F(SessionsTest, AnUnknownSessionIsRefusedOnceThisNodeIsSureToLead) {
  const uint64_t mine = std::exchange(session_, 4'711);
  EXPECT_EQ(Add(1).failure.reason, Reason::kSessionUnknown);
  lease_end_us_ = clock_.now_us;
  const Slot before = next_;
  EXPECT_EQ(Add(2).failure.reason, Reason::kSessionUnknown);
  EXPECT_EQ(next_, before.Next()) << "by an entry, without a lease";
  session_ = mine;
  EXPECT_EQ(NumberIn(Add(1)), 1);
}

TEST_F(SessionsTest, AnEndedSessionIsUnknown) {
  EXPECT_EQ(metrics_.sessions.Get(), 1);
  Done(engine::EndSession{session_});
  EXPECT_EQ(metrics_.sessions.Get(), 0);
  Done(engine::EndSession{session_});  // again: nothing
  EXPECT_EQ(Add(1).failure.reason, Reason::kSessionUnknown);
  EXPECT_EQ(Done(engine::GetOutcome{session_, 1}).outcome, Outcome::kExpired);
  EnqueueRequest(engine::TouchSession{session_});
  Cut();
  EXPECT_EQ(Released(tag_).failure.reason, Reason::kSessionUnknown);
}

TEST_F(SessionsTest, IdleSessionsEndByLogTime) {
  EXPECT_EQ(sequencer_.IdleDueUs(), clock_.now_us + 5'000'000);
  clock_.now_us += 3'000'000;
  Add(1);
  clock_.now_us += 2'000'000;
  ASSERT_LE(sequencer_.IdleDueUs(), clock_.now_us);
  const auto end_idle = [&] {
    Enqueue(sequencer_.EndIdle(clock_.now_us));
    return Cut();
  };
  EXPECT_FALSE(end_idle()) << "something came of it meanwhile";
  EXPECT_EQ(sequencer_.IdleDueUs(), clock_.now_us + 3'000'000);
  clock_.now_us += 3'000'000;
  EXPECT_TRUE(end_idle());
  EXPECT_EQ(Add(2).failure.reason, Reason::kSessionUnknown);
  EXPECT_EQ(sequencer_.IdleDueUs(), kNever);
}

TEST_F(SessionsTest, OfTwoAttemptsThatAreLostTogetherTheNewestCounts) {
  engine::LossRequest told;
  for (const uint64_t round : {2, 3}) {
    engine::Loss loss;
    loss.entry = EntryId{Ballot{round, NodeId{2}}, Slot{40}};
    loss.session = session_;
    loss.sequence = 7;
    told.losses.push_back(loss);
  }
  QueuedWrite write;
  write.deadline_us = clock_.now_us + 1'000'000;
  write.request = told;
  Enqueue(std::move(write));
  const auto entry = Cut();
  ASSERT_TRUE(entry);
  EXPECT_EQ(LossesIn(*entry), (std::vector{engine::Loss::Acknowledged::kAgain,
                                           engine::Loss::Acknowledged::kUnknown}));
  EXPECT_EQ(Done(engine::GetOutcome{session_, 7}).lost,
            (engine::LossName{told.losses[1].entry, 0}));
}

TEST_F(SessionsTest, ALossThatHasItsRowKeepsIt) {
  engine::Loss loss;
  loss.entry = EntryId{Ballot{2, NodeId{2}}, Slot{40}};
  for (int told = 1; told <= 2; ++told) {
    loss.found_on = NodeId{static_cast<uint32_t>(told)};
    QueuedWrite write;
    write.deadline_us = clock_.now_us + 1'000'000;
    write.request = engine::LossRequest{{loss}};
    Enqueue(std::move(write));
    EXPECT_EQ(Cut().has_value(), told == 1) << told;
  }
  EXPECT_EQ(metrics_.losses_logged.Get(), 1u);
}

TEST_F(SessionsTest, WhatARepeatIsToldIsNoSurerThanItsFirst) {
  QueuedWrite first;
  first.to = ReturnAddress{sink_, 1};
  first.deadline_us = clock_.now_us + 1'000'000;
  first.request = engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"k", "v"}}, {}};
  first.stamp = {session_, 1, 0};
  QueuedWrite again = first;
  again.to = ReturnAddress{sink_, 2};
  Enqueue(std::move(first));
  ASSERT_TRUE(Cut());
  Enqueue(std::move(again));
  Cut();
  gate_.EndReign(NotLeaderFailure(std::nullopt), "lost", &answers_);
  answers_.Deliver();
  EXPECT_EQ(sink_->answers.at(1).failure.reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(sink_->answers.at(2).failure.reason, Reason::kOutcomeUnknown);
}

TEST_F(SessionsTest, ALossIsToldToWhoAsks) {
  ASSERT_EQ(Done(engine::GetOutcome{session_, 1}).outcome, Outcome::kNotApplied);
  engine::Loss loss;
  loss.entry = EntryId{Ballot{3, NodeId{2}}, Slot{40}};
  loss.session = session_;
  for (loss.sequence = 1; loss.sequence <= 2; ++loss.sequence) {
    loss.index = static_cast<uint32_t>(loss.sequence);
    QueuedWrite write;
    write.deadline_us = clock_.now_us + 1'000'000;
    write.request = engine::LossRequest{{loss}};
    Enqueue(std::move(write));
  }
  ASSERT_TRUE(Cut());
  for (uint64_t sequence : {1, 2}) {
    const engine::SessionResult lost = Done(engine::GetOutcome{session_, sequence});
    EXPECT_EQ(lost.outcome, Outcome::kLost);
    EXPECT_EQ(lost.lost, (engine::LossName{loss.entry, static_cast<uint32_t>(sequence)}));
  }
  EXPECT_EQ(Add(2).failure.reason, Reason::kFenced) << "the ledger is its owner's to act on";
}

// Another leader starts from what is applied.
TEST_F(SessionsTest, ResultsOutliveTheReign) {
  Add(1);
  Done(engine::GetOutcome{session_, 2});
  engine::BatchApplier applier(&engine_, &catalog_, &sessions_);
  for (const consensus::Entry& entry : cut_) {
    const auto decoded = DecodeEntry(*entry.bytes, EntryHash::kVerify);
    ASSERT_TRUE(applier
                    .Add(entry.id.slot, decoded->effects, decoded->stamp.base_revision,
                         decoded->stamp.log_time_us)
                    .ok());
  }
  ASSERT_TRUE(applier.Commit().ok());
  const EntryStamp last = StampOf(cut_.back());
  sequencer_.EndReign(NotLeaderFailure(std::nullopt), &answers_);
  Open(cut_.back().id.slot, last);
  EXPECT_EQ(NumberIn(Add(1)), 1);
  EXPECT_EQ(Add(2).failure.reason, Reason::kFenced);
  EXPECT_EQ(NumberIn(Add(3)), 2);
}

}  // namespace
}  // namespace baton::server
