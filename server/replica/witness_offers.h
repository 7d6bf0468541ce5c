// WitnessOffers: how a leader lets a witness begin its log anew, where the leader's own log begins.
// A witness has no state, so that nothing goes along but the position and the first entry.
//
// What is offered is offered again until the witness has it, or until this log begins later: then
// the core is told that it has ended, and asks again for one that still lacks the log.
//
// Owned by the replica loop; a worker reads the entry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/types.h"
#include "consensus/action.h"
#include "consensus/event.h"
#include "consensus/message.h"
#include "consensus/replica.h"
#include "server/replica/clock.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "server/replica/worker.h"
#include "wal/wal.h"

namespace baton::server {

// What the worker hands back to the loop.
struct FirstEntryRead {
  uint64_t snapshot = 0;  // the offer that it is for
  NodeId to;
  absl::Status status;
  std::shared_ptr<const std::string> bytes;
};

class WitnessOffers {
 public:
  static constexpr int64_t kOfferAgainUs = 1'000'000;

  struct Parts {
    NodeId self;
    const wal::Wal* wal;
    Worker* worker;
    Transport* transport;
    const Clock* clock;
    std::function<void(FirstEntryRead)> read;  // to the loop's inbox; called on the worker
    std::function<void(const std::string& reason)> fatal;  // called on the worker
  };
  // `seed` names offers: give each start of a process another.
  WitnessOffers(Parts parts, uint64_t seed) : parts_(std::move(parts)), last_snapshot_(seed) {}

  // REQUIRES: send.log_only; the log has a base, and what follows it is committed.
  void Begin(const consensus::SendSnapshot& send, const consensus::Replica& core);
  void On(const FirstEntryRead& read);
  void EndReign() { offers_.clear(); }

  // Sends what is due. Returns those that have ended.
  std::vector<consensus::SnapshotEnded> RunDue(const consensus::Replica& core);
  int64_t NextDeadlineUs() const;

 private:
  struct Offer {
    consensus::SnapshotOffer offer;  // its entry is null until it has been read
    int64_t next_us = 0;             // when it is offered, or the reading of it has taken too long
  };
  void Send(NodeId to, Offer* offer);

  const Parts parts_;
  uint64_t last_snapshot_;
  std::map<NodeId, Offer> offers_;
};

}  // namespace baton::server
