// Evaluator: a request against the newest state - engine, overlay, and the entry that is being
// built - gives its result at once and its effects for the log.
//
//   evaluator.BeginEntry(next_revision);
//   Evaluation e = evaluator.Evaluate(request, parked);      // for each request that waits
//   ... encode an entry around evaluator.effects() ...
//   overlay.Add(slot, entry_bytes, effects_inside_them, base);   // before the next BeginEntry
//
// Owned by the replica loop; never waits for a disk. A plain put or delete reads nothing. A request
// that must read sees the earlier requests of the entry in progress: their effects are copied out
// of the growing buffer in stable chunks and indexed, only when the first such read comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/effect_index.h"
#include "engine/state/effects.h"
#include "engine/state/limits.h"
#include "engine/state/overlay.h"
#include "engine/state/request.h"
#include "engine/storage/engine.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

// A request that was parked so often and still misses the cache is refused.
inline constexpr uint32_t kEvaluateParksMax = 4;

// What a parked request waits for.
struct Needs {
  std::vector<std::string> keys;  // engine keys
  std::vector<KeyRange> ranges;
};

struct Evaluation {
  enum class Outcome : uint8_t {
    kDone,     // `result` holds; the effects, if any, are in the writer
    kNeeds,    // nothing was written: Load(needs) on a reader, then evaluate again
    kRefused,  // nothing was written. FAILED_PRECONDITION: it would visit too many rows;
               // RESOURCE_EXHAUSTED: parked too often, the cache does not hold what it needs
    kFailed,   // the state cannot be read: final for the process
  };
  Outcome outcome = Outcome::kDone;
  WriteResult result;
  Needs needs;
  Refusal refusal;      // kRefused
  absl::Status status;  // kFailed
};

class Evaluator {
 public:
  Evaluator(const Engine* engine, const Overlay* overlay);

  // Starts an entry: effects() is empty afterwards. REQUIRES: the overlay holds the entry before.
  void BeginEntry(Revision base);

  // `parked`: how often the request was parked. REQUIRES: Validate(request) found nothing.
  Evaluation Evaluate(const WriteRequest& request, uint32_t parked);

  const EffectsWriter& effects() const { return writer_; }

 private:
  class PendingLayer;
  // One request on its way through Evaluate.
  struct Pass {
    const WriteRequest& request;
    Evaluation evaluation;
    uint64_t rows = 0;  // visited so far, <= kEvaluateRowsMax
  };

  void Step(const PutOp& op, Pass* pass);
  void Step(const DeleteOp& op, Pass* pass);
  void Step(const DeleteRangeOp& op, Pass* pass);
  // Whether the key exists; a miss is noted in the pass and answered false.
  bool Exists(const std::string& engine_key, Pass* pass);
  // The number of rows in the range, likewise.
  uint64_t Count(const KeyRange& range, Pass* pass);
  void Note(const absl::Status& status, Pass* pass);
  // Brings pending_ up to the end of the writer.
  void IndexPending();

  const Engine* const engine_;
  const Overlay* const overlay_;
  EffectsWriter writer_;
  EffectIndex pending_;            // the first indexed_ bytes of the writer
  size_t indexed_ = 0;             // <= writer_.bytes().size()
  uint64_t indexed_requests_ = 0;  // begun in them
};

// Reads what a parked request waits for into the cache. On a reader; may wait for the disk.
absl::Status Load(const Engine& engine, const Needs& needs);

}  // namespace baton::engine
