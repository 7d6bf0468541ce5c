// Probation: whether a new leader sustains writes, as it measures itself. It watches how long the
// log stands still while something is to be committed.
//
// A value, the replica loop's; from the moment the reign serves until the handover has its outcome.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/types.h"
#include "server/replica/stage.h"

namespace baton::server {

class Probation {
 public:
  Probation() = default;
  // first_ack_us: if a write of the reign could be acknowledged before.
  Probation(Slot reign, int64_t objective_us, int64_t first_ack_us, int64_t now_us)
      : objective_us_(objective_us),
        commit_(reign),
        moved_us_(now_us),
        first_ack_us_(first_ack_us) {}

  // How far the log is, and is committed.
  void Look(Slot commit, Slot last, int64_t now_us) {
    if (commit > commit_ || commit == last) {
      if (commit > commit_ && first_ack_us_ == 0) first_ack_us_ = now_us;
      commit_ = std::max(commit_, commit);
      moved_us_ = now_us;
    }
    waiting_ = commit < last;
    worst_us_ = std::max(worst_us_, now_us - moved_us_);
  }
  // When a write of the reign could be acknowledged first; 0: none could yet.
  int64_t first_ack_us() const { return first_ack_us_; }
  int64_t worst_us() const { return worst_us_; }  // longest standstill
  bool Failed() const { return worst_us_ > objective_us_; }
  int64_t NextDeadlineUs() const { return waiting_ ? moved_us_ + objective_us_ + 1 : kNever; }

 private:
  int64_t objective_us_ = kNever;
  Slot commit_;
  int64_t moved_us_ = 0;
  int64_t first_ack_us_ = 0;
  int64_t worst_us_ = 0;
  bool waiting_ = false;
};

}  // namespace baton::server
