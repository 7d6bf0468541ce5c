// AckGate: the one place that decides when the answer to a write may leave.
//
// An answer waits at a slot: the entry that carries its effects, or the newest slot that its
// evaluation saw when it has none. With durability QUORUM it leaves once the commit slot passes
// that slot; with LOCAL once the leader's durable slot does, while the lease runs and the
// keyspace's budget allows, or else as QUORUM. So no answer is less durable than it says. When the
// reign ends, what still waits is answered as unknown, or, if it had no effect, as a redirect.
//
// Owned by the replica loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

#include "base/types.h"
#include "server/replica/answers.h"
#include "server/replica/metrics.h"
#include "server/replica/node.h"
#include "server/replica/stage.h"
#include "server/replica/unreplicated.h"

namespace baton::server {

struct GatedAnswer {
  enum class Until : uint8_t {
    kCommitted,
    kApplied,  // a change of keyspaces: whoever hears of it may use it at once
    kDurable,  // of the leader, in `keyspace`; or committed
  };
  Slot slot;
  Until until = Until::kCommitted;
  KeyspaceId keyspace{};  // kDurable: whose acks it stands in line with
  Charges charges;        // kDurable: of each keyspace that the request names
  ReturnAddress to;
  int64_t deadline_us = 0;  // lease clock
  int64_t queued_at_us = 0;
  int64_t sequenced_us = 0;
  bool has_effect = false;
  Answer answer;  // its durability is set by the gate
};

// How far the reign has come.
struct Progress {
  Slot commit;
  Slot durable;  // on this disk, the leader's
  Slot applied;
  bool leased = false;  // read after `durable`: no other node leads, and none did
};

class AckGate {
 public:
  AckGate(Unreplicated* unreplicated, Metrics* metrics)
      : unreplicated_(unreplicated), metrics_(metrics) {}

  // REQUIRES: slot >= that of the answer added before.
  void Add(GatedAnswer answer);
  // Lets out what may leave.
  void Release(const Progress& progress, int64_t now_us, AnswerBatch* answers);
  // Answers what is past its deadline: as unknown if it has an effect.
  void Expire(int64_t now_us, AnswerBatch* answers);
  // The reign has ended: answers everything; `redirect` goes to what surely had no effect.
  void EndReign(const Failure& redirect, const std::string& why, AnswerBatch* answers);

  size_t size() const { return size_; }
  int64_t last_ack_us() const { return last_ack_us_; }  // when an answer left last; 0: none has
  // Not after the earliest deadline of what waits.
  int64_t NextDeadlineUs() const { return size_ == 0 ? kNever : next_deadline_us_; }
  // The slot whose application lets the next answer out; kSlotNone: none waits for one.
  Slot WaitsForApplied() const;

 private:
  struct Line {
    std::deque<GatedAnswer> answers;  // ascending by slot
    size_t held_back = 0;             // the first so many: their budget held them back once
  };

  static void PopFront(Line* line);
  void ReleaseUpTo(Slot slot, Line* line, int64_t now_us, AnswerBatch* answers);
  void HoldBack(const Progress& progress, KeyspaceId over, Line* line);
  void ReleaseDurable(const Progress& progress, Line* line, int64_t now_us, AnswerBatch* answers);
  void Leave(GatedAnswer* one, engine::Durability durability, int64_t now_us, AnswerBatch* answers);
  void ExpireLine(Line* line, int64_t now_us, AnswerBatch* answers);
  // Calls `what` with every line.
  template <class What>
  void ForEachLine(What what);

  Unreplicated* const unreplicated_;
  Metrics* const metrics_;
  Line committed_;
  Line applied_;
  std::map<KeyspaceId, Line> durable_;  // none is empty
  size_t size_ = 0;
  int64_t last_ack_us_ = 0;
  int64_t next_deadline_us_ = kNever;  // <= the deadline of each that waits
};

}  // namespace baton::server
