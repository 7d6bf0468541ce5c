#include "engine/state/evaluator.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/state/row.h"
#include "engine/state/view.h"

namespace baton::engine {
namespace {

// The entry in progress is one slot of an index of its own: any will do.
constexpr Slot kPendingSlot{1};
constexpr EffectIndex::Window kEverything{Slot{}, kSlotMax};

// A decimal number of 64 bits, all of it, as an increment writes it.
bool ReadNumber(std::string_view text, int64_t* number) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && at == end;
}

WriteResult Nothing(std::optional<Rejection> rejection) {
  WriteResult result;
  result.rejection = rejection;
  return result;
}

Revision RevisionOf(const std::optional<Record>& found) {
  return found ? found->revision : Revision{};
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

Evaluator::Evaluator(const Engine* engine, const Overlay* overlay, const Keyspaces* keyspaces,
                     const KeyspaceSizes* sizes)
    : engine_(engine),
      overlay_(overlay),
      keyspaces_(keyspaces),
      sizes_(sizes),
      writer_(Revision{}) {}

void Evaluator::BeginEntry(Revision base) {
  writer_.Reset(base);
  pending_.Clear();
  indexed_ = 0;
  indexed_requests_ = 0;
}

bool Evaluator::Pass::GoesOn() const {
  // A miss does not end the pass: a request is parked once for all that it lacks.
  return !evaluation.result.rejection && (evaluation.outcome == Evaluation::Outcome::kDone ||
                                          evaluation.outcome == Evaluation::Outcome::kNeeds);
}

// What follows from a miss is not known yet.
void Evaluator::Pass::Reject(Rejection::Why why, Revision found, uint64_t limit) {
  if (evaluation.outcome != Evaluation::Outcome::kDone) return;
  evaluation.result.rejection = Rejection{why, at, found, limit};
}

void Evaluator::Pass::Charge(KeyspaceId keyspace, uint64_t bytes) {
  const uint64_t ops = bytes == 0 ? 0 : 1;
  for (engine::Charge& charge : evaluation.charges) {
    if (charge.keyspace != keyspace) continue;
    charge.ops += ops;
    charge.bytes += bytes;
    return;
  }
  evaluation.charges.push_back(engine::Charge{keyspace, ops, bytes});
}

Evaluation Evaluator::Evaluate(const WriteRequest& request, uint32_t parked,
                               absl::FunctionRef<bool(const Charges& charges)> allows) {
  const size_t start = writer_.bytes().size();
  Pass pass{request, {}};
  Evaluation& evaluation = pass.evaluation;
  writer_.BeginRequest();
  for (; pass.at < request.conditions.size() && pass.GoesOn(); ++pass.at) {
    pass.keyspace = KeyspaceOf(request, request.conditions[pass.at]);
    pass.Charge(pass.keyspace, 0);
    if (IsThere(&pass)) Check(request.conditions[pass.at], &pass);
  }
  for (pass.at = 0; pass.at < request.ops.size() && pass.GoesOn(); ++pass.at) {
    pass.keyspace = KeyspaceOf(request, request.ops[pass.at]);
    if (!IsThere(&pass)) break;
    const size_t before = writer_.bytes().size();
    std::visit([&](const auto& each) { Step(each, &pass); }, request.ops[pass.at]);
    pass.Charge(pass.keyspace, writer_.bytes().size() - before);
    if (writer_.bytes().size() - start > kRequestEffectsBytesMax) {
      pass.Reject(Rejection::Why::kTooLarge);
    }
  }
  if (evaluation.outcome == Evaluation::Outcome::kDone && !evaluation.result.rejection) {
    if (allows(evaluation.charges)) {
      evaluation.result.revision = writer_.EndRequest();
      return std::move(evaluation);
    }
    evaluation.outcome = Evaluation::Outcome::kRefused;
  }
  writer_.DropRequest();
  if (indexed_ > start) {
    pending_.Clear();
    indexed_ = 0;
    indexed_requests_ = 0;
  }
  evaluation.result = Nothing(evaluation.result.rejection);
  for (engine::Charge& charge : evaluation.charges) charge.ops = charge.bytes = 0;
  if (evaluation.outcome == Evaluation::Outcome::kNeeds && parked >= kEvaluateParksMax) {
    evaluation.outcome = Evaluation::Outcome::kDone;
    evaluation.needs = {};
    evaluation.result = Nothing(Rejection{Rejection::Why::kNotCached, 0, {}, 0});
  }
  return std::move(evaluation);
}

void Evaluator::Check(const Condition& condition, Pass* pass) {
  const std::optional<Record> found = Find(condition.key, pass);
  bool holds = false;
  switch (condition.kind) {
    case Condition::Kind::kAbsent:
      holds = !found;
      break;
    case Condition::Kind::kExists:
      holds = found.has_value();
      break;
    case Condition::Kind::kRevision:
      holds = found && found->revision == condition.revision;
      break;
    case Condition::Kind::kValue:
      holds = found && found->value == condition.value;
      break;
  }
  if (!holds) pass->Reject(Rejection::Why::kCondition, RevisionOf(found));
}

bool Evaluator::IsThere(Pass* pass) {
  if (keyspaces_->Get(pass->keyspace) != nullptr) return true;
  pass->Reject(Rejection::Why::kNoKeyspace);
  return false;
}

bool Evaluator::Takes(uint64_t value_bytes, Pass* pass) {
  const KeyspaceSettings& settings = keyspaces_->Get(pass->keyspace)->settings;
  if (value_bytes > settings.value_bytes_max) {
    pass->Reject(Rejection::Why::kValueTooLong, {}, settings.value_bytes_max);
    return false;
  }
  if (settings.size_bytes_max != 0 && sizes_->Bytes(pass->keyspace) >= settings.size_bytes_max) {
    pass->Reject(Rejection::Why::kFull, {}, settings.size_bytes_max);
    return false;
  }
  return true;
}

void Evaluator::Step(const PutOp& op, Pass* pass) {
  if (Takes(op.value.size(), pass)) writer_.Put(pass->keyspace, op.key, op.value);
}

void Evaluator::Step(const DeleteOp& op, Pass* pass) {
  if (op.want_existed) {
    const bool existed = FindRow(EngineKey(pass->keyspace, op.key), pass).has_value();
    pass->evaluation.result.existed = existed;
    if (!existed) return;
  }
  writer_.Delete(pass->keyspace, op.key);
}

void Evaluator::Step(const IncrementOp& op, Pass* pass) {
  const std::optional<Record> found = Find(op.key, pass);
  int64_t number = 0;
  if (found && !ReadNumber(found->value, &number)) {
    return pass->Reject(Rejection::Why::kNotANumber, RevisionOf(found));
  }
  if (__builtin_add_overflow(number, op.by, &number)) {
    return pass->Reject(Rejection::Why::kOverflow, RevisionOf(found));
  }
  const std::string text = std::to_string(number);
  if (!Takes(text.size(), pass)) return;
  writer_.Put(pass->keyspace, op.key, text);
  pass->evaluation.result.numbers.push_back(number);
}

void Evaluator::Step(const AppendOp& op, Pass* pass) {
  const std::optional<Record> found = Find(op.key, pass);
  const std::string value = (found ? found->value : std::string()) + op.bytes;
  if (!Takes(value.size(), pass)) return;
  writer_.Put(pass->keyspace, op.key, value);
  pass->evaluation.result.numbers.push_back(static_cast<int64_t>(value.size()));
}

void Evaluator::Step(const DeleteRangeOp& op, Pass* pass) {
  const KeyRange range = EngineRange(pass->keyspace, op.begin, op.end);
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

std::optional<Record> Evaluator::Find(std::string_view key, Pass* pass) {
  const std::optional<std::string> bytes = FindRow(EngineKey(pass->keyspace, key), pass);
  if (!bytes) return std::nullopt;
  const absl::StatusOr<Row> row = DecodeRow(*bytes);
  if (!row.ok()) {
    Note(row.status(), pass);
    return std::nullopt;
  }
  return Record{{}, std::string(row->value), row->revision};
}

std::optional<std::string> Evaluator::FindRow(const std::string& engine_key, Pass* pass) {
  IndexPending();
  if (const std::optional<Change> change = pending_.Find(engine_key, kEverything)) {
    if (change->deleted) return std::nullopt;
    return std::string(change->row);
  }
  if (auto found = overlay_->Find(engine_key, kSlotMax)) {
    if (found->deleted) return std::nullopt;
    return std::move(found->row);
  }
  auto row = engine_->Get(engine_key, ReadTier::kMemory);
  if (row.ok()) return *std::move(row);
  Note(row.status(), pass);
  pass->evaluation.needs.keys.push_back(engine_key);
  return std::nullopt;
}

Evaluation Evaluator::DropLogged(LossRequest* request) {
  const WriteRequest none;
  Pass pass{none, {}};
  std::vector<Loss> left;
  for (const Loss& loss : request->losses) {
    const std::string key = SystemKey(SystemTable::kLosses, LossSuffix(loss.entry, loss.index));
    if (!FindRow(key, &pass)) left.push_back(loss);
  }
  if (pass.evaluation.outcome == Evaluation::Outcome::kDone) request->losses = std::move(left);
  return std::move(pass.evaluation);
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
      pass->Reject(Rejection::Why::kTooManyRows);
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
