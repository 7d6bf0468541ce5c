// SnapshotSender by itself: no peer, and no error, makes it keep an image, and the log above it,
// for longer than there is use for it.
#include "server/replica/snapshot_sender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/storage/memory_engine.h"
#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

using consensus::SnapshotEnded;

constexpr Ballot kBallot{1, NodeId{1}};
constexpr NodeId kPeer{2}, kOther{3};
constexpr Slot kApplied{9};
constexpr uint64_t kRetention = 1'000;

class SnapshotSenderTest : public ::testing::Test {
 protected:
  SnapshotSenderTest()
      : sender_({NodeId{1}, &engine_, &wal_, &worker_, &transport_, &clock_, &metrics_, "out",
                 [this](ImageMade made) { made_.push_back(std::move(made)); },
                 [this](PieceRead read) { read_.push_back(std::move(read)); },
                 [this](Slot slot) { kept_above_ = slot; }, [this] { return log_added_; },
                 [this] { return disk_nearly_full_; },
                 [this](const std::string& reason) { fatal_ = reason; }},
                {.bytes_per_second = 1 << 20, .log_retention_bytes = kRetention}, /*seed=*/1),
        core_(consensus::Config{.self = NodeId{1}}, Recovered(), clock_.now_us) {
    EXPECT_TRUE(wal_.Append(std::vector<wal::Record>{RecordOf(kApplied.value)}).ok());
  }

  static consensus::Recovered Recovered() {
    consensus::Recovered recovered;
    recovered.hard_state.promised = kBallot;
    recovered.hard_state.configurations = consensus::Configurations(
        {{EntryId{}, {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}}}});
    recovered.last = recovered.applied = kApplied;
    recovered.runs = {{Slot{1}, kBallot}};
    return recovered;
  }
  void Fill(size_t bytes) {
    auto batch = engine_.NewBatch();
    batch->Put("k", std::string(bytes, 'x'));
    ASSERT_TRUE(engine_.Apply(std::move(batch), kApplied).ok());
  }
  void Begin(NodeId to = kPeer) {
    if (engine_.applied() == Slot{}) Fill(1);
    sender_.Begin({to, kBallot}, kApplied);
  }
  // One round of the loop. What has ended.
  std::vector<SnapshotEnded> Run() {
    worker_.RunAll();
    for (const ImageMade& made : std::exchange(made_, {})) sender_.On(made, core_);
    for (const PieceRead& read : std::exchange(read_, {})) sender_.On(read);
    return sender_.RunDue(core_);
  }
  // Those offered since.
  std::vector<NodeId> Offered() {
    std::vector<NodeId> offered;
    for (const consensus::Message& message : transport_.TakeSent()) {
      const auto* offer = std::get_if<consensus::SnapshotOffer>(&message.body);
      if (offer == nullptr) continue;
      snapshot_ = offer->snapshot;
      offered.push_back(message.to);
    }
    return offered;
  }
  bool Kept() {
    worker_.RunAll();
    const bool image = engine_.ImageApplied("out").ok();
    EXPECT_EQ(image, kept_above_ != kSlotNone) << "the image goes, and with it the log";
    return image;
  }
  // Nothing ends, or is offered, until so long from now; then it ends.
  void ExpectRest(NodeId peer, int64_t for_us) {
    clock_.now_us += for_us - 1;
    Begin(peer);  // the core may ask anew
    EXPECT_TRUE(Run().empty());
    EXPECT_TRUE(Offered().empty());
    EXPECT_EQ(sender_.NextDeadlineUs(), clock_.now_us + 1);
    ++clock_.now_us;
    EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{peer, /*failed=*/true}}));
    EXPECT_TRUE(Run().empty()) << "said once";
  }

  engine::MemoryEngine engine_;
  FakeWal wal_;
  HeldWorker worker_;
  RecordingTransport transport_;
  SimClock clock_;
  Metrics metrics_;
  Slot kept_above_ = kSlotNone;
  uint64_t log_added_ = 0, snapshot_ = 0;
  bool disk_nearly_full_ = false;
  std::string fatal_;
  std::vector<ImageMade> made_;
  std::vector<PieceRead> read_;
  SnapshotSender sender_;
  consensus::Replica core_;
};

TEST_F(SnapshotSenderTest, OneThatCannotTakeItIsLetGoAndRestsLongerEachTime) {
  int64_t rest_us = SnapshotSender::kFailedRestUs;
  for (uint64_t round = 1; round <= 8; ++round) {
    SCOPED_TRACE(round);
    Begin();
    EXPECT_EQ(kept_above_, kApplied.Prev());
    Run();
    ASSERT_EQ(Offered(), std::vector<NodeId>{kPeer});
    EXPECT_TRUE(Kept());
    sender_.OnPull(kPeer, {.snapshot = snapshot_, .failed = true});
    EXPECT_TRUE(Run().empty());
    EXPECT_FALSE(Kept());
    EXPECT_EQ(metrics_.snapshots_failed.Get(), round);
    ExpectRest(kPeer, rest_us);
    rest_us = std::min(2 * rest_us, SnapshotSender::kFailedRestUsMax);
  }
  EXPECT_EQ(rest_us, SnapshotSender::kFailedRestUsMax);
}

TEST_F(SnapshotSenderTest, OneThatIsDoneHasNotFailed) {
  Begin();
  Run();
  ASSERT_EQ(Offered(), std::vector<NodeId>{kPeer});
  sender_.OnPull(kPeer, {.snapshot = snapshot_, .done = true});
  EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{kPeer, /*failed=*/false}}));
}

TEST_F(SnapshotSenderTest, OneThatFailsDoesNotEndItForTheOthers) {
  Begin(kPeer);
  Begin(kOther);
  Run();
  ASSERT_EQ(Offered().size(), 2u);
  sender_.OnPull(kPeer, {.snapshot = snapshot_, .failed = true});
  sender_.OnPull(kOther, {.snapshot = snapshot_, .window_bytes = 100});
  EXPECT_TRUE(Run().empty());
  EXPECT_TRUE(Kept());
  clock_.now_us += SnapshotSender::kFailedRestUs;
  EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{kPeer, /*failed=*/true}}));
}

TEST_F(SnapshotSenderTest, OneThatFallsSilentRestsToo) {
  Begin();
  Run();
  clock_.now_us += SnapshotSender::kSilentUsMax;
  EXPECT_TRUE(Run().empty());
  EXPECT_FALSE(Kept());
  Offered();
  ExpectRest(kPeer, SnapshotSender::kFailedRestUs);
}

TEST_F(SnapshotSenderTest, LetsGoWhenTheLogAboveItIsTooLong) {
  log_added_ = 1'000'000;  // before it
  Begin();
  Run();
  log_added_ += SnapshotSender::kKeptRetentions * kRetention;
  Run();
  EXPECT_TRUE(Kept());
  Offered();
  ++log_added_;
  EXPECT_TRUE(Run().empty());
  EXPECT_FALSE(Kept());
  ExpectRest(kPeer, SnapshotSender::kFailedRestUs);
}

TEST_F(SnapshotSenderTest, KeepsAsMuchLogAsALargeImageHas) {
  Fill(10 * kRetention);
  Begin();
  Run();
  log_added_ += 10 * kRetention;
  Run();
  EXPECT_TRUE(Kept());
  log_added_ += kRetention;
  Run();
  EXPECT_FALSE(Kept());
}

TEST_F(SnapshotSenderTest, KeepsAndMakesNothingWhileTheDiskIsNearlyFull) {
  Begin();
  Run();
  EXPECT_TRUE(Kept());
  Offered();
  disk_nearly_full_ = true;
  EXPECT_TRUE(Run().empty());
  EXPECT_FALSE(Kept());
  ExpectRest(kPeer, SnapshotSender::kRestAfterErrorUs);
  Begin();
  EXPECT_TRUE(Run().empty());
  EXPECT_FALSE(Kept());
  ExpectRest(kPeer, SnapshotSender::kRestAfterErrorUs);
  disk_nearly_full_ = false;
  Begin();
  Run();
  EXPECT_EQ(Offered(), std::vector<NodeId>{kPeer}) << "nobody is to blame: no longer rest";
}

TEST_F(SnapshotSenderTest, AnImageThatCannotBeMadeIsTriedAgainAfterARest) {
  Begin();
  worker_.RunAll();
  made_.at(0).status = absl::InternalError("no space");
  EXPECT_TRUE(Run().empty());
  EXPECT_FALSE(Kept());
  Begin(kOther);  // within the rest
  EXPECT_TRUE(Run().empty());
  EXPECT_EQ(sender_.NextDeadlineUs(), clock_.now_us + SnapshotSender::kRestAfterErrorUs);
  clock_.now_us += SnapshotSender::kRestAfterErrorUs;
  EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{kPeer, true}, {kOther, true}}));
  Begin();
  Run();
  EXPECT_EQ(Offered(), std::vector<NodeId>{kPeer});
}

// Seed 52709 at 4c691be: else it would lead on, and never bring its peer back.
TEST_F(SnapshotSenderTest, ADamagedLogEndsTheNode) {
  wal_.Damage();
  Begin();
  worker_.RunAll();
  EXPECT_NE(fatal_.find("cannot read the log back"), std::string::npos) << fatal_;
  EXPECT_FALSE(made_.at(0).status.ok());
}

TEST_F(SnapshotSenderTest, TheNextReignKnowsOfNoRest) {
  Begin();
  Run();
  Offered();
  sender_.OnPull(kPeer, {.snapshot = snapshot_, .failed = true});
  sender_.EndReign();
  EXPECT_EQ(sender_.NextDeadlineUs(), kNever);
  Begin();
  Run();
  EXPECT_EQ(Offered(), std::vector<NodeId>{kPeer});
}

}  // namespace
}  // namespace baton::server
