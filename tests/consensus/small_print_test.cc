// One replica alone: what it makes of late news, of peers that state what cannot be, and of what
// its own disk has not done yet. Each test stands for a line of code that no story happens to need.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "consensus/lease.h"
#include "consensus/peer_progress.h"
#include "consensus/well_formed.h"
#include "tests/consensus/one_replica.h"

namespace baton::consensus {
namespace {

// Between handing a snapshot over and the next life of this node nothing is promised: what is
// installed brings the hard state of before.
TEST(SmallPrintTest, ANodeThatInstallsASnapshotIsSilent) {
  Recovered recovered;
  recovered.hard_state.promised = B(5, 2);
  Replica replica = Make(recovered);
  const Configuration members{EntryId{}, Three()};
  const Actions installs = replica.Step(Event{0, SnapshotReceived{B(5, 2), Id(45, 4, 2), members}});
  ASSERT_NE(Find<InstallSnapshot>(installs), nullptr);
  const Replica before = replica;
  EXPECT_TRUE(Receive(&replica, 3, Prepare{B(6, 3)}, 1'000'000).empty());
  EXPECT_TRUE(Receive(&replica, 2, AcceptOf({}, {}), 1'000'000).empty());
  EXPECT_TRUE(replica.Step(Event{2'000'000, Tick{}}).empty());
  EXPECT_EQ(replica.promised(), before.promised());
}

// A configuration that goes with a replaced entry goes from the hard state in the same write,
// though the ballot was promised before.
TEST(SmallPrintTest, AReplacedMembershipIsForgottenOnDiskToo) {
  Replica replica = Make({}, /*self=*/3);
  Membership four = Three();
  four.epoch = Epoch{2};
  four.members.push_back({N(4), Role::kLearner, ""});
  Accept first{.ballot = B(1, 1), .lease_us = 1};
  first.entries = {MakeEntry(Id(1, 1, 1), "r", Reign{.ballot = B(1, 1)}),
                   MakeEntry(Id(2, 1, 1), "m", four)};
  const Actions accepted = Receive(&replica, 1, first, 1);
  ASSERT_EQ(replica.membership(), four);
  replica.Step(Event{1, Persisted{Find<Persist>(accepted)->persist_id}});
  const Actions promised = Receive(&replica, 2, Prepare{B(2, 2)}, 10);
  ASSERT_NE(Find<Persist>(promised), nullptr);
  replica.Step(Event{10, Persisted{Find<Persist>(promised)->persist_id}});

  Accept second{.ballot = B(2, 2), .prev = Id(1, 1, 1)};
  second.entries = {MakeEntry(Id(2, 2, 2), "r", Reign{.ballot = B(2, 2)})};
  const Actions replaced = Receive(&replica, 2, second, 20);
  EXPECT_EQ(replica.membership(), Three());
  ASSERT_NE(Find<Persist>(replaced), nullptr);
  ASSERT_TRUE(Find<Persist>(replaced)->hard_state.has_value());
  EXPECT_EQ(Find<Persist>(replaced)->hard_state->configurations.newest(), Three());
}

// A leader counts a quorum from when it sent what is answered, not from when the answer comes.
TEST(SmallPrintTest, AQuorumIsAsOldAsWhatItAnswers) {
  Replica leader = Leader();
  Accepted answer{.ballot = B(2, 1), .matched = true, .match = Slot{4}};
  answer.sent_at_us = 100'000;
  answer.clock_us = 7;
  Receive(&leader, 2, answer, 300'000);
  const Actions heartbeats = leader.Step(Event{300'000, Tick{}});
  ASSERT_NE(FindSent<Accept>(heartbeats), nullptr);
  EXPECT_EQ(FindSent<Accept>(heartbeats)->quorum_age_us, 200'000);
}

// How far it may be behind the leader's clock is taken off what it claims to be fresh as of.
TEST(SmallPrintTest, FreshnessAllowsForTheDriftOfTheLeadersClock) {
  Replica replica = Make({});
  const Actions first = Receive(&replica, 2, AcceptOf({}, {}), 1'000'000);
  ASSERT_NE(FindSent<Accepted>(first), nullptr);
  Accept heard = AcceptOf({}, {});
  heard.echo_us = FindSent<Accepted>(first)->clock_us;
  heard.quorum_age_us = 400'000;
  Receive(&replica, 2, heard, 1'100'000);
  EXPECT_EQ(replica.FreshAsOfUs(Slot{}), 1'000'000 - 400'000 - 20'000);  // 5 % of the age
}

// The count of another life of this node says nothing of the clock of this one.
TEST(SmallPrintTest, AnEchoOfAFormerLifeIsNotBelieved) {
  Recovered recovered;
  recovered.hard_state.configurations = Configurations({{EntryId{}, Three()}});
  Replica former(Config{.self = N(1), .seed = 1}, recovered, 0);
  const Actions told = Receive(&former, 2, AcceptOf({}, {}), 1'000'000);
  const int64_t count = FindSent<Accepted>(told)->clock_us;
  Replica replica(Config{.self = N(1), .seed = 2}, recovered, 2'000'000);
  Accept heard = AcceptOf({}, {});
  heard.echo_us = count;
  Receive(&replica, 2, heard, 9'000'000);
  EXPECT_EQ(replica.FreshAsOfUs(Slot{}), 0);
}

// One that states to have what was never sent would have it counted, and the leader go on from it.
TEST(SmallPrintTest, ALeaderDropsAMatchAboveItsLog) {
  Replica leader = Leader();
  const Replica before = leader;
  const Accepted answer{.ballot = B(2, 1), .matched = true, .match = Slot{9}};
  EXPECT_TRUE(Receive(&leader, 2, answer).empty());
  EXPECT_EQ(leader, before);
}

TEST(SmallPrintTest, ALateRefusalOfAnotherBallotEndsNoReign) {
  Replica leader = Leader();
  EXPECT_TRUE(Receive(&leader, 3, Nack{B(1, 1), B(9, 3)}).empty());
  EXPECT_EQ(leader.standing(), Standing::kLeader);
}

TEST(SmallPrintTest, AFollowerRefusesReadsAboveItsBound) {
  Replica replica = Make({}, /*self=*/3);
  Receive(&replica, 2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "r", Reign{.ballot = B(5, 2)})}));
  ASSERT_EQ(replica.leader(), N(2));
  uint64_t taken = 0;
  while (Find<ReadRefused>(replica.Step(Event{0, ReadRequested{taken + 1}})) == nullptr) ++taken;
  EXPECT_EQ(taken, FollowerReads::kWaitingMax);
}

// Its number means nothing to the process that has taken the place of the one that asked.
TEST(SmallPrintTest, ASlotToldToAFormerLifeIsNotUsed) {
  Recovered recovered;
  recovered.hard_state.configurations = Configurations({{EntryId{}, Three()}});
  Replica former(Config{.self = N(1), .seed = 1}, recovered, 0);
  Receive(&former, 2, AcceptOf({}, {}), 1'000'000);
  const Actions asked = former.Step(Event{1'000'000, ReadRequested{7}});
  ASSERT_NE(FindSent<AskSlot>(asked), nullptr);
  const TellSlot told{FindSent<AskSlot>(asked)->ask, true, Slot{}};
  Replica replica(Config{.self = N(1), .seed = 2}, recovered, 2'000'000);
  Receive(&replica, 2, AcceptOf({}, {}), 3'000'000);
  replica.Step(Event{3'000'000, ReadRequested{8}});
  EXPECT_EQ(Find<ReadReady>(Receive(&replica, 2, told, 3'000'000)), nullptr);
}

TEST(SmallPrintTest, ALeaderRefusesSlotsAboveItsBound) {
  Replica leader = Leader();  // without a lease: each waits for a round
  for (uint64_t id = 1; id <= ReadIndex::kWaitingMax; ++id) {
    ASSERT_EQ(FindSent<TellSlot>(Receive(&leader, 2, AskSlot{id})), nullptr) << id;
  }
  const Actions over = Receive(&leader, 2, AskSlot{ReadIndex::kWaitingMax + 1});
  ASSERT_NE(FindSent<TellSlot>(over), nullptr);
  EXPECT_FALSE(FindSent<TellSlot>(over)->granted);
}

// Messages are bounded by their number as well as by their bytes.
TEST(SmallPrintTest, APeerHasSoManyMessagesInFlightAtTheMost) {
  PeerProgress progress(Slot{1});
  progress.Matched(Slot{});
  uint64_t sent = 0;
  while (progress.MaySend(/*inflight_bytes_max=*/1 << 30)) {
    ASSERT_LE(sent, PeerProgress::kInFlightMax);
    progress.Sent({MakeEntry(Id(++sent, 1, 1), "x")});
  }
  EXPECT_EQ(sent, PeerProgress::kInFlightMax);
}

// The wait after a restart is that of the longest lease ever granted.
TEST(SmallPrintTest, AShorterLeaseDoesNotMakeTheLongestShorter) {
  Replica replica = Make({});
  Accept heartbeat = AcceptOf({}, {});
  Receive(&replica, 2, heartbeat, 0);
  heartbeat.lease_us = 100'000;
  Receive(&replica, 2, heartbeat, 1'000);
  EXPECT_EQ(replica.hard_state().longest_lease_us, 500'000);
}

TEST(SmallPrintTest, AnOlderTableOfHealthIsNoNews) {
  Replica replica = Make({});
  Accept heartbeat = AcceptOf({}, {});
  heartbeat.health = HealthTable{2, {{N(3), NodeHealth{.barred = true}}}};
  Receive(&replica, 2, heartbeat);
  heartbeat.health = HealthTable{1, {}};
  Receive(&replica, 2, heartbeat);
  EXPECT_EQ(replica.health().number, 2u);
  EXPECT_TRUE(replica.health().nodes.at(N(3)).barred);
}

// What is over stays over, in whatever order that is heard.
TEST(SmallPrintTest, ALateAbdicationMakesNoNewerBallotGrantable) {
  LeaseGiven lease;
  ASSERT_TRUE(lease.Grant(B(5, 2), 0, 100));
  lease.Release(B(5, 2), 10);
  lease.Release(B(3, 1), 20);
  EXPECT_FALSE(lease.Grant(B(5, 2), 30, 100));
}

// A candidate whom others count, and who gives way, was not promised here: the leader that is
// followed goes on.
TEST(SmallPrintTest, AnAbdicationOfAStrangerSaysNothingOfTheLeader) {
  Replica replica = Make({}, /*self=*/3);
  Receive(&replica, 2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "r", Reign{.ballot = B(5, 2)})}));
  Receive(&replica, 1, Abdicate{B(7, 1)}, 1'000);
  EXPECT_EQ(replica.leader(), N(2));
  const Actions heartbeat = Receive(&replica, 2, AcceptOf({}, {}), 50'000);
  ASSERT_NE(FindSent<Accepted>(heartbeat), nullptr);
  EXPECT_TRUE(FindSent<Accepted>(heartbeat)->lease_granted);
}

// A Seal that ends the log promises the ballot after its own, and none after a later promise.
TEST(SmallPrintTest, AnOldSealPromisesNothingAboveALaterPromise) {
  Recovered recovered;
  recovered.hard_state.promised = B(6, 3);
  recovered.runs = {{Slot{1}, B(5, 2)}};
  recovered.last = Slot{2};
  recovered.seal = Seal{7, N(2)};
  Replica replica = Make(recovered);
  EXPECT_NE(FindSent<Promise>(Receive(&replica, 1 + 2, Prepare{B(7, 3)})), nullptr);
}

// All that is promised with is on the disk before the promise leaves, what is still on its way
// there too: a promise with less could let a later leader miss it.
TEST(SmallPrintTest, APromiseIsMadeWithAllThatWasAccepted) {
  Replica replica = Make({}, /*self=*/3);
  const Actions accepted = Receive(
      &replica, 2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "r", Reign{.ballot = B(5, 2)})}), 0);
  const Actions promised = Receive(&replica, 1, Prepare{B(6, 1)}, 600'000);
  ASSERT_NE(Find<Persist>(promised), nullptr);
  EXPECT_GT(Find<Persist>(promised)->persist_id, Find<Persist>(accepted)->persist_id);
  EXPECT_EQ(Find<Send>(promised), nullptr);
  ASSERT_NE(FindSent<Promise>(promised), nullptr);
  EXPECT_EQ(FindSent<Promise>(promised)->last, Id(1, 5, 2));
}

TEST(SmallPrintTest, AMessageSpeaksForItsSenderAndOfWhatCanBe) {
  const auto passes = [](uint32_t from, MessageBody body) {
    return WellFormed(Message{N(from), N(9), kFirstGroup, std::move(body)});
  };
  EXPECT_TRUE(passes(2, Abdicate{B(5, 2)}));
  EXPECT_FALSE(passes(3, Abdicate{B(5, 2)}));
  EXPECT_TRUE(passes(2, TakeOver{B(5, 2), Id(7, 5, 2)}));
  EXPECT_FALSE(passes(3, TakeOver{B(5, 2), Id(7, 5, 2)}));
  EXPECT_FALSE(passes(2, TakeOver{B(5, 2), Id(7, 4, 2)})) << "the Seal of another reign";
  EXPECT_TRUE(passes(2, Prepare{B(5, 2), B(4, 1)}));
  EXPECT_FALSE(passes(2, Prepare{B(5, 2), B(5, 2)})) << "succeeds itself";
  EXPECT_FALSE(passes(2, Prepare{B(5, 2), B(6, 1)})) << "succeeds what is to come";
  EXPECT_TRUE(passes(3, Promise{B(5, 2), Id(9, 4, 1)}));
  EXPECT_FALSE(passes(3, Promise{B(5, 2), Id(9, 5, 2)})) << "has of a ballot that it promises";
  EXPECT_FALSE(passes(3, Promise{B(5, 2), Id(kSlotMax + 1, 4, 1)}));
  EXPECT_FALSE(passes(3, Nack{B(5, 2), B(kRoundMax + 1, 1)}));
  EXPECT_FALSE(passes(3, TellSlot{1, true, Slot{kSlotMax + 1}}));
  EXPECT_FALSE(passes(3, Fetch{B(5, 2), {}, 100})) << "another's ballot";
  Fetched fetched{.ballot = B(5, 2), .promised = B(5, 2), .matched = true};
  fetched.entries = {MakeEntry(Id(2, 4, 1), "gap")};
  EXPECT_FALSE(passes(3, fetched));
}

}  // namespace
}  // namespace baton::consensus
