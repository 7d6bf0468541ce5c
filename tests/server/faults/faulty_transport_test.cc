#include "server/faults/faulty_transport.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/server/faults/manual_clock.h"

namespace baton::server {
namespace {

using Numbers = std::vector<uint64_t>;

constexpr int64_t kPatienceUs = 60'000'000;
constexpr NodeId kOne{1};
constexpr NodeId kTwo{2};

// Keeps the numbers of what was sent.
class Recorder : public Transport {
 public:
  void SetMembers(const std::vector<MemberInfo>&) override {}
  void Send(consensus::Message message) override {
    MutexLock lock(&mutex_);
    sent_.push_back(std::get<consensus::Accept>(message.body).read_round);
    more_.NotifyAll();
  }
  bool Connected(NodeId peer) const override { return peer == kOne; }

  Numbers Sent() {
    MutexLock lock(&mutex_);
    return sent_;
  }
  // Waits until so many were sent.
  Numbers Await(size_t count) {
    MutexLock lock(&mutex_);
    while (sent_.size() < count && more_.WaitFor(&mutex_, kPatienceUs)) {
    }
    return sent_;
  }

 private:
  Mutex mutex_;
  CondVar more_;
  Numbers sent_ BATON_GUARDED_BY(mutex_);
};

class FaultyTransportTest : public ::testing::Test {
 protected:
  void Send(NodeId to, uint64_t number) {
    consensus::Accept accept;
    accept.read_round = number;
    transport_.Send({NodeId{9}, to, kFirstGroup, accept});
  }
  std::vector<std::string> InForce() {
    return transport_.InForce([](NodeId peer) { return "n" + std::to_string(peer.value); });
  }

  Recorder below_;
  ManualClock clock_;
  std::vector<std::pair<StopAction, size_t>> stops_;  // and how many had been sent by then
  FaultyTransport transport_{&below_, &clock_, [this](StopAction action) {
                               stops_.emplace_back(action, below_.Sent().size());
                             }};
};

TEST_F(FaultyTransportTest, PassesEverythingWhileNothingIsInForce) {
  Send(kOne, 1);
  Send(kTwo, 2);
  EXPECT_EQ(below_.Sent(), (Numbers{1, 2}));
  EXPECT_TRUE(transport_.Connected(kOne));
  EXPECT_FALSE(transport_.Connected(kTwo));
  EXPECT_TRUE(InForce().empty());
}

TEST_F(FaultyTransportTest, DropsWhatGoesToOnePeer) {
  transport_.Drop(kOne);
  Send(kOne, 1);
  Send(kTwo, 2);
  EXPECT_EQ(InForce(), std::vector<std::string>{"drop n1"});
  transport_.Clear();
  Send(kOne, 3);
  EXPECT_EQ(below_.Sent(), (Numbers{2, 3}));
}

TEST_F(FaultyTransportTest, DelaysWhatGoesToOnePeerAndKeepsItsOrder) {
  transport_.Delay(kOne, 5'000);
  EXPECT_EQ(InForce(), std::vector<std::string>{"delay n1 5"});
  Send(kOne, 1);
  Send(kTwo, 2);
  EXPECT_EQ(below_.Sent(), Numbers{2});
  transport_.Delay(kOne, 0);
  Send(kOne, 3);  // behind what is on its way
  EXPECT_EQ(below_.Sent(), Numbers{2});
  clock_.now_us += 5'000;
  EXPECT_EQ(below_.Await(3), (Numbers{2, 1, 3}));
  Send(kOne, 4);
  EXPECT_EQ(below_.Sent(), (Numbers{2, 1, 3, 4}));
}

TEST_F(FaultyTransportTest, ALaterAndShorterDelayIsNotHeldUpByALongOne) {
  transport_.Delay(kOne, 1'000'000'000);
  transport_.Delay(kTwo, 5'000);
  Send(kOne, 1);
  Send(kTwo, 2);
  clock_.now_us += 5'000;
  EXPECT_EQ(below_.Await(1), Numbers{2});
}

TEST_F(FaultyTransportTest, StopsBeforeTheCountedMessageOfItsKind) {
  transport_.StopAt({"heartbeat", 2, StopAction::kPause});
  EXPECT_EQ(InForce(), std::vector<std::string>{"pause-at heartbeat 2"});
  transport_.Send({NodeId{9}, kOne, kFirstGroup, [] {
                     consensus::Accept accept;
                     accept.entries.emplace_back();
                     return accept;
                   }()});
  Send(kOne, 1);
  EXPECT_TRUE(stops_.empty());
  Send(kTwo, 2);
  ASSERT_EQ(stops_.size(), 1u);
  EXPECT_EQ(stops_[0], std::pair(StopAction::kPause, size_t{2}));
  EXPECT_EQ(below_.Sent(), (Numbers{0, 1, 2}));  // a paused process sends it when it goes on
  Send(kTwo, 3);
  EXPECT_EQ(stops_.size(), 1u);
  EXPECT_TRUE(InForce().empty());
}

TEST_F(FaultyTransportTest, OnceClosedNothingIsHeldBack) {
  transport_.Delay(kOne, 1'000'000'000);
  transport_.Drop(kTwo);
  Send(kOne, 1);
  transport_.Close();
  Send(kOne, 2);
  Send(kTwo, 3);
  EXPECT_EQ(below_.Sent(), (Numbers{2, 3}));
}

}  // namespace
}  // namespace baton::server
