// SnapshotReceiver: the other side. It takes a snapshot that the leader it follows offers, pulls
// its pieces, writes them beside the state, and tells the core when it is whole. What the core then
// wants installed is noted durably (snapshot_install.h), and the node is opened anew from it.
//
// A lost piece is pulled again from where the written ones end; a new offer of the same snapshot
// goes on where the last one stopped. What cannot be taken, for want of space above all, is dropped
// and its sender told so, which keeps log for it. Owned by the replica loop; the worker writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "consensus/event.h"
#include "consensus/message.h"
#include "consensus/replica.h"
#include "engine/storage/engine.h"
#include "server/replica/clock.h"
#include "server/replica/metrics.h"
#include "server/replica/snapshot_install.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "server/replica/worker.h"

namespace baton::server {

// From the worker: written up to `position`; `whole` when the image is finished.
struct PieceWritten {
  uint64_t intake = 0;  // which taking of a snapshot: one may be taken anew from its beginning
  absl::Status status;
  uint64_t position = 0;
  bool whole = false;
};

class SnapshotReceiver {
 public:
  static constexpr uint64_t kWindowBytes = 1 << 20;
  static constexpr int64_t kPullAgainUs = 500'000;     // when nothing has come
  static constexpr int64_t kSilentUsMax = 20'000'000;  // of the sender; then it is given up

  struct Parts {
    NodeId self;
    engine::Engine* engine;  // null at a witness, which takes the position without a state
    Worker* worker;
    Transport* transport;
    const Clock* clock;
    Metrics* metrics;
    std::string directory;                           // of the image
    std::function<void(PieceWritten)> written;       // to the loop's inbox; called on the worker
    std::function<absl::StatusOr<uint64_t>()> room;  // bytes that an image may take; on the worker
  };
  explicit SnapshotReceiver(Parts parts) : parts_(std::move(parts)) {}

  void OnOffer(NodeId from, const consensus::SnapshotOffer& offer, const consensus::Replica& core);
  void OnChunk(NodeId from, const consensus::SnapshotChunk& chunk);
  // The event for the core, once the snapshot is whole.
  std::optional<consensus::SnapshotReceived> On(const PieceWritten& written);
  // The core wants it. Nothing is taken from now on, so that it stays. REQUIRES: it is whole.
  SnapshotIntent Intent(consensus::HardState hard_state);
  // The intent could not be noted. The image stays: the note may be there nevertheless.
  void CannotInstall();
  // The core does not want it.
  void Drop();

  void RunDue();
  int64_t NextDeadlineUs() const;
  // One is on its way, or about to be installed.
  bool busy() const { return intake_.has_value(); }

 private:
  struct Intake {
    uint64_t number = 0;
    NodeId from;
    consensus::SnapshotOffer offer;
    std::shared_ptr<std::unique_ptr<engine::ImageWriter>> writer;  // the worker's own
    uint64_t taken = 0;    // given to the worker up to this byte; >= written
    uint64_t written = 0;  // <= offer.bytes
    uint64_t steps = 0;    // with the worker
    int64_t heard_us = 0;
    int64_t pulled_us = 0;
    bool whole = false;
  };

  void Start(NodeId from, const consensus::SnapshotOffer& offer);
  void Pull(consensus::SnapshotPull pull);
  void PullAgain();
  bool Post(std::function<absl::Status(engine::ImageWriter*)> step, uint64_t position, bool whole);
  void Forget();

  const Parts parts_;
  uint64_t intakes_ = 0;  // begun
  std::optional<Intake> intake_;
  bool installing_ = false;  // intake_ is whole, and to be installed
};

}  // namespace baton::server
