// Preflight: the leader's examination of the node that is to lead next. It asks how the target is;
// if that will do, by the policy, it asks for the promise to keep what clients send, until it is
// given. Or it only asks how the target is.
//
// One for each handover. Owned by the replica loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "consensus/replica.h"
#include "server/codec/handover_row.h"
#include "server/codec/handover_word.h"
#include "server/codec/policy_row.h"
#include "server/replica/clock.h"
#include "server/replica/disk_meter.h"
#include "server/replica/member_table.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"

namespace baton::server {

class Preflight {
 public:
  static constexpr int64_t kAskAgainUs = 100'000;  // what was not answered
  static constexpr int64_t kNoPromise = 0;         // as hold_us: none is asked for

  struct Parts {
    const consensus::Replica* core;
    const MemberTable* members;
    DiskMeter* meter;
    Transport* transport;
    const Clock* clock;
  };
  // By what the target is judged; the second only says what it would have decided otherwise.
  struct Judges {
    Policy policy;
    std::optional<Policy> shadow;
  };
  // The target is to have applied that slot before it answers, and to promise for `hold_us`.
  Preflight(const Parts& parts, const Judges& judges, uint64_t handover, NodeId target,
            Slot applied, int64_t hold_us)
      : parts_(parts),
        judges_(judges),
        handover_(handover),
        target_(target),
        applied_(applied),
        hold_us_(hold_us) {}

  void On(NodeId from, const TellReady& told, int64_t now_us);
  void Advance(int64_t now_us);
  // It is over: the target need keep nothing any more.
  void Release() const;

  enum class Verdict : uint8_t { kOpen, kFailed, kReady };
  Verdict verdict() const { return verdict_; }
  // Empty while the target has not answered.
  const std::vector<HandoverCheck>& checks() const { return checks_; }
  // By this node's clock, with its drift counted; of kReady.
  int64_t promised_until_us() const { return promised_until_us_; }
  // Empty: the same.
  const std::string& otherwise() const { return otherwise_; }
  NodeId target() const { return target_; }
  int64_t round_trip_us() const { return round_trip_us_; }  // of the last answer
  // The slower of the two nodes' median log writes; 0: neither has written lately.
  int64_t write_us() const { return write_us_; }
  int64_t NextDeadlineUs() const {
    return verdict_ == Verdict::kOpen ? asked_us_ + kAskAgainUs : kNever;
  }

 private:
  void Ask(int64_t now_us);

  const Parts parts_;
  const Judges judges_;
  const uint64_t handover_;
  const NodeId target_;
  const Slot applied_;
  const int64_t hold_us_;
  Verdict verdict_ = Verdict::kOpen;
  bool promise_ = false;  // is asked for: the checks have passed
  std::vector<HandoverCheck> checks_;
  std::string otherwise_;
  int64_t asked_us_ = -kAskAgainUs;
  int64_t round_trip_us_ = 0;
  int64_t write_us_ = 0;
  int64_t promised_until_us_ = 0;
};

// Whom a handover goes to that names nobody: who would stand first if this node were gone. This
// node itself: there is nobody else.
NodeId BestRanked(const consensus::Replica& core);
// By the members in force; one that is about to leave is none.
bool IsVoter(const consensus::Replica& core, NodeId node);
// Why nobody can be asked: `to` is this node, which leads, or none of the members, who would never
// answer. Empty: it can be. `asked` as by its order.
std::string WhyNoTarget(const Preflight::Parts& parts, NodeId to, NodeId asked);

}  // namespace baton::server
