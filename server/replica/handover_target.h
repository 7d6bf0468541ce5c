// HandoverTarget: what a node does that is asked to lead next, until it leads. It says how it is,
// and promises to keep what clients send it meanwhile.
//
// It decides nothing: whether it leads is the core's to say. Owned by the replica loop.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "consensus/replica.h"
#include "server/codec/handover_word.h"
#include "server/replica/clock.h"
#include "server/replica/disk_guard.h"
#include "server/replica/disk_meter.h"
#include "server/replica/health_probe.h"
#include "server/replica/snapshot_receiver.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "wal/wal.h"

namespace baton::server {

// As a word of it travels.
consensus::Message HandoverMessage(NodeId from, NodeId to, const HandoverWord& word);

class HandoverTarget {
 public:
  static constexpr int64_t kHoldUsMax = 60'000'000;  // longer promises are cut to this

  struct Parts {
    const consensus::Replica* core;
    DiskMeter* meter;
    DiskGuard* disk;
    const wal::Wal* wal;
    const SnapshotReceiver* snapshots_in;
    const HealthProbe* health;
    Transport* transport;
    const Clock* clock;
  };
  explicit HandoverTarget(const Parts& parts) : parts_(parts) {}

  // By the leader, which asks again until it is answered. A later Advance does, once this node has
  // applied what it names and, if it restarted just now, may lead again.
  void On(NodeId from, const AskReady& ask) { asked_ = Asked{from, ask}; }
  void Advance(Slot applied, int64_t now_us);

  // Requests that come are kept: this node is about to lead, as far as it knows.
  bool Expecting() const { return promise_.has_value(); }
  // When it expects that no more.
  int64_t NextDeadlineUs() const { return promise_ ? promise_->until_us : kNever; }
  void Stop();

 private:
  struct Asked {
    NodeId from;
    AskReady ask;
  };
  struct Promise {
    NodeId to;      // the leader that gives way
    Ballot ballot;  // that it leads by
    int64_t until_us;
  };
  void Tell(Slot applied, int64_t now_us);

  const Parts parts_;
  std::optional<Asked> asked_;  // not answered yet; the newest alone is
  std::optional<Promise> promise_;
  bool stopping_ = false;
};

}  // namespace baton::server
