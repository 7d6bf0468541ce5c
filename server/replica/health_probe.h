// HealthProbe: this node's measure of itself, for the core to state to its leader and, if it leads,
// to rank by: what its operator says of it, whether it can serve from its state, how its disk does.
//
// The replica loop asks a few times a second. It makes no decision: consensus/rank.h does.
// Owned by the loop; what it is given outlives it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "consensus/event.h"
#include "consensus/health.h"
#include "server/replica/applier.h"
#include "server/replica/clock.h"
#include "server/replica/disk_guard.h"
#include "server/replica/disk_meter.h"
#include "server/replica/metrics.h"
#include "server/replica/order_book.h"
#include "wal/wal.h"

namespace baton::server {

class HealthProbe {
 public:
  static constexpr int64_t kLookUs = 250'000;
  // Recovering: more than this would have to be applied before a reign could be served, a second or
  // two of work. Over again at half of it.
  static constexpr uint64_t kBehindBytes = 64 << 20;
  static constexpr uint64_t kBehindSlots = 8'192;

  struct Parts {
    DiskMeter* meter;
    const DiskGuard* disk;
    const Applier* applier;  // null at a witness
    const wal::Wal* wal;
    const OrderBook* orders;
    const Clock* clock;
    Metrics* metrics;
  };
  // `wishes`: barred, region and priority, as this node is configured; orders come before them.
  // `proof_us`: how long a disk may go unproved where nothing is written.
  HealthProbe(NodeId self, const consensus::NodeHealth& wishes, int64_t proof_us,
              const Parts& parts)
      : parts_(parts), self_(self), wishes_(wishes), proof_us_(proof_us) {}

  // Looks, if that is due. `unapplied`: entries that the log has above the state.
  // Something to tell the core, if it has changed.
  std::optional<consensus::Measured> Look(uint64_t unapplied, int64_t now_us);
  // Whether the disk has gone unproved for too long: write a probe. As of the last look.
  bool WantsProof() const { return wants_proof_; }
  int64_t NextDeadlineUs() const { return next_look_us_; }
  // Not held down alone: as the orders are now.
  bool BarredByOperator() const;

 private:
  bool Recovering(uint64_t unapplied) const;
  void GoByOrders();
  const OrderRow* Order(const OrderBook::Page& page, OrderKind kind) const;

  const Parts parts_;
  const NodeId self_;
  const consensus::NodeHealth wishes_;
  const int64_t proof_us_;
  int64_t next_look_us_ = 0;
  bool wants_proof_ = false;
  consensus::Measured now_;                  // as of the last look
  std::optional<consensus::Measured> told_;  // last; nullopt: nothing yet
};

}  // namespace baton::server
