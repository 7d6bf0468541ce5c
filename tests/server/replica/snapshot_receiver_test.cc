// SnapshotReceiver by itself: what a former taking of the same snapshot has written does not count.
#include "server/replica/snapshot_receiver.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "engine/storage/memory_engine.h"
#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

// Keeps what is posted until it is run.
class HeldWorker : public Worker {
 public:
  bool Post(std::function<void()> task) override {
    tasks_.push_back(std::move(task));
    return true;
  }
  void RunAll() {
    for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

class PullTransport : public Transport {
 public:
  void Send(consensus::Message message) override {
    pulls.push_back(std::get<consensus::SnapshotPull>(message.body));
  }
  bool Connected(NodeId) const override { return true; }
  std::vector<consensus::SnapshotPull> pulls;
};

class SnapshotReceiverTest : public ::testing::Test {
 protected:
  SnapshotReceiverTest()
      : receiver_({NodeId{2}, &engine_, &worker_, &transport_, &clock_, &metrics_, "in",
                   [this](PieceWritten said) { written_.push_back(std::move(said)); }}),
        core_(consensus::Config{.self = NodeId{2}}, Recovered(), clock_.now_us) {}

  static consensus::Recovered Recovered() {
    consensus::Recovered recovered;
    recovered.hard_state.promised = kBallot;
    recovered.hard_state.configurations = consensus::Configurations(
        {{EntryId{}, {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}}}});
    return recovered;
  }
  void Offer() {
    receiver_.OnOffer(NodeId{1},
                      {.ballot = kBallot,
                       .snapshot = 5,
                       .prev = {kBallot, Slot{8}},
                       .last = {kBallot, Slot{9}},
                       .entry = std::make_shared<const std::string>("entry"),
                       .configuration = {},
                       .bytes = 100},
                      core_);
  }
  void Chunk(uint64_t position, const std::string& bytes) {
    receiver_.OnChunk(NodeId{1},
                      {5, position, Checksum(bytes), std::make_shared<const std::string>(bytes)});
  }
  // What the worker has done reaches the loop.
  void Hear() {
    worker_.RunAll();
    for (const PieceWritten& each : std::exchange(written_, {})) receiver_.On(each);
  }

  static constexpr Ballot kBallot{3, NodeId{1}};
  engine::MemoryEngine engine_;
  HeldWorker worker_;
  PullTransport transport_;
  SimClock clock_;
  Metrics metrics_;
  std::vector<PieceWritten> written_;
  SnapshotReceiver receiver_;
  consensus::Replica core_;
};

TEST_F(SnapshotReceiverTest, PullsWhatFollowsWhatIsWritten) {
  Offer();
  Hear();
  ASSERT_EQ(transport_.pulls.size(), 1u);
  EXPECT_EQ(transport_.pulls[0].position, 0u);
  Chunk(0, std::string(40, 'x'));
  Chunk(80, std::string(20, 'x'));  // what lies between was lost
  Hear();
  ASSERT_EQ(transport_.pulls.size(), 2u);
  EXPECT_EQ(transport_.pulls[1].position, 40u);
}

TEST_F(SnapshotReceiverTest, WhatAFormerTakingWroteDoesNotCount) {
  Offer();
  Hear();
  Chunk(0, std::string(40, 'x'));  // with the worker when the snapshot is given up
  receiver_.Drop();
  transport_.pulls.clear();
  Offer();  // the same again
  Hear();
  ASSERT_FALSE(transport_.pulls.empty());
  for (const consensus::SnapshotPull& pull : transport_.pulls) EXPECT_EQ(pull.position, 0u);
}

}  // namespace
}  // namespace baton::server
