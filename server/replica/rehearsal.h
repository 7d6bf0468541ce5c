// Rehearsal: handovers that are only to be foretold. The target is examined as by a real one, and
// nothing is written, promised or changed.
//
// Owned by the HandoverDesk; one at a time, in the order in which they were asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/types.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/order_book.h"
#include "server/replica/preflight.h"

namespace baton::server {

class Rehearsal {
 public:
  static constexpr size_t kCallsMax = 16;  // that wait; more are refused

  Rehearsal(const Preflight::Parts& parts, const OrderBook* orders)
      : parts_(parts), orders_(orders) {}

  void Admit(QueuedHandoverCall call);
  void On(NodeId from, const TellReady& told, int64_t now_us);
  void Advance(int64_t now_us);
  // All that wait are told so.
  void EndReign(const Failure& redirect);
  void Expire(int64_t now_us);
  int64_t NextDeadlineUs() const;

 private:
  // Handovers are numbered by slots; what asks on behalf of none has this bit.
  static constexpr uint64_t kNumberBit = uint64_t{1} << 63;

  void Begin();
  void Answer(HandoverForecast forecast);

  const Preflight::Parts parts_;
  const OrderBook* const orders_;
  std::deque<QueuedHandoverCall> calls_;  // the first is under way if there is a preflight
  std::optional<Preflight> preflight_;
  uint64_t begun_ = 0;
};

}  // namespace baton::server
