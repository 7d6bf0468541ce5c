// AppliedReads: answers from the state as this node has applied it, whoever leads. It is committed,
// so no lease and no check afterwards are needed; how old it may be is for the read's level to say:
// bounded staleness, at least a position, or a slot that the leader has told.
//
// A read is answered from one snapshot, whose slot its position states. Any thread. What it is
// given outlives it.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "engine/state/overlay.h"
#include "engine/storage/engine.h"
#include "server/replica/answers.h"
#include "server/replica/board.h"
#include "server/replica/clock.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/metrics.h"
#include "server/replica/readers.h"

namespace baton::server {

class AppliedReads {
 public:
  struct Parts {
    const engine::Engine* engine;
    const engine::Overlay* overlay;  // never looked into
    const Board* board;
    const Clock* clock;
    Readers* readers;
    Metrics* metrics;
  };
  explicit AppliedReads(const Parts& parts) : parts_(parts) {}

  // Answers those whose level the state satisfies now, and those that ask for a position that is
  // lost; hands what would wait for a disk to a reader. The others stay in `reads`.
  void Serve(const Published& now, std::vector<QueuedRead>* reads, AnswerBatch* answers);

  // Answers them. On a reader. REQUIRES: the state satisfies what they ask for.
  void ServeAll(std::vector<QueuedRead> reads);

 private:
  bool Satisfied(const Published& now, const QueuedRead& read) const;
  void ServeLater(std::vector<QueuedRead> reads, AnswerBatch* answers);
  Answer Settled(absl::StatusOr<Answer> answer) const;
  absl::StatusOr<Answer> Read(const QueuedRead& read, engine::ReadTier tier) const;

  const Parts parts_;
};

// Whether the log can never hold `position`: it has come to a later reign below that slot.
bool IsLost(const Position& position, Slot commit, uint64_t round_at_commit);

}  // namespace baton::server
