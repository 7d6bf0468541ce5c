// Replica: one member of a group that runs ordered Multi-Paxos. Events in, actions out.
//
//   Replica replica(config, recovered, now_us);
//   for (Action& action : replica.Step(event)) driver.Do(std::move(action));
//
// A pure state machine: the same state and event give the same actions, bit for bit. It has no
// threads, clocks, files or sockets. It is a copyable value; equal replicas behave equally for
// ever. One thread steps it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.h"
#include "consensus/acceptor.h"
#include "consensus/action.h"
#include "consensus/candidacy.h"
#include "consensus/config.h"
#include "consensus/core.h"
#include "consensus/election.h"
#include "consensus/event.h"
#include "consensus/follower_reads.h"
#include "consensus/leadership.h"

namespace baton::consensus {

enum class Standing : uint8_t { kFollower, kCandidate, kLeader };

class Replica {
 public:
  // REQUIRES: what Recovered requires of `recovered`.
  Replica(const Config& config, const Recovered& recovered, int64_t now_us);

  Actions Step(const Event& event);

  // When Step wants a Tick at the latest; INT64_MAX: never.
  int64_t NextDeadlineUs() const;

  NodeId self() const { return core_.self(); }
  Standing standing() const;
  Ballot promised() const { return core_.hard.promised; }
  std::optional<NodeId> leader()
      const;  // of the ballot promised; self when leading; nullopt: unknown
  // Of a follower: it knows of no leader from then on, unless it hears of one; kNever: it leads.
  int64_t LeaderSilentAtUs() const;
  Slot commit() const { return core_.commit; }
  Slot durable() const { return core_.disk.durable(); }  // the log is on this disk up to here
  const LogWindow& log() const { return core_.log; }     // Find(): null once on disk alone
  const HardState& hard_state() const { return core_.hard; }
  const Configurations& configurations() const { return core_.configurations(); }
  const Membership& membership() const { return core_.membership(); }  // in force
  // Until then this node, which has restarted, would refuse to take over.
  int64_t RestartWaitEndUs() const { return acceptor_.lease().RestartWaitEndUs(); }
  const HealthTable& health() const;  // as the leader, this node or another, told last
  // Every quorum has a voter that holds data and the log up to here: a witness keeps what is above.
  Slot data_floor() const { return core_.data_floor; }
  // A state applied up to `applied` has everything that was committed at this time of this node's
  // clock; 0: not known. For reads of bounded staleness at a follower.
  int64_t FreshAsOfUs(Slot applied) const { return acceptor_.FreshAsOfUs(applied); }

  // Leader only, below.
  bool reign_open() const;  // the reign's own entry is chosen
  int64_t LeaseEndUs()
      const;                // a linearizable read that finished before this needs no quorum round
  bool sealed() const;      // the reign ends in a Seal, and is not handed over yet
  bool MayPropose() const;  // reign open, or taken over; no Seal, room for uncommitted bytes
  EntryId NextEntryId() const;
  Slot MatchOf(NodeId peer) const;  // durable on that peer, as far as it has said; for status
  // No change of members is under way, and those that have left are needed no more: their disks may
  // be lost. False as long as this leader does not know it, for a while at the least.
  bool LeftMayGo() const;

  void Feed(Hasher* hasher) const;  // the canonical form: equal replicas feed the same
  uint64_t Hash64() const;          // of that form
  friend bool operator==(const Replica&, const Replica&) = default;

 private:
  // Events.
  void On(const Tick&);
  void On(const Received& received);
  void On(const Persisted& persisted);
  void On(const LogRead& read);
  void On(const WriteProved&);
  void On(const Proposed& proposed);
  void On(const ReadRequested& request);
  void On(const Applied& applied);
  void On(const Truncated& truncated);
  void On(const MembersRequested& request);
  void On(const HandoverGivenUp&);
  void On(const Measured& measured);
  void On(const SnapshotEnded& ended);
  void On(const SnapshotReceived& received);
  void On(const Stopping&);

  // Messages: of this group, well formed, from another node, which need not be a member here.
  void On(NodeId from, const Canvass& m);
  void On(NodeId from, const CanvassReply& m);
  void On(NodeId from, const Prepare& m);
  void On(NodeId from, const Promise& m);
  void On(NodeId from, const Nack& m);
  void On(NodeId from, const Fetch& m);
  void On(NodeId from, const Fetched& m);
  void On(NodeId from, const Accept& m);
  void On(NodeId from, const Accepted& m);
  void On(NodeId from, const Abdicate& m);
  void On(NodeId from, const TakeOver& m);
  void On(NodeId from, const AskSlot& m);
  void On(NodeId from, const TellSlot& m);
  void On(NodeId, const SnapshotOffer&) {}
  void On(NodeId, const SnapshotPull&) {}
  void On(NodeId, const SnapshotChunk&) {}
  void On(NodeId, const LossReport&) {}
  void On(NodeId, const HandoverTalk&) {}

  void Evict();

  // Changes of standing.
  bool MayStand() const;
  int64_t StandAtUs() const;  // REQUIRES: MayStand()
  void Stand();
  void Succeed();
  void Lead(const Ballot& ballot, bool takes_over);
  void Conclude(Candidacy::Outcome outcome);
  void GiveWay(const Ballot& ballot);
  void YieldTo(const Ballot& ballot);
  void StopLeading(const std::string& reason, bool abdicate);
  void LeadOn();
  void EndIfDue();
  void HandOver(NodeId to);
  void AdvanceFollowerReads();

  Refusal RefusesCanvass(NodeId candidate, const Canvass& m) const;
  Refusal RefusesPrepare(const Ballot& ballot) const;
  uint32_t RankWithout(NodeId lapsed) const;

  Core core_;
  Acceptor acceptor_;
  Election election_;
  std::optional<Candidacy> candidacy_;  // at most one of the two
  std::optional<Leadership> leadership_;
  Ballot ended_;  // its leader, this node or the one that handed over to it, said that it is over
  FollowerReads reads_;      // empty while leading
  bool stopping_ = false;    // the process is about to end: it stands no more
  bool installing_ = false;  // a snapshot: the next Replica begins where it leads to
};

}  // namespace baton::consensus
