// LeaderDesk: what the replica loop does only while it leads: it opens the reign, sequences the
// writes that wait, gets slots for reads, and answers all of them when the reign ends.
//
// Owned by the replica loop; it reads the core and never steps it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/event.h"
#include "consensus/replica.h"
#include "server/replica/ack_gate.h"
#include "server/replica/answers.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/member_table.h"
#include "server/replica/metrics.h"
#include "server/replica/read_service.h"
#include "server/replica/sequencer.h"

namespace baton::server {

class LeaderDesk {
 public:
  struct Limits {
    uint64_t unanswered_calls_max;
    Sequencer::Limits sequencer;
  };
  // An entry is cut while one is unsynced only if a full one waits, or the reign begins; while two
  // are, never.
  static constexpr uint64_t kUnsyncedEntriesMax = 2;

  LeaderDesk(const consensus::Replica* core, const MemberTable* members, ReadService* reads,
             const Sequencer::Parts& parts, const Limits& limits);

  // Encodes the reign's own entry.
  consensus::Entry OpenReign(const consensus::OpenReign& open, const EntryStamp& last,
                             int64_t candidacy_us);
  // Encodes the entry of a change of members, with its row. Nullopt: not yet, revisions run short.
  std::optional<consensus::Entry> ChangeMembers(const consensus::ProposeMembers& change,
                                                const MembersNote& note);
  // Encodes the entry of a handover's newest step. Nullopt: not yet.
  std::optional<consensus::Entry> WriteHandover(HandoverRow* row);
  // The reign's entry is chosen. Requests are served once it is applied too: what they see of the
  // state is then whole. Who takes over sequences writes as soon as it has applied all before it.
  void ReignChosen();
  // Nothing is served any more; everything that waits is answered.
  void EndReign(const std::string& why, AnswerBatch* answers);
  // The node stops: whom the desk cannot serve is told so.
  void Stop() { stopping_ = true; }

  // Whether calls are kept though this node does not lead: it is about to. When it is not any more,
  // and leads neither, they are refused.
  void Expect(bool expecting, AnswerBatch* answers);
  // Whom clients are sent to: the leader, or, while none is known, the one that was handed over to.
  std::optional<NodeId> LeaderToAsk() const;
  void HandedOverTo(NodeId successor) { successor_ = successor; }
  void LeaderIsKnown() { successor_.reset(); }  // that handover is over, whatever became of it
  // What calls are told that this node does not take.
  Failure Redirect() const;
  Slot reign_slot() const { return reign_slot_; }
  int64_t last_ack_us() const { return gate_.last_ack_us(); }  // of a write; 0: none yet

  // Takes calls; refuses them if this node does not lead. `returned` were parked.
  void Admit(std::vector<QueuedWrite> writes, std::vector<QueuedWrite> returned,
             std::vector<QueuedRead> reads, AnswerBatch* answers);
  // One request for a slot on behalf of all reads that wait; the event is for the core.
  std::optional<consensus::ReadRequested> AskForReads();
  void ReadReady(const consensus::ReadReady& ready, const Published& now);
  void ReadRefused(const consensus::ReadRefused& refused, AnswerBatch* answers);

  void Committed(Slot commit);
  void Applied(Slot applied) { applied_ = std::max(applied_, applied); }
  // Begins to sequence, and to serve, once what that takes is chosen and applied. It may take a
  // while: what the reign begins with is on its way before.
  void ServeIfApplied();
  // Lets out the answers that may leave.
  void Release(int64_t now_us, AnswerBatch* answers);

  // Whether an entry is due: `unsynced` entries of this node are with the log writer.
  bool CutDue(uint64_t unsynced) const;
  // Cuts one if it is due. Nullopt too when none of the requests it took has an effect.
  std::optional<consensus::Entry> Cut(uint64_t unsynced, AnswerBatch* answers);

  // Writes wait to be sequenced.
  bool HasWaiting() const { return sequencer_.HasWaiting(); }
  // Refuses them all: the disk is full.
  void RefuseWrites(const Failure& failure, AnswerBatch* answers);

  // Answers what is past its deadline.
  void Expire(int64_t now_us, AnswerBatch* answers);
  int64_t NextDeadlineUs() const;

  // Requests are served.
  bool serving() const { return serving_; }
  // When something behind the reign's own entry was committed first, on the lease clock; 0: nothing
  // yet.
  int64_t first_commit_us() const { return first_commit_us_; }
  // As the newest entry states it: EntryStamp::log_floor.
  Slot log_floor() const { return log_floor_; }
  // The slot whose application the desk waits for, kSlotNone for none.
  Slot WaitsForApplied() const;

 private:
  bool Leading() const { return reign_slot_ != Slot{}; }
  bool Takes() const;
  void RefuseAll(const Failure& failure, AnswerBatch* answers);
  // Up to where the state must be applied before writes are sequenced; kSlotNone: no matter.
  Slot SequencesAt() const;
  void EndIdleSessions();
  void PushOwn(QueuedWrite write);
  void ExpireReads(std::vector<QueuedRead>* reads, int64_t now_us, AnswerBatch* answers);
  void RefuseRead(const QueuedRead& read, const Failure& failure, AnswerBatch* answers);
  Slot RaiseLogFloor();

  const consensus::Replica* const core_;
  const MemberTable* const members_;
  ReadService* const read_service_;
  Readers* const readers_;
  LoopInbox* const inbox_;
  const Clock* const clock_;
  Metrics* const metrics_;
  const Limits limits_;
  Sequencer sequencer_;
  AckGate gate_;

  Slot reign_slot_;          // of the Reign entry that opened, or is to open; Slot{} otherwise
  bool takes_over_ = false;  // OpenReign said so
  bool chosen_ = false;      // that entry is
  bool sequencing_ = false;  // all before it is applied
  bool serving_ = false;     // it is applied too; serving_ implies chosen_ and sequencing_
  int64_t first_commit_us_ = 0;
  bool stopping_ = false;
  bool expecting_ = false;
  std::optional<NodeId> successor_;  // of the reign that this node gave away
  Slot applied_;                     // newest heard of
  Slot log_floor_;  // stated last; never decreases in a reign, log_floor_ <= commit

  // Reads that wait for the reign to open, and those that wait for a slot, by read id.
  std::vector<QueuedRead> reads_;
  std::map<uint64_t, std::vector<QueuedRead>> asked_;
  uint64_t next_read_id_ = 1;
  int64_t next_read_deadline_us_ = kNever;  // <= that of each read that waits
};

}  // namespace baton::server
