// HandoverDesk: how this node, while it leads, gives leadership away, and how it tells what became
// of a handover that made it leader.
//
// A handover is a row of the log, written anew at each step; nothing here is remembered elsewhere.
//   REQUESTED   chosen: whom? The order's target, or who would stand first. Where the policy asks
//               for it, AWAITING until somebody has APPROVED it.
//   PREFLIGHT   chosen: the target is asked, and answers with what it measures; then it promises.
//   READY       chosen: the Seal follows, with the row that says SEALED, and nothing after it: the
//               core hands over once the target has it, or is told to give up.
// Whoever leads next reads the newest row: if its own Reign follows that Seal for this handover, it
// has taken place (REIGN, PROBATION, at last DONE or HANDED_BACK); if not, it is ABORTED.
//
// Owned by the replica loop; it reads the core and never steps it. `done` of a call is told on the
// loop's thread and must not block.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "consensus/event.h"
#include "consensus/replica.h"
#include "engine/state/overlay.h"
#include "engine/storage/engine.h"
#include "server/codec/handover_row.h"
#include "server/codec/handover_word.h"
#include "server/codec/stored_rows.h"
#include "server/replica/clock.h"
#include "server/replica/disk_meter.h"
#include "server/replica/election_seen.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/member_table.h"
#include "server/replica/metrics.h"
#include "server/replica/order_book.h"
#include "server/replica/preflight.h"
#include "server/replica/probation.h"
#include "server/replica/readers.h"
#include "server/replica/rehearsal.h"
#include "server/replica/transport.h"

namespace baton::server {

class HandoverDesk {
 public:
  static constexpr size_t kCallsMax = 64;       // that wait; more are refused
  static constexpr int64_t kPromiseLeases = 4;  // how long the target is to keep what comes

  struct Parts {
    const consensus::Replica* core;
    const MemberTable* members;
    const engine::Engine* engine;  // null at a witness, which never leads
    const engine::Overlay* overlay;
    const OrderBook* orders;
    DiskMeter* meter;
    Readers* readers;
    LoopInbox* inbox;
    Transport* transport;
    const Clock* clock;
    Metrics* metrics;
    std::function<void(const std::string& reason)> fatal;
  };
  struct Limits {
    int64_t lease_us;            // a Seal that is not handed over by then is given up
    int64_t write_objective_us;  // in probation a write takes no longer
  };
  HandoverDesk(const Parts& parts, const Limits& limits)
      : parts_(parts), limits_(limits), rehearsal_(PreflightParts(), parts.orders) {}

  // This node's reign serves requests; its own entry is at that slot. Where it came by an election
  // that is recorded too.
  // first_commit_us: of what followed the reign's own entry; 0: nothing yet.
  void Serve(Slot reign_slot, const ElectionSeen& election, int64_t first_commit_us,
             int64_t now_us);
  bool serving() const { return serving_; }
  // `redirect` goes to all who wait, with the successor in it if there is one; `last_ack_us`: when
  // a write was acknowledged last.
  void EndReign(const Failure& redirect, int64_t last_ack_us);
  // Whom this reign was handed over to, known before it ends; nullopt: nobody yet.
  std::optional<NodeId> Successor() const;

  void Admit(QueuedHandoverCall call);
  void On(HandoversRead& read);
  void On(NodeId from, const TellReady& told, int64_t now_us);
  void On(const TellHanded& told, int64_t now_us);

  // Does what is due. The event is for the core.
  std::optional<consensus::HandoverGivenUp> Advance(int64_t now_us);

  // The step that is to be proposed, before anything else. With kSealed it is a Seal's.
  const std::optional<HandoverRow>& proposal() const { return proposal_; }
  // It was, as `row`: its last step has its position and its times.
  void Proposed(HandoverRow row);

  void Stop() { stopping_ = true; }
  void Expire(int64_t now_us);
  int64_t NextDeadlineUs() const;

 private:
  Preflight::Parts PreflightParts() const {
    return {parts_.core, parts_.members, parts_.meter, parts_.transport, parts_.clock};
  }
  bool Settled() const { return !row_ || Final(row_->state()); }  // no handover is under way
  bool Chosen() const;                                            // the newest step is
  std::string Named(NodeId node) const;
  void Look(std::string id);
  // handover_desk_calls.cc
  void TakeCalls();
  bool TakeFront();  // false: it waits
  void Answer(const QueuedHandoverCall& call, const HandoverRow& row);
  void AnswerWaiting();
  void Begin(QueuedHandoverCall call);
  bool Approve(QueuedHandoverCall* call);
  void RefuseCalls(const Failure& failure);

  void Step(HandoverState state, std::string outcome = {});
  void SettleOfBefore(const std::optional<ReignRow>& after);

  // Each once its state is chosen.
  void AdvanceState(int64_t now_us);
  void ChooseTarget(int64_t now_us);
  void Examine(int64_t now_us);
  void Seal(int64_t now_us);
  void Prove(int64_t now_us);
  void HandBack();
  std::string Risk(NodeId to, const Policy& policy) const;
  void Differs(const std::string& otherwise);
  Preflight::Judges Judges() const;
  int64_t DeadlineUs() const;  // of what is before its Seal
  std::string TooLate() const;
  int64_t StepDueUs() const;

  const Parts parts_;
  const Limits limits_;

  bool serving_ = false;
  bool stopping_ = false;
  Ballot ballot_;                        // of the reign, while serving
  bool known_ = false;                   // row_ is what the log has; serving_ then
  std::optional<HandoverRow> row_;       // the newest
  std::optional<HandoverRow> proposal_;  // row_ with one step more, or a new one

  std::deque<QueuedHandoverCall> calls_;     // not looked at yet, in order
  std::vector<QueuedHandoverCall> waiting_;  // for the newest handover
  // What was found of the id of the first call.
  struct Found {
    std::string id;
    std::optional<HandoverRow> row;
  };
  std::optional<Found> found_;
  bool looking_ = false;

  Rehearsal rehearsal_;  // what is only to be foretold

  // Of the handover under way that this node began. Times are by the lease clock.
  int64_t begun_us_ = 0;  // or approved, or waiting to be
  bool urgent_ = false;
  int64_t approved_until_us_ = kNever;
  std::optional<Preflight> preflight_;
  int64_t sealed_us_ = 0;
  std::optional<std::string> give_up_;  // why; the core is to be told, or was
  std::string ended_by_;                // an operator; empty: nobody asked for its end
  bool given_up_ = false;               // it was
  uint64_t gave_up_number_ = 0;         // the last one given up here; 0: none
  std::string gave_up_why_;

  // Of the one that made this node leader.
  std::optional<TellHanded> handed_;
  int64_t handed_us_ = 0;  // when that came
  ElectionSeen seen_;
  std::deque<HandoverRow> elections_;  // are to be proposed once nothing else is, this reign's last
  Probation probation_;
  int64_t probation_end_us_ = kNever;
};

}  // namespace baton::server
