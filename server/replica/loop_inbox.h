// LoopInbox: everything that happens to the replica loop, from any thread, taken in one lock.
//
// Calls and peer messages are bounded and refused when full. Notices come from the node's own
// stages and are bounded by what the loop has asked of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "consensus/entry.h"
#include "consensus/message.h"
#include "engine/state/request.h"
#include "server/codec/entry_codec.h"
#include "server/codec/handover_row.h"
#include "server/codec/order_row.h"
#include "server/codec/stored_rows.h"
#include "server/replica/answers.h"
#include "server/replica/durable_log.h"
#include "server/replica/losses.h"
#include "server/replica/node.h"
#include "server/replica/snapshot_receiver.h"
#include "server/replica/snapshot_sender.h"
#include "server/replica/stage.h"
#include "server/replica/witness_offers.h"

namespace baton::server {

// The leader's own request.
struct EndIdleSessions {};

// A write on its way to the sequencer.
struct QueuedWrite {
  ReturnAddress to;
  int64_t deadline_us = 0;  // lease clock
  int64_t queued_at_us = 0;
  uint64_t bytes = 0;   // charged to the queue
  uint32_t parked = 0;  // how often its evaluation waited for a reader
  std::variant<engine::WriteRequest, engine::KeyspaceRequest, engine::LossRequest,
               engine::SessionRequest, OrderRequest, PolicyRequest, EndIdleSessions>
      request;
  engine::Durability durability = engine::Durability::kUnspecified;  // asked for at least
  engine::SessionStamp stamp;                                        // of a WriteRequest
};

// A read that could not be answered at once: it needs a slot from the leader or from a quorum, a
// reign that is not open yet, or a state that is not applied yet.
struct QueuedRead {
  ReturnAddress to;
  int64_t deadline_us = 0;
  uint64_t bytes = 0;
  std::variant<GetCall, engine::ScanSpec> request;
  ReadLevel level;
  int64_t arrived_us = 0;  // lease clock; of a named level
};

struct QueuedMembersCall {
  MembersCall call;
  std::function<void(MembersResult)> done;
};

struct QueuedHandoverCall {
  HandoverCall call;
  std::function<void(HandoverResult)> done;
};

// Notices of the node's own stages.
struct LogReadDone {
  uint64_t read_id = 0;
  std::vector<consensus::Entry> entries;
  bool missing = false;
};
struct StampRead {  // of the last entry before a reign that is about to open
  Ballot ballot;
  absl::StatusOr<EntryStamp> stamp;
};
struct TrimWanted {
  Slot upto;
};
struct HandoversRead {  // what the state has of handovers
  Ballot ballot;        // of the reign that asked
  std::string id;       // empty: the newest
  absl::Status status;
  std::optional<HandoverRow> row;
  std::optional<ReignRow> reign_after;  // of the newest: the one that followed its own
  std::optional<ReignRow> reign;        // with an empty id: the newest
};
struct InstallFailed {};  // what is to be installed could not be noted
using Notice =
    std::variant<TurnDone, LogReadDone, StampRead, TrimWanted, ImageMade, PieceRead, PieceWritten,
                 FirstEntryRead, LossesFound, HandoversRead, InstallFailed>;

// One taking.
struct LoopWork {
  std::vector<consensus::Message> messages;
  std::vector<QueuedWrite> writes;    // new ones
  std::vector<QueuedWrite> returned;  // whose keys have been loaded
  std::vector<QueuedRead> reads;
  std::vector<QueuedMembersCall> members_calls;
  std::vector<QueuedHandoverCall> handover_calls;
  std::vector<Notice> notices;
  Slot applied;  // newest told
  bool stop = false;

  bool empty() const {
    return messages.empty() && writes.empty() && returned.empty() && reads.empty() &&
           members_calls.empty() && handover_calls.empty() && notices.empty() && !stop;
  }
};

class LoopInbox {
 public:
  static constexpr size_t kMembersCallsMax = 16;   // that wait for the loop; more are refused
  static constexpr size_t kHandoverCallsMax = 16;  // likewise

  struct Limits {
    uint64_t calls_max;
    uint64_t bytes_max;
    uint64_t messages_max;
  };
  LoopInbox(const Limits& limits, Wakeup* wakeup) : limits_(limits), wakeup_(wakeup) {}

  // False: dropped, the inbox is full.
  bool PushMessage(consensus::Message message);
  // Takes the calls that fit from the front of the vectors, which keep the rest: all of them once a
  // stop was requested, and then it returns false.
  bool PushCalls(std::vector<QueuedWrite>* writes, std::vector<QueuedRead>* reads);
  // Takes *call. False: it was left, too many wait or a stop was requested.
  bool PushMembersCall(QueuedMembersCall* call);
  bool PushHandoverCall(QueuedHandoverCall* call);
  // Takes back a call that the loop had released to a reader; always fits.
  void PushReturned(QueuedWrite write);
  void PushNotice(Notice notice);
  // Rouses the loop only if it waits for this slot: see WakeAtApplied.
  void PushApplied(Slot applied);
  void RequestStop();

  // Replaces *work. False when nothing but an applied slot was there.
  bool Take(LoopWork* work);

  // The loop's: calls that it has answered or sequenced make room for others.
  void ReleaseCalls(uint64_t calls, uint64_t bytes);
  // The loop's: be roused once `slot` is applied.
  void WakeAtApplied(Slot slot) { wake_at_.store(slot.value, std::memory_order_seq_cst); }
  uint64_t queued_calls() const;

 private:
  bool Fits(uint64_t bytes) BATON_REQUIRES(mutex_);

  const Limits limits_;
  Wakeup* const wakeup_;
  std::atomic<uint64_t> wake_at_{kSlotNone.value};
  mutable Mutex mutex_;
  LoopWork work_ BATON_GUARDED_BY(mutex_);
  uint64_t calls_ BATON_GUARDED_BY(mutex_) = 0;  // here or with the loop, not yet released
  uint64_t bytes_ BATON_GUARDED_BY(mutex_) = 0;
  bool stopping_ BATON_GUARDED_BY(mutex_) = false;  // the loop may not look again: no new calls
};

}  // namespace baton::server
