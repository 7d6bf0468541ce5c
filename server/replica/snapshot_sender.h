// SnapshotSender: the leader's side of bringing a peer back by the state. It has the worker make
// one image of the engine, offers it to the peers that need it, and sends the pieces that they
// pull, at a bounded rate, so that the leader keeps its speed.
//
// All that want a snapshot while an image is there get that one; the image goes with the last of
// them. While it is there the log is not truncated above its slot: its receivers go on from there.
// The entry at that slot goes along, since it states what the next reign continues.
//
// A receiver that says that it cannot take it, falls silent, or takes so long that too much log has
// gathered, is let go at once and rests before it is sent another, twice as long each time until it
// gets there. Nobody is sent one while this node's own disk is nearly full. So no peer can make the
// log grow without bound. The core hears of an end only when the rest is over.
//
// Owned by the replica loop; the worker makes the image and reads its pieces.
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
#include "engine/storage/engine.h"
#include "server/replica/clock.h"
#include "server/replica/metrics.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "server/replica/worker.h"
#include "wal/wal.h"

namespace baton::server {

// What the worker hands back to the loop.
struct ImageMade {
  uint64_t snapshot = 0;
  absl::Status status;
  Slot applied;  // of the image
  std::shared_ptr<engine::ImageReader> reader;
  std::shared_ptr<const std::string> entry;  // at `applied`
};
struct PieceRead {
  uint64_t snapshot = 0;
  NodeId to;
  uint64_t position = 0;
  absl::Status status;
  std::shared_ptr<const std::string> bytes;
};

class SnapshotSender {
 public:
  static constexpr size_t kPieceBytes = 256 << 10;
  static constexpr uint64_t kWindowBytesMax = 4 << 20;     // on their way to one receiver
  static constexpr int64_t kOfferAgainUs = 1'000'000;      // to one that has not pulled since
  static constexpr int64_t kSilentUsMax = 20'000'000;      // of a receiver; then it has failed
  static constexpr int64_t kRestAfterErrorUs = 5'000'000;  // before another image is tried
  // Of a peer that did not get there, before another is offered: the first time, and at most.
  static constexpr int64_t kFailedRestUs = 2'000'000;
  static constexpr int64_t kFailedRestUsMax = 128'000'000;
  // Log above an image, in log_retention_bytes, or as much as the image has if that is more: a
  // state that is large takes long to send. With more the image is let go.
  static constexpr uint64_t kKeptRetentions = 4;

  struct Parts {
    NodeId self;
    engine::Engine* engine;
    const wal::Wal* wal;
    Worker* worker;
    Transport* transport;
    const Clock* clock;
    Metrics* metrics;
    std::string directory;  // of the image
    // To the loop's inbox; called on the worker.
    std::function<void(ImageMade)> made;
    std::function<void(PieceRead)> read;
    std::function<void(Slot)> keep_log_above;  // kSlotNone: no more
    std::function<uint64_t()> log_added;       // bytes of log since the start
    std::function<bool()> disk_nearly_full;
    std::function<void(const std::string& reason)> fatal;  // called on the worker
  };
  struct Limits {
    uint64_t bytes_per_second;
    uint64_t log_retention_bytes;
  };
  // `seed` names snapshots: give each start of a process another.
  SnapshotSender(Parts parts, const Limits& limits, uint64_t seed)
      : parts_(std::move(parts)), limits_(limits), last_snapshot_(seed) {}

  void Begin(const consensus::SendSnapshot& send, Slot applied);
  void On(const ImageMade& made, const consensus::Replica& core);
  void On(const PieceRead& read);
  void OnPull(NodeId from, const consensus::SnapshotPull& pull);
  // Nobody is sent anything any more.
  void EndReign();

  // Sends and gives up what is due. Returns the snapshots that have ended, and the rest of their
  // peers with them.
  std::vector<consensus::SnapshotEnded> RunDue(const consensus::Replica& core);
  int64_t NextDeadlineUs() const;

 private:
  struct Receiver {
    Ballot ballot;
    uint64_t sent = 0;        // up to this byte, in this round of pulling
    uint64_t window_end = 0;  // may be sent up to here
    int64_t heard_us = 0;
    int64_t offered_us = 0;  // 0: not yet
  };
  struct Ended {
    int64_t at_us;  // of its rest
    bool failed;
  };
  enum class Image : uint8_t { kNone, kMaking, kReady };

  void MakeImage(Slot applied);
  // The receivers: none gets there, through no fault of its own.
  void FailAll();
  void Fail(NodeId node, const char* why);
  void DropImage();
  void LetGoIfItMust();
  uint64_t KeptLogBytesMax() const;
  void Offer(NodeId to, Receiver* receiver, int64_t now_us);
  void ReadNext(int64_t now_us);
  bool Due(const Receiver& receiver) const;

  const Parts parts_;
  const Limits limits_;
  uint64_t last_snapshot_;

  Image image_ = Image::kNone;
  uint64_t snapshot_ = 0;  // names the image
  EntryId prev_, last_;
  std::shared_ptr<const std::string> entry_;  // last_'s
  consensus::Configuration configuration_;
  std::shared_ptr<engine::ImageReader> reader_;
  std::map<NodeId, Receiver> receivers_;
  uint64_t log_at_image_ = 0;          // log_added() when the image was begun
  std::map<NodeId, Ended> ended_;      // no receivers any more; RunDue says so at their time
  std::map<NodeId, int64_t> rest_us_;  // the last rest of each that has not got there since
  bool reading_ = false;               // one piece at a time
  NodeId served_;                      // last; turns go round
  int64_t next_piece_us_ = 0;          // not before, for the rate
  int64_t rest_until_us_ = 0;          // no image before
};

}  // namespace baton::server
