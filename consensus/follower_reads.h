// FollowerReads: linearizable reads at a node that does not lead. The reads that wait are asked for
// together; what asks while an answer is awaited goes with the next ask. A value, free of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class FollowerReads {
 public:
  // Reads that wait at once; more are refused.
  static constexpr size_t kWaitingMax = 1 << 16;

  // `asks_after`: a number that no former life of this node counted from.
  explicit FollowerReads(uint64_t asks_after) : ask_(asks_after) {}

  bool Full() const { return under_way_.size() + next_.size() >= kWaitingMax; }
  bool empty() const { return under_way_.empty() && next_.empty(); }
  void Add(uint64_t read_id) { next_.push_back(read_id); }

  // An ask of the leader of `ballot` is due: reads wait and none is under way, or its answer is
  // overdue and it is asked anew, together with what has come since. Otherwise 0.
  uint64_t BeginAsk(const Ballot& ballot, int64_t now_us, int64_t patience_us);
  // The reads that the answer to `ask` is for; none if it is not the one under way.
  std::vector<uint64_t> Told(uint64_t ask);
  std::vector<uint64_t> TakeAll();

  const Ballot& asked() const { return asked_; }  // whose leader owes an answer
  int64_t OverdueAtUs() const;                    // INT64_MAX: none is under way

  void Feed(Hasher* hasher) const;
  friend bool operator==(const FollowerReads&, const FollowerReads&) = default;

 private:
  uint64_t ask_;  // newest number given
  Ballot asked_;
  int64_t overdue_at_us_ = 0;
  std::vector<uint64_t> under_way_;  // wait for ask_
  std::vector<uint64_t> next_;
};

}  // namespace baton::consensus
