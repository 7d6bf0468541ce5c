// LocalDesk: what the replica loop does for reads that this node answers from its own state,
// whoever leads. A linearizable one, and one that allows less staleness than the state has, waits
// for a slot that the leader tells; then it waits, as one that asks for a position does from the
// start, until that slot is applied. Readers answer it (applied_reads.h). One that waits for a slot
// that is not committed here is given up once no leader has been known for a lease: another node
// may do better.
//
// Owned by the replica loop; it reads the core and never steps it. What waits here has limits of
// its own, so that reads that wait for long leave the inbox to writes.
#pragma once

#include <atomic>
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
  // Of what waits here or for a reader; more is refused.
  struct Limits {
    uint64_t reads_max;
    uint64_t bytes_max;
  };
  LocalDesk(const consensus::Replica* core, const Parts& parts, const Limits& limits,
            int64_t lease_us)
      : core_(core), parts_(parts), limits_(limits), lease_us_(lease_us) {}

  // Takes reads over from the inbox. REQUIRES: each names a level, and came before `now_us`.
  void Admit(std::vector<QueuedRead> reads, int64_t now_us, AnswerBatch* answers);
  // One request for a slot on behalf of all reads that want one; the event is for the core.
  std::optional<consensus::ReadRequested> AskForReads();
  void ReadReady(const consensus::ReadReady& ready);
  void ReadRefused(const consensus::ReadRefused& refused, int64_t now_us, AnswerBatch* answers);
  // Lets readers answer what is applied, and refuses positions that a new reign shows to be lost.
  void Advance(Slot applied, uint64_t round_at_commit, int64_t now_us, AnswerBatch* answers);
  // The node stops: everything that waits is told so, and so is whatever comes later.
  void Stop(AnswerBatch* answers);

  // Answers what is past its deadline, and what waits in vain.
  void Expire(int64_t now_us, AnswerBatch* answers);
  int64_t NextDeadlineUs() const;
  // The slot whose application is awaited; kSlotNone for none.
  Slot WaitsForApplied() const;

  // What waits here or for a reader. Any thread.
  uint64_t held_reads() const { return held_reads_.load(std::memory_order_relaxed); }

 private:
  // Why a read is not let in; nullopt: it is.
  std::optional<Failure> RefusalOf(const QueuedRead& read, int64_t now_us) const;
  bool Lost(const QueuedRead& read, int64_t now_us) const;
  void RefuseLost(int64_t now_us, AnswerBatch* answers);
  int64_t GiveUpAtUs() const;
  void GiveUp(int64_t now_us, AnswerBatch* answers);
  Failure TooLate(int64_t now_us) const;
  Failure NoSlot(const QueuedRead& read, int64_t now_us) const;
  void Release(uint64_t reads, uint64_t bytes);
  void Refuse(const QueuedRead& read, const Failure& failure, AnswerBatch* answers);  // releases
  void Fail(const QueuedRead& read, const Failure& failure, AnswerBatch* answers);

  const consensus::Replica* const core_;
  const Parts parts_;
  const Limits limits_;
  const int64_t lease_us_;

  // The loop alone adds; readers take away too.
  std::atomic<uint64_t> held_reads_{0};                // <= limits_.reads_max
  std::atomic<uint64_t> held_bytes_{0};                // <= limits_.bytes_max
  std::vector<QueuedRead> unasked_;                    // want a slot
  std::map<uint64_t, std::vector<QueuedRead>> asked_;  // by read id
  std::multimap<Slot, QueuedRead> waiting_;            // by the slot that must be applied
  uint64_t next_read_id_ = kFirstReadId;
  Slot applied_;                          // newest heard of
  uint64_t round_ = 0;                    // of the reign at the commit slot, as seen last
  int64_t leaderless_since_us_ = kNever;  // kNever: a leader was known when last seen
  int64_t next_deadline_us_ = kNever;     // <= that of each read that waits
  bool stopping_ = false;
};

}  // namespace baton::server
