// Losses: what became of the entries that this node's log has dropped, and how the cluster is told.
//
//   dropped ─ applied past them ─► chosen all the same: forgotten
//                               └► another took the place: lost ─► told to the leader ─► in the log
//
// What has been dropped may have been chosen all the same (a snapshot takes the place of a log that
// was right), so nothing is said before this node has applied what is there instead. What is lost
// is told again, less and less often, until this node has applied the rows that say so; then the
// file goes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/loss.h"
#include "engine/state/overlay.h"
#include "engine/storage/engine.h"
#include "server/replica/clock.h"
#include "server/replica/dropped_entries.h"
#include "server/replica/worker.h"

namespace baton::server {

// What the worker hands back to the loop. With an error there may be losses too: a file that cannot
// be read says nothing of the others.
struct LossesFound {
  absl::Status status;  // the first error
  engine::LossRequest told;
};

// Where losses are looked for; each outlives the look.
struct LossSources {
  const engine::Engine* engine;
  const engine::Overlay* overlay;
  DroppedEntries* dropped;
};

// What is lost and not in the state yet, up to about kLossReportBytesMax. Forgets the files of
// which all is known. On the worker.
LossesFound FindLosses(NodeId self, const LossSources& sources);

// When to look. Owned by the replica loop.
class LossDesk {
 public:
  static constexpr int64_t kLookUs = 1'000'000;
  static constexpr int64_t kTellUsMax = 64'000'000;  // between two tellings of the same

  struct Parts {
    NodeId self;
    LossSources sources;
    Worker* worker;
    const Clock* clock;
    std::function<void(LossesFound)> found;  // to the loop's inbox; called on the worker
  };
  explicit LossDesk(Parts parts) : parts_(std::move(parts)) {}

  // Looks, if that is due and something may have changed.
  void RunDue(Slot applied);
  // What is to be told now.
  engine::LossRequest On(LossesFound found);
  int64_t NextDeadlineUs() const;

 private:
  const Parts parts_;
  bool looking_ = false;
  bool told_ = false;  // the last look found losses: look again although nothing was applied
  Slot looked_at_;     // applied when it was begun
  int64_t next_us_ = 0;
  int64_t rest_us_ = kLookUs;
};

}  // namespace baton::server
