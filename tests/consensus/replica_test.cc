// One replica alone: what it makes of malformed and hostile messages, of a peer behind its retained
// log, and of an Accept that covers less than its log; its deadlines; that it is a value.
#include "consensus/replica.h"

#include <algorithm>
#include <limits>

#include "consensus/read_index.h"
#include "gtest/gtest.h"
#include "tests/consensus/one_replica.h"

namespace baton::consensus {
namespace {

Membership Unsorted() {
  Membership membership = Three();
  std::swap(membership.members[0], membership.members[1]);
  return membership;
}

TEST(ReplicaTest, DropsWhatIsMalformed) {
  const Replica fresh = Make({});
  const Entry one = MakeEntry(Id(1, 5, 2), "x", Reign{.ballot = B(5, 2)});
  const std::vector<std::pair<uint32_t, MessageBody>> bad = {
      {2, AcceptOf({}, {MakeEntry(Id(2, 5, 2), "gap")})},
      {2, AcceptOf({}, {one, MakeEntry(Id(2, 4, 2), "older than what it follows")})},
      {2, AcceptOf({}, {MakeEntry(Id(1, 6, 2), "above the ballot")})},
      {2, AcceptOf({}, {Entry{Id(1, 5, 2), {}, nullptr}})},
      {2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "x", Reign{.ballot = B(4, 2)})})},
      {2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "x", Membership{Epoch{2}, {}, {}})})},
      {2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "x", Unsorted())})},
      {3, AcceptOf({}, {one})},  // another node's ballot
      {2, Prepare{B(5, 3)}},
      {2, Prepare{B(std::numeric_limits<uint64_t>::max(), 2)}},
      {2, Accept{.ballot = B(5, 2), .lease_us = std::numeric_limits<int64_t>::max()}},
      {2, Accept{.ballot = B(5, 2), .lease_us = -1}},
      {2, Accept{.ballot = B(5, 2), .proof_age_us = -1}},
      {2, Accept{.ballot = B(5, 2), .quorum_age_us = std::numeric_limits<int64_t>::max()}},
      {2, Accept{.ballot = B(5, 2), .echo_us = std::numeric_limits<int64_t>::min()}},
      {2, Prepare{B(5, 2), B(5, 2)}},  // succeeds itself
      {2, Abdicate{B(5, 3)}}};
  for (size_t i = 0; i < bad.size(); ++i) {
    Replica replica = fresh;
    EXPECT_TRUE(Receive(&replica, bad[i].first, bad[i].second).empty()) << "message " << i;
    EXPECT_EQ(replica, fresh) << "message " << i;
  }
  Replica replica = fresh;
  const Message other_group{N(2), N(1), GroupId{9}, AcceptOf({}, {one})};
  EXPECT_TRUE(replica.Step(Event{0, Received{other_group}}).empty());
  EXPECT_NE(FindSent<Accepted>(Receive(&replica, 2, AcceptOf({}, {one}))), nullptr);
}

TEST(ReplicaTest, RefusesToReplaceWhatIsCommitted) {
  Replica replica = Make({.hard_state = {.promised = B(3, 2)},
                          .last = Slot{4},
                          .runs = {{Slot{1}, B(3, 2)}},
                          .applied = Slot{3}});
  const Replica before = replica;
  EXPECT_TRUE(Receive(&replica, 2, AcceptOf(Id(2, 3, 2), {MakeEntry(Id(3, 5, 2), "x")})).empty());
  EXPECT_EQ(replica.log(), before.log());
  const Actions actions =
      Receive(&replica, 2, AcceptOf(Id(3, 3, 2), {MakeEntry(Id(4, 5, 2), "x")}));
  ASSERT_NE(Find<SuffixReplaced>(actions), nullptr);
  EXPECT_EQ(Find<SuffixReplaced>(actions)->first, Slot{4});
}

TEST(ReplicaTest, RefusesALeaderThatReplacesItsOwnEntries) {
  Replica replica = Make({});
  const std::vector<Entry> adopted = {MakeEntry(Id(1, 4, 1), "x", Reign{.ballot = B(4, 1)}),
                                      MakeEntry(Id(2, 4, 1), "y"), MakeEntry(Id(3, 4, 1), "z")};
  ASSERT_NE(FindSent<Accepted>(Receive(&replica, 2, AcceptOf({}, adopted))), nullptr);
  const Replica before = replica;
  const Entry other = MakeEntry(Id(2, 5, 2), "x", Reign{.ballot = B(5, 2)});
  EXPECT_TRUE(Receive(&replica, 2, AcceptOf(Id(1, 4, 1), {other}, Slot{3})).empty());
  EXPECT_EQ(replica, before);
}

// The small print: Accepted states what matches this ballot, not the node's last slot, and a
// matching Accept cuts nothing.
TEST(ReplicaTest, StatesWhatMatchesNotWhatItHas) {
  Replica replica = Make({.hard_state = {.promised = B(3, 2)},
                          .last = Slot{4},
                          .runs = {{Slot{1}, B(3, 2)}},
                          .applied = Slot{}});
  const Actions actions = Receive(&replica, 2, AcceptOf(Id(2, 3, 2), {}, /*commit=*/Slot{4}));
  ASSERT_NE(FindSent<Accepted>(actions), nullptr);
  EXPECT_EQ(FindSent<Accepted>(actions)->match, Slot{2});
  EXPECT_EQ(replica.commit(), Slot{2});
  EXPECT_EQ(replica.log().last(), Id(4, 3, 2));
}

TEST(ReplicaTest, AnswersAHeartbeatAtOnceWithWhatIsDurable) {
  Replica replica = Make({});
  const Entry reign = MakeEntry(Id(1, 5, 2), "r", Reign{.ballot = B(5, 2)});
  const Actions first = Receive(&replica, 2, AcceptOf({}, {reign}));
  const auto* persist = Find<Persist>(first);
  ASSERT_NE(persist, nullptr);
  EXPECT_EQ(persist->hard_state->promised, B(5, 2));
  EXPECT_EQ(persist->hard_state->longest_lease_us, 500'000);
  // The promise is still on its way to the disk: the answer waits for it, and writes nothing.
  const Actions early = Receive(&replica, 2, AcceptOf(Id(1, 5, 2), {}));
  ASSERT_NE(Find<Persist>(early), nullptr);
  EXPECT_FALSE(Find<Persist>(early)->hard_state.has_value());
  EXPECT_TRUE(Find<Persist>(early)->entries.empty());
  replica.Step(Event{0, Persisted{1}});
  const Entry second = MakeEntry(Id(2, 5, 2), "2");
  Receive(&replica, 2, AcceptOf(Id(1, 5, 2), {second}));
  const Actions heartbeat = Receive(&replica, 2, AcceptOf(Id(2, 5, 2), {}));
  ASSERT_EQ(heartbeat.size(), 1u);
  ASSERT_NE(Find<Send>(heartbeat), nullptr);
  EXPECT_EQ(FindSent<Accepted>(heartbeat)->match, Slot{1}) << "slot 2 is not durable yet";
  EXPECT_EQ(FindSent<Accepted>(heartbeat)->sent_at_us, 7);
}

TEST(ReplicaTest, AnIdleFollowerWakesOnceALease) {
  Replica replica = Make({}, /*self=*/3);
  Receive(&replica, 2, AcceptOf({}, {MakeEntry(Id(1, 5, 2), "r", Reign{.ballot = B(5, 2)})}), 1000);
  replica.Step(Event{1000, Persisted{1}});
  EXPECT_EQ(replica.NextDeadlineUs(), 1000 + 500'000 + kLanTiming.rank_step_us * 3 / 2);
  EXPECT_TRUE(replica.Step(Event{400'000, Tick{}}).empty()) << "an early tick does nothing";
  Receive(&replica, 2, AcceptOf(Id(1, 5, 2), {}), 450'000);
  EXPECT_EQ(replica.NextDeadlineUs(), 450'000 + 500'000 + kLanTiming.rank_step_us * 3 / 2);
}

// The small print: a leader that cannot write, or has lost its quorum, leads nobody.
TEST(ReplicaTest, GrantsNothingOnAStaleProof) {
  const auto granted = [](int64_t proof_age_us, int64_t quorum_age_us) {
    Replica replica = Make({});
    Accept heartbeat = AcceptOf({}, {});
    heartbeat.proof_age_us = proof_age_us;
    heartbeat.quorum_age_us = quorum_age_us;
    return FindSent<Accepted>(Receive(&replica, 2, heartbeat))->lease_granted;
  };
  EXPECT_TRUE(granted(kLanTiming.stall_us, kLanTiming.lease_us));
  EXPECT_FALSE(granted(kLanTiming.stall_us + 1, 0));
  EXPECT_FALSE(granted(0, kLanTiming.lease_us + 1));
}

// The small print: its wait after a restart binds a node's own candidacy, and nothing shortens it.
TEST(ReplicaTest, AnAbdicationDoesNotEndTheWaitAfterARestart) {
  constexpr int64_t kWaitUs = 900'000;
  Replica replica = Make({.hard_state = {.promised = B(3, 2), .longest_lease_us = kWaitUs}});
  ASSERT_NE(FindSent<Accepted>(Receive(&replica, 2, AcceptOf({}, {}), 1'000)), nullptr);
  replica.Step(Event{1'500, Persisted{1}});
  Receive(&replica, 2, Abdicate{B(5, 2)}, 2'000);
  EXPECT_EQ(replica.leader(), std::nullopt);
  EXPECT_GE(replica.NextDeadlineUs(), kWaitUs);
  EXPECT_TRUE(replica.Step(Event{kWaitUs - 1, Tick{}}).empty());
  EXPECT_NE(FindSent<Canvass>(replica.Step(Event{replica.NextDeadlineUs(), Tick{}})), nullptr);
}

// A candidate that has been promised, and fetches the log of node 2.
struct Fetching {
  Replica replica = Make({});
  int64_t now_us = 0;
  Ballot ballot;
  EntryId prev;
};
Fetching FetchLogThatEndsAt(const EntryId& last) {
  Fetching at;
  at.now_us = at.replica.NextDeadlineUs();
  const Actions canvass = at.replica.Step(Event{at.now_us, Tick{}});
  const Ballot asked = MustFindSent<Canvass>(canvass).ballot;
  const Actions prepare =
      Receive(&at.replica, 2, CanvassReply{.ballot = asked, .granted = true}, at.now_us);
  at.ballot = MustFindSent<Prepare>(prepare).ballot;
  at.replica.Step(Event{at.now_us, Persisted{Find<Persist>(prepare)->persist_id}});
  const Actions fetch = Receive(&at.replica, 2, Promise{at.ballot, last}, at.now_us);
  at.prev = MustFindSent<Fetch>(fetch).prev;
  return at;
}

// The small print: once the source has promised higher, its log may be a later leader's.
TEST(ReplicaTest, AHigherPromiseInAFetchEndsTheCandidacy) {
  const EntryId last = Id(1, 0, 2);
  Fetching at = FetchLogThatEndsAt(last);
  Replica& replica = at.replica;
  const Entry entry = MakeEntry(last, "x", Reign{.ballot = last.born});
  Fetched fetched{.ballot = at.ballot,
                  .promised = at.ballot,
                  .matched = true,
                  .prev = at.prev,
                  .entries = {entry}};
  Replica other = replica;
  EXPECT_NE(Find<OpenReign>(Receive(&other, 2, fetched, at.now_us)), nullptr);
  fetched.promised = B(at.ballot.round + 1, 3);
  EXPECT_TRUE(Receive(&replica, 2, fetched, at.now_us).empty());
  EXPECT_EQ(replica.standing(), Standing::kFollower);
  EXPECT_EQ(replica.log().last(), EntryId{});
}

// However long the log that it adopts, no more of it is on its way to the disk than one answer has.
TEST(ReplicaTest, ACandidateAsksForNoMoreThanItHasWritten) {
  Fetching at = FetchLogThatEndsAt(Id(3, 0, 2));
  const Entry first = MakeEntry(Id(1, 0, 2), "x", Reign{.ballot = B(0, 2)});
  const Fetched fetched{.ballot = at.ballot,
                        .promised = at.ballot,
                        .matched = true,
                        .prev = at.prev,
                        .entries = {first}};
  const Actions adopted = Receive(&at.replica, 2, fetched, at.now_us);
  ASSERT_NE(Find<Persist>(adopted), nullptr);
  EXPECT_EQ(FindSent<Fetch>(adopted), nullptr);
  const Actions next =
      at.replica.Step(Event{at.now_us, Persisted{Find<Persist>(adopted)->persist_id}});
  ASSERT_NE(FindSent<Fetch>(next), nullptr);
  EXPECT_EQ(FindSent<Fetch>(next)->prev, first.id);
}

// It may have been made a voter by an entry that it has not got yet: the candidate knows.
TEST(ReplicaTest, OneThatIsNoVoterSleepsAndStillPromises) {
  Recovered recovered;
  recovered.hard_state.configurations = Configurations({{EntryId{}, Three()}});
  Replica outsider(Config{.self = N(7)}, recovered, 0);
  EXPECT_EQ(outsider.NextDeadlineUs(), std::numeric_limits<int64_t>::max());
  EXPECT_NE(FindSent<CanvassReply>(Receive(&outsider, 2, Canvass{B(5, 2), {}})), nullptr);
  const Actions promised = Receive(&outsider, 2, Prepare{B(5, 2)});
  ASSERT_NE(Find<Persist>(promised), nullptr) << "durable before it is answered";
  EXPECT_NE(FindSent<Promise>(promised), nullptr);
}

// Nothing that was not sent can be answered: believing it would lengthen the lease, or make a read
// stale.
TEST(ReplicaTest, ALeaderDropsAnswersToWhatItHasNotSent) {
  Replica leader = Leader();
  const int64_t lease_end_us = leader.LeaseEndUs();
  Accepted answer{.ballot = B(2, 1), .matched = true, .match = Slot{4}, .lease_granted = true};
  answer.sent_at_us = 400'000;
  Receive(&leader, 2, answer, 399'999);
  EXPECT_EQ(leader.LeaseEndUs(), lease_end_us);
  Receive(&leader, 2, answer, 400'000);
  EXPECT_GT(leader.LeaseEndUs(), lease_end_us) << "the same was good once it could be true";
  answer.read_round = 1;
  Receive(&leader, 2, answer, 400'000);
  const Actions asked = leader.Step(Event{400'000, ReadRequested{1}});
  EXPECT_EQ(Find<ReadReady>(asked), nullptr);
  EXPECT_NE(Find<ReadReady>(Receive(&leader, 2, answer, 400'000)), nullptr);
}

// Nobody is left waiting: not before the reign is open, and not above the bound.
TEST(ReplicaTest, ALeaderRefusesReadsThatItCannotTake) {
  Replica winner = Winner();
  EXPECT_EQ(winner.Step(Event{0, ReadRequested{1}}), (Actions{ReadRefused{1}}));
  Replica leader = Leader();
  ASSERT_TRUE(leader.reign_open());
  for (uint64_t id = 1; id <= ReadIndex::kWaitingMax; ++id) {
    ASSERT_EQ(Find<ReadRefused>(leader.Step(Event{0, ReadRequested{id}})), nullptr) << id;
  }
  const uint64_t over = ReadIndex::kWaitingMax + 1;
  EXPECT_EQ(leader.Step(Event{0, ReadRequested{over}}), (Actions{ReadRefused{over}}));
}

TEST(ReplicaTest, APeerBehindTheRetainedLogIsSentOneSnapshotAndHeartbeats) {
  Replica replica = Leader();
  ASSERT_TRUE(replica.reign_open());
  const Accepted behind{
      .ballot = B(2, 1), .matched = false, .hint = Id(1, 1, 1), .lease_granted = true};
  const Actions once = Receive(&replica, 3, behind, 10);
  ASSERT_EQ(once.size(), 1u) << "nothing of the log that it could take";
  EXPECT_EQ(std::get<SendSnapshot>(once[0]), (SendSnapshot{N(3), B(2, 1)}));
  for (int64_t now_us = 50'000; now_us <= 200'000; now_us += 50'000) {
    Receive(&replica, 2, Accepted{.ballot = B(2, 1), .matched = true, .match = Slot{4}}, now_us);
    const Actions heartbeats = replica.Step(Event{now_us, Tick{}});
    EXPECT_EQ(std::count_if(heartbeats.begin(), heartbeats.end(),
                            [](const Action& a) { return std::holds_alternative<Send>(a); }),
              2);
    replica.Step(Event{now_us, WriteProved{}});
    Accepted again = behind;
    again.sent_at_us = now_us;
    EXPECT_TRUE(Receive(&replica, 3, again, now_us).empty());
  }
  EXPECT_GT(replica.LeaseEndUs(), 200'000) << "its grant counts all the same";
  // Once it holds the base (it got it some other way) it is sent what follows.
  const Accepted holds{.ballot = B(2, 1), .matched = true, .match = Slot{3}};
  const Actions resumed = Receive(&replica, 3, holds, 200'000);
  ASSERT_NE(FindSent<Accept>(resumed), nullptr);
  EXPECT_EQ(FindSent<Accept>(resumed)->prev, Id(3, 1, 1));
  EXPECT_EQ(FindSent<Accept>(resumed)->entries.size(), 1u);
}

TEST(ReplicaTest, AProposalOfAReignThatEndedIsDropped) {
  Replica replica = Leader();
  const EntryId next = replica.NextEntryId();
  Receive(&replica, 3, Nack{B(2, 1), B(9, 3)});
  EXPECT_EQ(replica.standing(), Standing::kFollower);
  EXPECT_TRUE(replica.Step(Event{0, Proposed{MakeEntry(next, "late")}}).empty());
}

// The small print: only grants count, from the send time of what they answer.
TEST(ReplicaTest, AnAnswerWithoutAGrantIsNoLease) {
  Replica replica = Leader();
  const int64_t before_us = replica.LeaseEndUs();
  Accepted answer{.ballot = B(2, 1), .matched = true, .match = Slot{4}, .sent_at_us = 100'000};
  Receive(&replica, 2, answer, 150'000);
  EXPECT_EQ(replica.LeaseEndUs(), before_us);
  answer.lease_granted = true;
  Receive(&replica, 2, answer, 160'000);
  EXPECT_EQ(replica.LeaseEndUs(), 100'000 + 475'000);  // less the drift of 5 %
}

TEST(ReplicaTest, StopsProposingAboveTheUncommittedLimit) {
  Replica replica = Leader();
  EXPECT_TRUE(replica.MayPropose());
  const std::string big((64 << 20) + 1, 'x');
  replica.Step(Event{0, Proposed{MakeEntry(replica.NextEntryId(), big)}});
  EXPECT_FALSE(replica.MayPropose());
  replica.Step(Event{0, Persisted{3}});
  Receive(&replica, 2, Accepted{.ballot = B(2, 1), .matched = true, .match = Slot{5}});
  EXPECT_TRUE(replica.MayPropose());
}

TEST(ReplicaTest, ANamedBallotReleasesItsOwnLeaseAlone) {
  Replica replica = Make({});
  Receive(&replica, 2, Accept{.ballot = B(5, 2), .lease_us = 500'000});
  const auto prepare = [](uint64_t round, Ballot succeeds) {
    return Prepare{B(round, 3), succeeds};
  };
  Actions actions = Receive(&replica, 3, prepare(6, B(4, 3)), 1'000);
  ASSERT_NE(FindSent<Nack>(actions), nullptr);
  EXPECT_EQ(FindSent<Nack>(actions)->refusal, Refusal::kLeased);
  actions = Receive(&replica, 3, prepare(6, B(5, 2)), 2'000);
  ASSERT_NE(FindSent<Promise>(actions), nullptr);
  EXPECT_EQ(replica.promised(), B(6, 3));
}

TEST(ReplicaTest, ANamedBallotEndsNoWaitAfterARestart) {
  Recovered recovered;
  recovered.hard_state.promised = B(5, 2);
  recovered.hard_state.longest_lease_us = 500'000;
  Replica replica = Make(recovered);
  const Prepare prepare{B(6, 3), B(5, 2)};
  const Actions actions = Receive(&replica, 3, prepare, 499'999);
  ASSERT_NE(FindSent<Nack>(actions), nullptr);
  EXPECT_EQ(FindSent<Nack>(actions)->refusal, Refusal::kRestartWait);
  EXPECT_NE(FindSent<Promise>(Receive(&replica, 3, prepare, 500'000)), nullptr);
}

// The first answer may be lost: one that is asked again answers again, and never before its disk.
TEST(ReplicaTest, APromiseAskedForAgainIsAnsweredAgain) {
  Replica replica = Make({});
  const Prepare prepare{.ballot = B(5, 2)};
  const Actions first = Receive(&replica, 2, prepare);
  const Actions again = Receive(&replica, 2, prepare);
  for (const Actions* actions : {&first, &again}) {
    ASSERT_NE(Find<Persist>(*actions), nullptr);
    EXPECT_EQ(Find<Send>(*actions), nullptr) << "before it is durable";
    EXPECT_NE(FindSent<Promise>(*actions), nullptr);
  }
  replica.Step(Event{0, Persisted{Find<Persist>(again)->persist_id}});
  const Actions durable = Receive(&replica, 2, prepare);
  EXPECT_EQ(Find<Persist>(durable), nullptr);
  EXPECT_NE(FindSent<Promise>(durable), nullptr);
}

// It does not know what it granted before.
TEST(ReplicaTest, ATargetThatRestartedDoesNotTakeOverAtOnce) {
  Recovered recovered;
  recovered.hard_state.promised = B(5, 2);
  recovered.hard_state.longest_lease_us = 500'000;
  recovered.runs = {{Slot{1}, B(5, 2)}};
  recovered.last = Slot{2};
  recovered.seal = Seal{7, N(1)};
  Replica replica = Make(recovered);
  const Actions actions = Receive(&replica, 2, TakeOver{B(5, 2), Id(2, 5, 2)}, 1'000);
  ASSERT_NE(FindSent<Nack>(actions), nullptr);
  EXPECT_EQ(FindSent<Nack>(actions)->refusal, Refusal::kUnable);
  EXPECT_EQ(FindSent<Prepare>(actions), nullptr);
}

// An earlier snapshot may have brought a configuration from above its own slot, which the leader of
// the next one does not know to be chosen.
TEST(ReplicaTest, ASnapshotBringsNoOlderMembers) {
  Membership newer = Three();
  newer.epoch = Epoch{9};
  const Configuration known{Id(50, 4, 2), newer};
  const Configuration older{Id(30, 4, 2), Three()};
  Recovered recovered;
  recovered.hard_state.promised = B(5, 2);
  recovered.hard_state.configurations = Configurations({known});
  recovered.base = Id(40, 4, 2);
  recovered.applied = recovered.last = Slot{40};
  Replica replica(Config{.self = N(1)}, recovered, 0);
  const Actions actions = replica.Step(Event{0, SnapshotReceived{B(5, 2), Id(45, 4, 2), older}});
  ASSERT_NE(Find<InstallSnapshot>(actions), nullptr);
  EXPECT_EQ(Find<InstallSnapshot>(actions)->hard_state.configurations.newest(), newer);
}

// It may have been given up by its sender, which sent another, and arrive late.
TEST(ReplicaTest, DropsASnapshotOfWhatTheLogHolds) {
  const auto receive = [](Slot commit, EntryId last) {
    Recovered recovered;
    recovered.hard_state.promised = B(4, 2);
    recovered.hard_state.configurations = Configurations({Configuration{Id(1, 1, 1), Three()}});
    recovered.base = Id(40, 4, 2);
    recovered.runs = {{Slot{41}, B(4, 2)}};
    recovered.last = Slot{50};
    recovered.applied = commit;
    Replica replica(Config{.self = N(1)}, recovered, 0);
    const Configuration members{Id(1, 1, 1), Three()};
    return replica.Step(Event{0, SnapshotReceived{B(4, 2), last, members}});
  };
  EXPECT_NE(Find<DropSnapshot>(receive(Slot{40}, Id(45, 4, 2))), nullptr);  // held, not yet chosen
  EXPECT_NE(Find<DropSnapshot>(receive(Slot{45}, Id(38, 4, 2))), nullptr);  // below the base
  EXPECT_NE(Find<InstallSnapshot>(receive(Slot{40}, Id(51, 4, 2))), nullptr);
}

// Its id is given: anything proposed before it would take its slot.
TEST(ReplicaTest, ProposesNothingElseBeforeAMembershipItAskedFor) {
  Replica replica = Leader();
  std::vector<Member> members = Three().members;
  members.push_back({N(4), Role::kLearner, ""});
  const Actions asked = replica.Step(Event{0, MembersRequested{1, members}});
  ASSERT_NE(Find<ProposeMembers>(asked), nullptr);
  const ProposeMembers change = *Find<ProposeMembers>(asked);
  EXPECT_FALSE(replica.MayPropose());
  replica.Step(Event{0, Proposed{MakeEntry(change.id, "members", change.membership)}});
  EXPECT_TRUE(replica.MayPropose());
}

TEST(ReplicaTest, IsAValueWithACanonicalHash) {
  const Replica leader = Leader();
  Replica copy = leader;
  EXPECT_EQ(copy, leader);
  EXPECT_EQ(copy.Hash64(), leader.Hash64());
  copy.Step(Event{0, Proposed{MakeEntry(copy.NextEntryId(), "x")}});
  EXPECT_FALSE(copy == leader);
  EXPECT_NE(copy.Hash64(), leader.Hash64());
}

TEST(ReplicaDeathTest, StopsOnItsDriversMistakes) {
  Replica replica = Leader();
  EXPECT_DEATH(replica.Step(Event{-1, Tick{}}), "time went");
  EXPECT_DEATH(replica.Step(Event{0, Persisted{99}}), "never issued");
  EXPECT_DEATH(replica.Step(Event{0, Proposed{MakeEntry(Id(9, 2, 1), "x")}}), "is next");
  EXPECT_DEATH(replica.Step(Event{0, Applied{Slot{9}}}), "above commit");
}

}  // namespace
}  // namespace baton::consensus
