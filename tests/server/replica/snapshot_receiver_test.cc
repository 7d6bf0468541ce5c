// SnapshotReceiver by itself: what a former taking of the same snapshot has written does not count,
// what cannot be taken is said to its sender, and what is to be installed is left alone.
#include "server/replica/snapshot_receiver.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "engine/storage/memory_engine.h"
#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

class SnapshotReceiverTest : public ::testing::Test {
 protected:
  SnapshotReceiverTest()
      : receiver_({NodeId{2}, &engine_, &worker_, &transport_, &clock_, &metrics_, "in",
                   [this](PieceWritten said) { written_.push_back(std::move(said)); },
                   [this]() -> absl::StatusOr<uint64_t> { return room_; }}),
        core_(consensus::Config{.self = NodeId{2}}, Recovered(), clock_.now_us) {}

  static consensus::Recovered Recovered() {
    consensus::Recovered recovered;
    recovered.hard_state.promised = kBallot;
    recovered.hard_state.configurations = consensus::Configurations(
        {{EntryId{}, {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}}}});
    return recovered;
  }
  // The state after slot 9.
  void Offer(uint64_t bytes = 100, uint64_t snapshot = 5) {
    receiver_.OnOffer(NodeId{1},
                      {.ballot = kBallot,
                       .snapshot = snapshot,
                       .prev = {kBallot, Slot{8}},
                       .last = {kBallot, Slot{9}},
                       .entry = std::make_shared<const std::string>("entry"),
                       .configuration = {},
                       .bytes = bytes},
                      core_);
  }
  void Chunk(uint64_t position, const std::string& bytes) {
    receiver_.OnChunk(NodeId{1},
                      {5, position, Checksum(bytes), std::make_shared<const std::string>(bytes)});
  }
  // What the worker has done reaches the loop. Whether the snapshot is whole.
  bool Hear() {
    bool whole = false;
    worker_.RunAll();
    for (const PieceWritten& each : std::exchange(written_, {})) {
      whole = receiver_.On(each).has_value() || whole;
    }
    return whole;
  }
  std::vector<consensus::SnapshotPull> Pulls() {
    std::vector<consensus::SnapshotPull> pulls;
    for (const consensus::Message& message : transport_.TakeSent()) {
      pulls.push_back(std::get<consensus::SnapshotPull>(message.body));
    }
    return pulls;
  }
  // An image of a state that is applied up to `slot`, as one piece.
  static std::string ImageOf(Slot slot) {
    engine::MemoryEngine other;
    BATON_CHECK(other.Apply(other.NewBatch(), slot).ok() && other.Checkpoint("out").ok());
    const auto reader = other.OpenImage("out");
    return *(*reader)->Read(0, (*reader)->bytes());
  }
  // The same, taken. Whether it counts as whole.
  bool Take(Slot slot) {
    const std::string image = ImageOf(slot);
    Offer(image.size());
    Hear();
    Chunk(0, image);
    return Hear();
  }

  static constexpr Ballot kBallot{3, NodeId{1}};
  engine::MemoryEngine engine_;
  HeldWorker worker_;
  RecordingTransport transport_;
  SimClock clock_;
  Metrics metrics_;
  uint64_t room_ = 1'000;
  std::vector<PieceWritten> written_;
  SnapshotReceiver receiver_;
  consensus::Replica core_;
};

TEST_F(SnapshotReceiverTest, PullsWhatFollowsWhatIsWritten) {
  Offer();
  Hear();
  const auto first = Pulls();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].position, 0u);
  Chunk(0, std::string(40, 'x'));
  Chunk(80, std::string(20, 'x'));  // what lies between was lost
  Hear();
  const auto next = Pulls();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].position, 40u);
}

TEST_F(SnapshotReceiverTest, WhatAFormerTakingWroteDoesNotCount) {
  Offer();
  Hear();
  Chunk(0, std::string(40, 'x'));  // with the worker when the snapshot is given up
  receiver_.Drop();
  Pulls();
  Offer();  // the same again
  Hear();
  const auto pulls = Pulls();
  ASSERT_FALSE(pulls.empty());
  for (const consensus::SnapshotPull& pull : pulls) EXPECT_EQ(pull.position, 0u);
}

TEST_F(SnapshotReceiverTest, SaysSoWhenThereIsNoRoom) {
  room_ = 99;
  Offer();
  Hear();
  const auto pulls = Pulls();
  ASSERT_EQ(pulls.size(), 1u);
  EXPECT_TRUE(pulls[0].failed);
  EXPECT_EQ(pulls[0].snapshot, 5u);
  room_ = 100;
  Offer();
  Hear();
  EXPECT_FALSE(Pulls().at(0).failed);
}

TEST_F(SnapshotReceiverTest, AChunkBehindAnImageThatCouldNotBeBegunDoesNothing) {
  room_ = 0;
  Offer();
  Chunk(0, std::string(40, 'x'));  // pulled by a former taking
  Hear();
  const auto pulls = Pulls();
  ASSERT_EQ(pulls.size(), 1u);
  EXPECT_TRUE(pulls[0].failed);
}

TEST_F(SnapshotReceiverTest, IsWholeWithAllBytesOfTheStateOffered) {
  EXPECT_TRUE(Take(Slot{9}));
  EXPECT_EQ(*engine_.ImageApplied("in"), Slot{9});
}

TEST_F(SnapshotReceiverTest, AnImageOfAnotherSlotIsNotWhole) {
  EXPECT_FALSE(Take(Slot{8}));
  EXPECT_TRUE(Pulls().back().failed);
  worker_.RunAll();
  EXPECT_FALSE(engine_.ImageApplied("in").ok()) << "it is gone";
}

TEST_F(SnapshotReceiverTest, WhatCannotBeRestoredIsNotWhole) {
  Offer();
  Hear();
  Chunk(0, std::string(100, 'x'));
  EXPECT_FALSE(Hear());
  EXPECT_TRUE(Pulls().back().failed);
}

TEST_F(SnapshotReceiverTest, NothingTouchesTheImageThatIsToBeInstalled) {
  ASSERT_TRUE(Take(Slot{9}));
  receiver_.Intent({});
  Offer(100, /*snapshot=*/6);
  Chunk(0, "x");
  EXPECT_EQ(worker_.held(), 0u);
  worker_.RunAll();
  EXPECT_TRUE(engine_.ImageApplied("in").ok());
  EXPECT_EQ(receiver_.NextDeadlineUs(), kNever);
}

TEST_F(SnapshotReceiverTest, WhatCannotBeInstalledIsSaidAndStays) {
  ASSERT_TRUE(Take(Slot{9}));
  receiver_.Intent({});
  receiver_.CannotInstall();
  EXPECT_TRUE(Pulls().back().failed);
  worker_.RunAll();
  EXPECT_TRUE(engine_.ImageApplied("in").ok()) << "the note may be there nevertheless";
}

}  // namespace
}  // namespace baton::server
