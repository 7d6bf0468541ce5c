// A read by lease counts only if the lease still ran, in the same reign, after the read.
#include "server/replica/read_service.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/storage/memory_engine.h"
#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

constexpr int64_t kLeaseEndUs = 2'000'000;

// Does something when it is asked for the second time: that is after the read.
class InterruptingClock : public Clock {
 public:
  int64_t LeaseNowUs() const override {
    if (++asked == 2 && interrupt) interrupt();
    return now_us;
  }
  int64_t WallNowUs() const override { return 0; }

  mutable int asked = 0;
  int64_t now_us = kLeaseEndUs - 1;
  std::function<void()> interrupt;
};

class ReadServiceTest : public ::testing::Test {
 protected:
  ReadServiceTest() {
    open_.standing = consensus::Standing::kLeader;
    open_.open = true;
    open_.ballot = Ballot{2, NodeId{1}};
    open_.lease_end_us = kLeaseEndUs;
    board_.Publish(open_);
  }

  // How many of one get's answers were given at once; otherwise it is left for the loop.
  size_t AnswersAtOnce() {
    std::vector<QueuedRead> reads(1);
    reads[0].to.sink = sink_;
    reads[0].deadline_us = kNever;
    reads[0].request = GetCall{kDefaultKeyspace, {"absent"}};
    AnswerBatch answers;
    service_.Serve(open_, &reads, &answers);
    answers.Deliver();
    EXPECT_EQ(sink_->given + reads.size(), 1u);
    return sink_->given;
  }

  engine::MemoryEngine engine_{engine::MemoryEngineOptions{}};
  engine::Overlay overlay_;
  engine::Catalog catalog_;
  Published open_;
  Board board_;
  InterruptingClock clock_;
  MemberTable members_{Members{}};
  Readers readers_{8};
  Metrics metrics_;
  ReadService service_{
      ReadService::Parts{&engine_, &overlay_, &catalog_, &board_, &clock_, &members_, &readers_,
                         [](std::vector<QueuedRead>*) { return true; }, &metrics_}};
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(ReadServiceTest, AnswersWhileTheLeaseRuns) { EXPECT_EQ(AnswersAtOnce(), 1u); }

TEST_F(ReadServiceTest, ALeaseThatLapsedDuringTheReadAnswersNothing) {
  clock_.interrupt = [this] { clock_.now_us = kLeaseEndUs; };
  EXPECT_EQ(AnswersAtOnce(), 0u);
}

TEST_F(ReadServiceTest, AReignThatEndedDuringTheReadAnswersNothing) {
  clock_.interrupt = [this] {
    Published closed = open_;
    closed.open = false;
    board_.Publish(closed);
  };
  EXPECT_EQ(AnswersAtOnce(), 0u);
}

TEST_F(ReadServiceTest, AnotherReignOfTheSameNodeAnswersNothing) {
  clock_.interrupt = [this] {
    Published later = open_;
    later.ballot = Ballot{4, NodeId{1}};
    later.lease_end_us = 2 * kLeaseEndUs;
    board_.Publish(later);
  };
  EXPECT_EQ(AnswersAtOnce(), 0u);
}

}  // namespace
}  // namespace baton::server
