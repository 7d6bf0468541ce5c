// Election: when this node would stand, if nothing else happens. Deterministic turns by rank after
// a lease runs out; jittered, doubling waits after a failed attempt. A value, free of threads.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "consensus/config.h"
#include "consensus/hasher.h"
#include "consensus/prng.h"

namespace baton::consensus {

class Election {
 public:
  // `free_at_us`: from when this node may stand at all (its wait after a restart).
  Election(const Config& config, int64_t free_at_us, uint32_t rank);

  // A leader is heard: its lease runs until then.
  void LeaseRuns(int64_t lease_end_us, uint32_t rank);
  // The leader said that it stops, or a candidate that it gives way; or this node stopped leading.
  void LeaderGone(int64_t now_us, uint32_t rank);
  // This node promised `candidate` a ballot, and gives it time before it stands or helps another.
  void GiveTime(NodeId candidate, int64_t now_us, uint32_t rank);
  // An attempt of this node failed.
  void BackOff(int64_t now_us);
  // Not before then, whatever happens (a leader that lost its quorum: one lease).
  void Bar(int64_t until_us);

  int64_t StandAtUs() const;
  // Whether a canvass by `candidate` is refused for the sake of another, promised lately.
  bool GivesTimeToAnother(NodeId candidate, int64_t now_us) const;

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Election&, const Election&) = default;

 private:
  // The wait after an attempt doubles at most this often, and stays within a lease.
  static constexpr uint32_t kDoublingsMax = 6;

  int64_t rank_step_us_;
  int64_t lease_us_;
  Prng prng_;
  int64_t stand_at_us_;
  int64_t barred_until_us_ = 0;
  uint32_t attempts_ = 0;  // failed since a leader was heard; <= kDoublingsMax
  NodeId patient_with_;
  int64_t patient_until_us_ = 0;
};

}  // namespace baton::consensus
