#include "engine/state/evaluator.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/state/view.h"

namespace baton::engine {
namespace {

// The entry in progress is one slot of an index of its own: any will do.
constexpr Slot kPendingSlot{1};
constexpr EffectIndex::Window kEverything{Slot{}, kSlotMax};

Refusal TooManyRows() {
  return Refusal{absl::FailedPreconditionError(absl::StrCat(
                     "counting what is deleted would visit more than ", kEvaluateRowsMax,
                     " rows: ask without want_count, or for smaller ranges")),
                 absl::StrCat("evaluate_rows_max=", kEvaluateRowsMax)};
}

Refusal ParkedTooOften() {
  return Refusal{absl::ResourceExhaustedError(
                     "the rows that this request reads do not stay in the block cache: ask for "
                     "fewer at once, or raise block_cache_bytes"),
                 absl::StrCat("evaluate_parks_max=", kEvaluateParksMax)};
}

}  // namespace

class Evaluator::PendingLayer : public Layer {
 public:
  explicit PendingLayer(const EffectIndex* index) : index_(index) {}
  std::optional<Change> Find(std::string_view key) const override {
    return index_->Find(key, kEverything);
  }
  void Collect(std::string_view lower, std::string_view upper, bool reverse, size_t max,
               std::vector<Change>* changes) const override {
    index_->Collect(lower, upper, reverse, max, kEverything, changes);
  }
  std::vector<Span> Hidden() const override { return index_->Hidden(kEverything); }

 private:
  const EffectIndex* const index_;
};

Evaluator::Evaluator(const Engine* engine, const Overlay* overlay)
    : engine_(engine), overlay_(overlay), writer_(Revision{}) {}

void Evaluator::BeginEntry(Revision base) {
  writer_.Reset(base);
  pending_.Clear();
  indexed_ = 0;
  indexed_requests_ = 0;
}

Evaluation Evaluator::Evaluate(const WriteRequest& request, uint32_t parked) {
  const size_t start = writer_.bytes().size();
  Pass pass{request, {}};
  Evaluation& evaluation = pass.evaluation;
  writer_.BeginRequest();
  // A miss does not end the pass: a request is parked once for all that it lacks.
  for (const WriteOp& op : request.ops) {
    if (evaluation.outcome != Evaluation::Outcome::kDone &&
        evaluation.outcome != Evaluation::Outcome::kNeeds) {
      break;
    }
    std::visit([this, &pass](const auto& each) { Step(each, &pass); }, op);
  }
  if (evaluation.outcome == Evaluation::Outcome::kDone) {
    evaluation.result.revision = writer_.EndRequest();
    return std::move(evaluation);
  }
  writer_.DropRequest();
  if (indexed_ > start) {
    pending_.Clear();
    indexed_ = 0;
    indexed_requests_ = 0;
  }
  evaluation.result = {};
  if (evaluation.outcome == Evaluation::Outcome::kNeeds && parked >= kEvaluateParksMax) {
    evaluation.outcome = Evaluation::Outcome::kRefused;
    evaluation.needs = {};
    evaluation.refusal = ParkedTooOften();
  }
  return std::move(evaluation);
}

void Evaluator::Step(const PutOp& op, Pass* pass) {
  writer_.Put(pass->request.keyspace, op.key, op.value);
}

void Evaluator::Step(const DeleteOp& op, Pass* pass) {
  if (op.want_existed) {
    const bool existed = Exists(EngineKey(pass->request.keyspace, op.key), pass);
    pass->evaluation.result.existed = existed;
    if (!existed) return;
  }
  writer_.Delete(pass->request.keyspace, op.key);
}

void Evaluator::Step(const DeleteRangeOp& op, Pass* pass) {
  const KeyRange range = EngineRange(pass->request.keyspace, op.begin, op.end);
  const bool empty = range.begin == range.end;
  if (op.want_count) {
    const uint64_t count = empty ? 0 : Count(range, pass);
    std::optional<uint64_t>& deleted = pass->evaluation.result.deleted;
    deleted = deleted.value_or(0) + count;
    if (count == 0) return;
  }
  if (!empty) writer_.DeleteRange(range.begin, range.end);
}

void Evaluator::Note(const absl::Status& status, Pass* pass) {
  if (absl::IsUnavailable(status)) {
    pass->evaluation.outcome = Evaluation::Outcome::kNeeds;
  } else {
    pass->evaluation.outcome = Evaluation::Outcome::kFailed;
    pass->evaluation.status = status;
  }
}

bool Evaluator::Exists(const std::string& engine_key, Pass* pass) {
  IndexPending();
  if (const std::optional<Change> change = pending_.Find(engine_key, kEverything)) {
    return !change->deleted;
  }
  if (const auto found = overlay_->Find(engine_key, kSlotMax)) return !found->deleted;
  const auto value = engine_->Get(engine_key, ReadTier::kMemory);
  if (value.ok()) return value->has_value();
  Note(value.status(), pass);
  pass->evaluation.needs.keys.push_back(engine_key);
  return false;
}

uint64_t Evaluator::Count(const KeyRange& range, Pass* pass) {
  IndexPending();
  const PendingLayer pending(&pending_);
  const View view(*engine_, *overlay_, kSlotMax, &pending);
  MergeCursor cursor = view.NewCursor(range, /*reverse=*/false, ReadTier::kMemory);
  const uint64_t left = kEvaluateRowsMax - pass->rows;
  uint64_t count = 0;
  while (cursor.Next()) {
    ++count;
    if (cursor.visited() > left) {
      pass->evaluation.outcome = Evaluation::Outcome::kRefused;
      pass->evaluation.refusal = TooManyRows();
      return count;
    }
  }
  pass->rows += std::min(left, cursor.visited());
  if (!cursor.status().ok()) {
    Note(cursor.status(), pass);
    pass->evaluation.needs.ranges.push_back(range);
  }
  return count;
}

void Evaluator::IndexPending() {
  const std::string_view all = writer_.bytes();
  if (indexed_ == all.size()) return;
  auto chunk = std::make_shared<const std::string>(all.substr(indexed_));
  EffectsReader reader = indexed_ == 0
                             ? EffectsReader(*chunk, writer_.base())
                             : EffectsReader::Continue(*chunk, writer_.base(), indexed_requests_);
  const absl::Status added = pending_.Add(kPendingSlot, chunk, &reader);
  BATON_CHECK(added.ok()) << added.ToString();  // our own writer's bytes
  indexed_ = all.size();
  indexed_requests_ = reader.requests();
}

absl::Status Load(const Engine& engine, const Needs& needs) {
  for (const std::string& key : needs.keys) {
    if (const auto value = engine.Get(key, ReadTier::kAny); !value.ok()) return value.status();
  }
  if (needs.ranges.empty()) return absl::OkStatus();
  const std::unique_ptr<Snapshot> snapshot = engine.NewSnapshot();
  uint64_t rows = 0;
  for (const KeyRange& range : needs.ranges) {
    const auto it = snapshot->NewIterator(range.begin, range.end, ReadTier::kAny);
    for (it->SeekToFirst(); it->Valid() && rows <= kEvaluateRowsMax; it->Next()) ++rows;
    if (!it->status().ok()) return it->status();
  }
  return absl::OkStatus();
}

}  // namespace baton::engine
