// ReadService: linearizable reads, answered at once on the caller's thread where possible.
//
// With a valid lease a read takes the published commit slot - of an async keyspace the durable
// slot, so that what was acknowledged LOCAL is seen - reads overlay and memory, and checks the
// board again AFTER the read: the same reign still open, the lease still running. What is not in
// memory goes to a reader and is checked the same way. Without a lease the loop gets a slot from a
// quorum round first; then only the reign must still be open after the read, since the end of one
// empties the overlay.
//
// Any thread. What it is given outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "base/types.h"
#include "engine/state/catalog.h"
#include "engine/state/overlay.h"
#include "engine/storage/engine.h"
#include "server/replica/answers.h"
#include "server/replica/board.h"
#include "server/replica/clock.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/member_table.h"
#include "server/replica/metrics.h"
#include "server/replica/readers.h"

namespace baton::server {

class ReadService {
 public:
  struct Parts {
    const engine::Engine* engine;
    const engine::Overlay* overlay;
    const engine::Catalog* catalog;
    const Board* board;
    const Clock* clock;
    const MemberTable* members;
    Readers* readers;
    // Takes those that fit; false, taking none, when the node stops.
    std::function<bool(std::vector<QueuedRead>*)> to_loop;
    Metrics* metrics;
  };
  explicit ReadService(const Parts& parts) : parts_(parts) {}

  // Answers what can be answered at once into `answers`; hands what would wait to a reader. What
  // has no lease, and what asks for a position, stays in `reads`, for the loop.
  void Serve(const Published& now, std::vector<QueuedRead>* reads, AnswerBatch* answers);

  // Answers reads whose slot a quorum has confirmed for the reign of `asked`. On a reader.
  void ServeAt(const Published& asked, Slot slot, std::vector<QueuedRead> reads);

 private:
  void ServeLater(const Published& now, std::vector<QueuedRead> reads);
  // The state at `slot`, or at what the leader had on disk then.
  absl::StatusOr<Answer> Read(const QueuedRead& read, const Published& now, Slot slot,
                              engine::ReadTier tier) const;
  bool ReadsDurable(const QueuedRead& read) const;
  Answer AnswerOf(absl::StatusOr<Answer> read) const;

  const Parts parts_;
};

}  // namespace baton::server
