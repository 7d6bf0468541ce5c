// WitnessOffers by itself: what is offered, how long, and when it ends.
#include "server/replica/witness_offers.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

using consensus::SnapshotEnded;

constexpr Ballot kBallot{1, NodeId{1}};
constexpr NodeId kWitness{3};
constexpr Slot kBase{4}, kLast{9};

class WitnessOffersTest : public ::testing::Test {
 protected:
  WitnessOffersTest()
      : offers_({NodeId{1}, &wal_, &worker_, &transport_, &clock_,
                 [this](FirstEntryRead read) { read_.push_back(std::move(read)); },
                 [this](const std::string& reason) { fatal_ = reason; }},
                /*seed=*/1),
        core_(consensus::Config{.self = NodeId{1}}, Recovered(), clock_.now_us) {
    EXPECT_TRUE(wal_.Append(std::vector<wal::Record>{RecordOf(kBase.Next().value)}).ok());
  }

  static consensus::Recovered Recovered() {
    consensus::Recovered recovered;
    recovered.hard_state.promised = kBallot;
    recovered.hard_state.configurations = consensus::Configurations(
        {{EntryId{}, {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}}}});
    recovered.base = {kBallot, kBase};
    recovered.last = recovered.applied = kLast;
    recovered.runs = {{kBase.Next(), kBallot}};
    return recovered;
  }
  void Begin() { offers_.Begin({kWitness, kBallot, /*log_only=*/true}, core_); }
  // One round of the loop. What has ended.
  std::vector<SnapshotEnded> Run() {
    worker_.RunAll();
    for (const FirstEntryRead& read : std::exchange(read_, {})) offers_.On(read);
    return offers_.RunDue(core_);
  }
  std::vector<consensus::SnapshotOffer> Offered() {
    std::vector<consensus::SnapshotOffer> offered;
    for (const consensus::Message& message : transport_.TakeSent()) {
      EXPECT_EQ(message.to, kWitness);
      offered.push_back(std::get<consensus::SnapshotOffer>(message.body));
    }
    return offered;
  }

  FakeWal wal_;
  HeldWorker worker_;
  RecordingTransport transport_;
  SimClock clock_;
  std::vector<FirstEntryRead> read_;
  std::string fatal_;
  WitnessOffers offers_;
  consensus::Replica core_;
};

TEST_F(WitnessOffersTest, OffersTheBeginningOfTheLogAndNoState) {
  Begin();
  EXPECT_TRUE(Run().empty());
  const auto offered = Offered();
  ASSERT_EQ(offered.size(), 1u);
  EXPECT_EQ(offered[0].ballot, kBallot);
  EXPECT_EQ(offered[0].prev, (EntryId{kBallot, kBase}));
  EXPECT_EQ(offered[0].last, (EntryId{kBallot, kBase.Next()}));
  EXPECT_EQ(*offered[0].entry, *RecordOf(kBase.Next().value).bytes);
  EXPECT_EQ(offered[0].bytes, 0u);
}

TEST_F(WitnessOffersTest, TheSameIsOfferedAgainWhileTheWitnessLacksIt) {
  Begin();
  Run();
  const auto first = Offered();
  clock_.now_us += WitnessOffers::kOfferAgainUs - 1;
  EXPECT_TRUE(Run().empty());
  EXPECT_TRUE(Offered().empty());
  EXPECT_EQ(offers_.NextDeadlineUs(), ++clock_.now_us);
  EXPECT_TRUE(Run().empty());
  EXPECT_EQ(Offered(), first) << "else the witness would begin to take it anew each time";
}

TEST_F(WitnessOffersTest, EndsWhenTheLogBeginsLater) {
  Begin();
  Run();
  Offered();
  core_.Step({clock_.now_us, consensus::Truncated{{kBallot, kBase.Next()}}});
  clock_.now_us += WitnessOffers::kOfferAgainUs;
  EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{kWitness, /*failed=*/false}}));
  EXPECT_TRUE(Run().empty()) << "said once";
  EXPECT_TRUE(Offered().empty());
  EXPECT_EQ(offers_.NextDeadlineUs(), kNever);
}

TEST_F(WitnessOffersTest, EndsAtItsTimeWhenTheEntryCannotBeRead) {
  core_.Step({clock_.now_us, consensus::Truncated{{kBallot, kLast.Prev()}}});  // not in the log
  Begin();
  EXPECT_TRUE(Run().empty());
  clock_.now_us += WitnessOffers::kOfferAgainUs;
  EXPECT_EQ(Run(), (std::vector<SnapshotEnded>{{kWitness, /*failed=*/false}}));
  EXPECT_TRUE(Offered().empty());
  EXPECT_EQ(fatal_, "");
}

TEST_F(WitnessOffersTest, ADamagedLogEndsTheNode) {
  wal_.Damage();
  Begin();
  EXPECT_TRUE(Run().empty());
  EXPECT_TRUE(Offered().empty());
  EXPECT_NE(fatal_.find("cannot read the log back"), std::string::npos) << fatal_;
}

TEST_F(WitnessOffersTest, WhatIsReadForAFormerOfferIsNotSent) {
  Begin();
  worker_.RunAll();
  offers_.EndReign();
  EXPECT_TRUE(Run().empty());
  EXPECT_TRUE(Offered().empty());
}

}  // namespace
}  // namespace baton::server
