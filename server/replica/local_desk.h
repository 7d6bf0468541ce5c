// LocalDesk: what the replica loop does for reads that this node answers from its own state,
// whoever leads. A linearizable one, and one that allows less staleness than the state has, waits
// for a slot that the leader tells; then it waits, as one that asks for a position does from the
// start, until that slot is applied. Readers answer it (applied_reads.h).
//
// Owned by the replica loop; it reads the core and never steps it. Bounded by the inbox, which
// counts what waits here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/event.h"
#include "consensus/replica.h"
#include "server/replica/answers.h"
#include "server/replica/applied_reads.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/metrics.h"
#include "server/replica/readers.h"

namespace baton::server {

class LocalDesk {
 public:
  // The core's reads are numbered by who asks: from here on by this desk, below by the LeaderDesk.
  static constexpr uint64_t kFirstReadId = uint64_t{1} << 63;

  struct Parts {
    AppliedReads* reads;
    Readers* readers;
    LoopInbox* inbox;
    Metrics* metrics;
  };
  LocalDesk(const consensus::Replica* core, const Parts& parts) : core_(core), parts_(parts) {}

  // REQUIRES: each names a level.
  void Admit(std::vector<QueuedRead> reads);
  // One request for a slot on behalf of all reads that want one; the event is for the core.
  std::optional<consensus::ReadRequested> AskForReads();
  void ReadReady(const consensus::ReadReady& ready);
  void ReadRefused(const consensus::ReadRefused& refused, int64_t now_us, AnswerBatch* answers);
  // Lets readers answer what is applied, and refuses positions that a later reign has overtaken.
  void Advance(Slot applied, uint64_t round_at_commit, AnswerBatch* answers);
  // The node stops: everything that waits is told so.
  void Stop(AnswerBatch* answers);

  // Answers what is past its deadline.
  void Expire(int64_t now_us, AnswerBatch* answers);
  int64_t NextDeadlineUs() const { return next_deadline_us_; }
  // The slot whose application is awaited; kSlotNone for none.
  Slot WaitsForApplied() const;

 private:
  Failure TooLate(int64_t now_us) const;
  void Refuse(const QueuedRead& read, const Failure& failure, AnswerBatch* answers);

  const consensus::Replica* const core_;
  const Parts parts_;

  std::vector<QueuedRead> unasked_;                    // want a slot
  std::map<uint64_t, std::vector<QueuedRead>> asked_;  // by read id
  std::multimap<Slot, QueuedRead> waiting_;            // by the slot that must be applied
  uint64_t next_read_id_ = kFirstReadId;
  Slot applied_;                       // newest heard of
  uint64_t round_ = 0;                 // of the reign at the commit slot, as seen last
  int64_t next_deadline_us_ = kNever;  // <= that of each read that waits
};

}  // namespace baton::server
