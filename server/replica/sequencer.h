// Sequencer: gives writes their order and their result. It evaluates what waits, one request after
// the other, against the newest state, and makes one entry of their effects.
//
// It never waits for a disk: a request whose keys are not in memory is parked while a reader loads
// them, and queues again. Revisions are given below the newest chosen ceiling only.
//
// Owned by the replica loop, which alone writes the overlay through it. REQUIRES of all between
// BeginReign and EndReign: the engine has applied everything before the reign's own entry when Cut
// is called.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/types.h"
#include "consensus/action.h"
#include "consensus/entry.h"
#include "engine/state/catalog.h"
#include "engine/state/evaluator.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/overlay.h"
#include "engine/state/session_rows.h"
#include "engine/state/session_writer.h"
#include "engine/storage/engine.h"
#include "server/codec/entry_codec.h"
#include "server/codec/handover_row.h"
#include "server/replica/ack_gate.h"
#include "server/replica/answers.h"
#include "server/replica/log_times.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/metrics.h"
#include "server/replica/order_book.h"
#include "server/replica/readers.h"
#include "server/replica/unreplicated.h"

namespace baton::server {

// Who wants a change of members, and why.
struct MembersNote {
  std::string actor;
  std::string reason;
};

class Sequencer {
 public:
  static constexpr uint64_t kCeilingStep = 1 << 20;  // revisions granted at a time
  static constexpr uint64_t kParkedMax = 1'024;      // requests with the readers; more are refused

  struct Limits {
    uint64_t entry_bytes_target;
    uint32_t entry_requests_max;
    uint64_t overlay_bytes_max;
  };
  struct Parts {
    const engine::Engine* engine;
    engine::Overlay* overlay;
    const engine::Catalog* catalog;
    const engine::Sessions* sessions;
    const OrderBook* orders;
    const engine::KeyspaceSizes* sizes;
    Unreplicated* unreplicated;
    const Clock* clock;
    Readers* readers;
    LoopInbox* inbox;
    Metrics* metrics;
    std::function<void(const std::string& reason)> fatal;
    // The epoch that came about by a recovery of this node, to be recorded; null: there is none.
    const MembersRow* recovered = nullptr;
  };
  Sequencer(const Parts& parts, const Limits& limits);

  // Encodes the reign's own entry over a log whose last entry has the stamp `last`.
  consensus::Entry BeginReign(const consensus::OpenReign& open, const EntryStamp& last,
                              int64_t candidacy_us);
  // Everything before the reign's own entry is applied, and nothing after it: requests may be cut.
  void Serve();
  // Encodes the entry of a change of members, with its row. REQUIRES: MayGiveRevisions().
  consensus::Entry ChangeMembers(const consensus::ProposeMembers& change,
                                 const consensus::Membership& before, const MembersNote& note,
                                 Slot log_floor);
  // Encodes the entry of a handover's newest step, which gets its slot and its times here; kSealed
  // goes with the Seal itself. REQUIRES: MayGiveRevisions().
  consensus::Entry WriteHandover(EntryId id, HandoverRow* row, Slot log_floor);
  // Answers what waits with a redirect and empties the overlay.
  void EndReign(const Failure& failure, AnswerBatch* answers);

  // Answers what waits with `failure`; returns how many that were.
  uint64_t RefuseWaiting(const Failure& failure, AnswerBatch* answers);

  void Enqueue(QueuedWrite write);
  // One that was parked is back; it goes first if it is to be sequenced still.
  void Returned();
  void EnqueueFirst(QueuedWrite write);
  void Committed(Slot commit);

  bool HasWaiting() const { return !waiting_.empty() || HasBeginning(); }
  // Not until more revisions are chosen.
  bool MayGiveRevisions() const { return next_revision_ < chosen_ceiling_; }
  // So much waits that the next entry need not wait for the log writer.
  bool HasFullEntry() const {
    return waiting_.size() >= limits_.entry_requests_max ||
           waiting_bytes_ >= limits_.entry_bytes_target;
  }
  // Sequencing waits until the applier has caught up.
  bool OverlayFull() const { return parts_.overlay->bytes() >= limits_.overlay_bytes_max; }

  // Evaluates what waits until an entry is full. The results go to the gate. Returns the entry
  // `id`, which is in the overlay then, or nullopt when no request had an effect. After
  // lease_end_us another node may lead: a result without an effect of its own is then known to be
  // of the newest state only once an entry that follows it is chosen, though it be empty.
  std::optional<consensus::Entry> Cut(EntryId id, Slot log_floor, int64_t lease_end_us,
                                      AckGate* gate, AnswerBatch* answers);

  // When sessions may have been idle for their time to live (lease clock), and a request that ends
  // them. REQUIRES: requests are sequenced.
  int64_t IdleDueUs() const { return idle_due_us_; }
  QueuedWrite EndIdle(int64_t now_us);

  // Answers what has waited past its deadline.
  void Expire(int64_t now_us, AnswerBatch* answers);
  int64_t NextDeadlineUs() const { return waiting_.empty() ? kNever : next_deadline_us_; }

 private:
  QueuedWrite PopWaiting();
  // One request of an entry; it gives its answer to the gate, or away, or is parked.
  struct Turn {
    QueuedWrite write;
    EntryId id;
    int64_t now_us;
    int64_t lease_end_us;
    AckGate* gate;
    AnswerBatch* answers;
  };
  void Take(Turn turn);
  void Evaluate(const engine::WriteRequest& request, Turn* turn);
  void Evaluate(const engine::KeyspaceRequest& request, Turn* turn);
  void Evaluate(const engine::LossRequest& request, Turn* turn);
  bool IsLocal(const engine::WriteRequest& request, engine::Durability asked) const;
  GatedAnswer Gated(bool has_effect, Turn* turn);

  // sequencer_orders.cc
  void Evaluate(const OrderRequest& request, Turn* turn);
  void Evaluate(const PolicyRequest& request, Turn* turn);
  std::vector<OrderRow> WhoFlapped(const OrderBook::Page& page) const;
  bool HasBeginning() const { return !hold_downs_.empty() || records_recovery_; }
  // Within a request of the writer.
  void WriteBeginning(Slot slot, const LogTimes::Times& times, engine::EffectsWriter* writer);
  void WriteRecovery(Slot slot, const LogTimes::Times& times, engine::EffectsWriter* writer);
  void Audit(AuditRow row, Slot slot, const LogTimes::Times& times, engine::EffectsWriter* writer);
  void AuditHandover(const HandoverRow& handover, Slot slot, const LogTimes::Times& times,
                     engine::EffectsWriter* writer);
  // A request of its own.
  void AuditKeyspace(const engine::KeyspaceRequest& request, const engine::KeyspacePtr& before,
                     const engine::KeyspaceInfo& after, Slot slot, const LogTimes::Times& times);

  // sequencer_sessions.cc
  void Evaluate(const engine::SessionRequest& request, Turn* turn);
  void Evaluate(const EndIdleSessions& request, Turn* turn);
  void Ask(const engine::OpenSession& open, Turn* turn);
  void Ask(const engine::TouchSession& touch, Turn* turn);
  void Ask(const engine::EndSession& end, Turn* turn);
  void Ask(const engine::GetOutcome& get, Turn* turn);
  bool AnsweredBySession(Turn* turn);
  void Refuse(Failure failure, Turn* turn);
  void Overloaded(const char* limit, uint64_t max, const char* what, Turn* turn);
  void NoteIdle(int64_t now_us);
  void Park(Turn* turn, engine::Needs needs);
  LogTimes::Times Now();
  EntryStamp NextStamp(Slot log_floor);
  // States a higher ceiling in the entry at `slot` when half of it is used.
  void RaiseCeiling(Slot slot, Revision next);
  consensus::Entry Encode(EntryId id, const consensus::CorePart& core, EntryStamp stamp,
                          const engine::EffectsWriter& effects);

  const Parts parts_;
  const Limits limits_;
  engine::Keyspaces keyspaces_;  // the newest, as sequenced
  engine::Evaluator evaluator_;
  engine::SessionWriter sessions_;  // as sequenced
  Orders orders_;                   // as sequenced
  Policies policies_;               // as sequenced
  AuditChain audit_;                // as sequenced
  // What this reign begins with, and is not in an entry yet.
  bool records_recovery_ = false;
  std::vector<OrderRow> hold_downs_;
  LogTimes times_;
  bool confirm_ = false;  // the entry in progress is written even if it is empty
  int64_t idle_due_us_ = kNever;

  std::deque<QueuedWrite> waiting_;
  uint64_t waiting_bytes_ = 0;         // sum of waiting_'s
  int64_t next_deadline_us_ = kNever;  // <= the deadline of each that waits
  uint64_t parked_ = 0;                // with the readers now

  ReignRow reign_;                                // its own, as its entry says
  Revision next_revision_;                        // <= chosen_ceiling_ while the reign is open
  Revision chosen_ceiling_;                       // revisions below it may be given
  Revision stated_ceiling_;                       // >= chosen_ceiling_; in the newest entry
  std::deque<std::pair<Slot, Revision>> raises_;  // stated and not chosen yet, ascending
};

}  // namespace baton::server
