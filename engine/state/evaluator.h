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

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/catalog.h"
#include "engine/state/effect_index.h"
#include "engine/state/effects.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/keyspace_sizes.h"
#include "engine/state/loss.h"
#include "engine/state/overlay.h"
#include "engine/state/request.h"
#include "engine/storage/engine.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

// A request that was parked so often and still misses the cache is rejected.
inline constexpr uint32_t kEvaluateParksMax = 4;

// What a parked request waits for.
struct Needs {
  std::vector<std::string> keys;  // engine keys
  std::vector<KeyRange> ranges;
};

// What a request adds to one keyspace: operations that have an effect, and the bytes of these, as
// the log carries them. None: the request goes by what is in the keyspace.
struct Charge {
  KeyspaceId keyspace;
  uint64_t ops = 0;
  uint64_t bytes = 0;
};
using Charges = absl::InlinedVector<Charge, 1>;

struct Evaluation {
  enum class Outcome : uint8_t {
    kDone,     // `result` holds; the effects, if any, are in the writer: none if it is rejected
    kNeeds,    // nothing was written: Load(needs) on a reader, then evaluate again
    kFailed,   // the state cannot be read: final for the process
    kRefused,  // what it would add is refused: nothing was written
  };
  Outcome outcome = Outcome::kDone;
  WriteResult result;
  Charges charges;  // one for each keyspace that it names; of a rejection, without effects
  Needs needs;
  absl::Status status;  // kFailed
};

class Evaluator {
 public:
  // `keyspaces`: the newest, as sequenced; `sizes`: of those that have a limit, in bytes, as far as
  // they have been measured.
  Evaluator(const Engine* engine, const Overlay* overlay, const Keyspaces* keyspaces,
            const KeyspaceSizes* sizes);

  // Starts an entry: effects() is empty afterwards. REQUIRES: the overlay holds the entry before.
  void BeginEntry(Revision base);

  // `parked`: how often the request was parked. `allows`: whether it may add that much. REQUIRES:
  // Validate(request) found nothing.
  Evaluation Evaluate(const WriteRequest& request, uint32_t parked,
                      absl::FunctionRef<bool(const Charges& charges)> allows);
  Evaluation Evaluate(const WriteRequest& request, uint32_t parked) {
    return Evaluate(request, parked, [](const Charges&) { return true; });
  }

  // A change of keyspaces; `keyspaces` are those the evaluator was made with.
  absl::StatusOr<KeyspaceResult> Evaluate(const KeyspaceRequest& request, const ChangeStamp& stamp,
                                          Keyspaces* keyspaces) {
    return ChangeKeyspaces(request, stamp, keyspaces, &writer_);
  }

  // Takes those out that have a row, or says what must be loaded to know: nothing is taken out
  // then.
  Evaluation DropLogged(LossRequest* request);
  Revision Evaluate(const LossRequest& request) { return LogLosses(request, &writer_); }

  const EffectsWriter& effects() const { return writer_; }
  // For effects on sessions (session_writer.h), outside Evaluate.
  EffectsWriter* writer() { return &writer_; }

 private:
  class PendingLayer;
  // One request on its way through Evaluate.
  struct Pass {
    const WriteRequest& request;
    Evaluation evaluation;
    uint32_t at = 0;        // index of the condition or the operation
    uint64_t rows = 0;      // visited so far, <= kEvaluateRowsMax
    KeyspaceId keyspace{};  // of that
    // Whether the steps to come still matter.
    bool GoesOn() const;
    void Reject(Rejection::Why why, Revision found = {}, uint64_t limit = 0);
    // `bytes` 0: the keyspace is looked at only.
    void Charge(KeyspaceId keyspace, uint64_t bytes);
  };

  // Of the keyspace at hand, as are those that follow.
  void Check(const Condition& condition, Pass* pass);
  // Whether the keyspace at hand is there, and takes a value of so many bytes.
  bool IsThere(Pass* pass);
  bool Takes(uint64_t value_bytes, Pass* pass);
  void Step(const PutOp& op, Pass* pass);
  void Step(const DeleteOp& op, Pass* pass);
  void Step(const DeleteRangeOp& op, Pass* pass);
  void Step(const IncrementOp& op, Pass* pass);
  void Step(const AppendOp& op, Pass* pass);
  // The newest record of the key, whose own key is left empty. A miss is noted in the pass and
  // answered as if there were none.
  std::optional<Record> Find(std::string_view key, Pass* pass);
  std::optional<std::string> FindRow(const std::string& engine_key, Pass* pass);
  // The number of rows in the range, likewise.
  uint64_t Count(const KeyRange& range, Pass* pass);
  void Note(const absl::Status& status, Pass* pass);
  // Brings pending_ up to the end of the writer.
  void IndexPending();

  const Engine* const engine_;
  const Overlay* const overlay_;
  const Keyspaces* const keyspaces_;
  const KeyspaceSizes* const sizes_;
  EffectsWriter writer_;
  EffectIndex pending_;            // the first indexed_ bytes of the writer
  size_t indexed_ = 0;             // <= writer_.bytes().size()
  uint64_t indexed_requests_ = 0;  // begun in them
};

// Reads what a parked request waits for into the cache. On a reader; may wait for the disk.
absl::Status Load(const Engine& engine, const Needs& needs);

}  // namespace baton::engine
