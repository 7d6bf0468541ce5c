// AckGate: the one place that decides when the answer to a write may leave.
//
// An answer waits at a slot: the entry that carries its effects, or the newest slot that its
// evaluation saw when it has none. It leaves once the commit slot passes that slot; so no answer is
// less durable than it says. When the reign ends, what still waits is answered as unknown, or, if
// it had no effect, as a redirect.
//
// Owned by the replica loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/types.h"
#include "server/replica/answers.h"
#include "server/replica/metrics.h"
#include "server/replica/node.h"
#include "server/replica/stage.h"

namespace baton::server {

struct GatedAnswer {
  Slot slot;  // leaves when it is committed
  ReturnAddress to;
  int64_t deadline_us = 0;  // lease clock
  int64_t queued_at_us = 0;
  bool has_effect = false;
  Answer answer;
};

class AckGate {
 public:
  explicit AckGate(Metrics* metrics) : metrics_(metrics) {}

  // REQUIRES: slot >= that of the answer added before.
  void Add(GatedAnswer answer);
  // Lets out what is committed.
  void Release(Slot commit, int64_t now_us, AnswerBatch* answers);
  // Answers what is past its deadline: as unknown if it has an effect.
  void Expire(int64_t now_us, AnswerBatch* answers);
  // The reign has ended: answers everything; `redirect` goes to what surely had no effect.
  void EndReign(const Failure& redirect, const std::string& why, AnswerBatch* answers);

  size_t size() const { return waiting_.size(); }
  // Not after the earliest deadline of what waits.
  int64_t NextDeadlineUs() const { return waiting_.empty() ? kNever : next_deadline_us_; }

 private:
  Metrics* const metrics_;
  std::deque<GatedAnswer> waiting_;    // ascending by slot
  int64_t next_deadline_us_ = kNever;  // <= the deadline of each that waits
};

}  // namespace baton::server
