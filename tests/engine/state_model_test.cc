// Overlay, views, evaluation and apply against one map a slot, on both engines, over many seeds.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/digest.h"
#include "engine/state/evaluator.h"
#include "engine/state/view.h"
#include "tests/engine/test_engines.h"

namespace baton::engine::testing {
namespace {

constexpr KeyspaceId kSpace{3};

struct Cell {
  std::string value;
  Revision revision;
  friend bool operator==(const Cell&, const Cell&) = default;
};
using State = std::map<std::string, Cell>;

bool IsNumber(const std::string& value) {
  return !value.empty() && value.find_first_not_of("-0123456789") == std::string::npos;
}

class World {
 public:
  World(Kind kind, uint64_t seed) : engine_(kind), random_(seed) {
    KeyspaceInfo space;
    space.id = kSpace;
    space.name = "space";
    keyspaces_.Put(space);
    evaluator_.emplace(engine_.get(), &overlay_, &keyspaces_, &sizes_);
    evaluator_->BeginEntry(Revision{1});
    states_.push_back({});
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
      const uint64_t what = Random(100);
      if (what < 35) {
        Propose();
      } else if (what < 50) {
        Apply();
      } else if (what < 60) {
        OpenView();
      } else if (what < 65 && !views_.empty()) {
        views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(Random(views_.size())));
      } else if (what < 90) {
        CheckNow();
        if (!views_.empty()) CheckView(views_[Random(views_.size())]);
      } else if (what < 92) {
        ASSERT_TRUE(engine_->Flush().ok());
        flushed_ = applied_;
      } else if (what == 92) {
        Crash();
      } else if (what == 93) {
        StopLeading();
      }
    }
    if (::testing::Test::HasFatalFailure()) return;
    for (OpenedView& view : views_) CheckView(view);
    views_.clear();
    while (applied_ < last()) Apply();
    EXPECT_EQ(overlay_.bytes(), 0u);
  }

  Engine& engine() { return *engine_; }

 private:
  struct OpenedView {
    std::unique_ptr<View> view;
    Slot slot;
    State state;  // as it was: a later reign may give the slot again
  };

  uint64_t Random(uint64_t below) { return random_() % below; }
  std::string Key() { return "k" + std::to_string(Random(40)); }
  uint64_t last() const { return states_.size() - 1; }

  // A random request, what it does to the state, and its result.
  std::pair<WriteRequest, WriteResult> NewRequest(State* state, Revision revision) {
    WriteRequest request{kSpace, {}, {}};
    WriteResult result;
    State after = *state;
    bool effects = false;
    if (Random(4) == 0) AddCondition(*state, &request, &result);
    for (uint64_t ops = 1 + Random(3); ops > 0; --ops) {
      AddOp(revision, &request, &after, &result, &effects);
    }
    if (result.rejection) {
      WriteResult nothing;
      nothing.rejection = result.rejection;
      return {std::move(request), std::move(nothing)};
    }
    *state = std::move(after);
    if (effects) result.revision = revision;
    return {std::move(request), std::move(result)};
  }

  void AddCondition(const State& state, WriteRequest* request, WriteResult* result) {
    Condition condition;
    condition.key = Key();
    const auto found = state.find(condition.key);
    const bool there = found != state.end();
    bool holds = false;
    switch (Random(4)) {
      case 0:
        condition.kind = Condition::Kind::kAbsent;
        holds = !there;
        break;
      case 1:
        condition.kind = Condition::Kind::kExists;
        holds = there;
        break;
      case 2:
        condition.kind = Condition::Kind::kRevision;
        condition.revision = there && Random(2) == 0 ? found->second.revision : Revision{1};
        holds = there && found->second.revision == condition.revision;
        break;
      default:
        condition.kind = Condition::Kind::kValue;
        condition.value = there && Random(2) == 0 ? found->second.value : "another";
        holds = there && found->second.value == condition.value;
    }
    if (!holds) {
      const Revision seen = there ? found->second.revision : Revision{};
      result->rejection = Rejection{Rejection::Why::kCondition, 0, seen};
    }
    request->conditions.push_back(std::move(condition));
  }

  void AddOp(Revision revision, WriteRequest* request, State* state, WriteResult* result,
             bool* effects) {
    const uint64_t what = Random(14);
    const std::string a = Key(), b = Key();
    const auto at = static_cast<uint32_t>(request->ops.size());
    if (what < 5) {
      const std::string value(Random(50), static_cast<char>('a' + Random(26)));
      request->ops.push_back(PutOp{a, value});
      (*state)[a] = Cell{value, revision};
      *effects = true;
    } else if (what < 8) {
      const bool want = Random(2) == 0;
      request->ops.push_back(DeleteOp{a, want});
      const bool was = state->erase(a) > 0;
      if (want) result->existed = was;
      *effects |= !want || was;
    } else if (what < 10) {
      const std::string begin = std::min(a, b), end = Random(8) == 0 ? "" : std::max(a, b);
      const bool want = Random(2) == 0;
      request->ops.push_back(DeleteRangeOp{begin, end, want});
      const auto first = state->lower_bound(begin);
      const auto past = end.empty() ? state->end() : state->lower_bound(end);
      const auto count = static_cast<uint64_t>(std::distance(first, past));
      state->erase(first, past);
      if (want) result->deleted = result->deleted.value_or(0) + count;
      *effects |= want ? count > 0 : begin != end;
    } else if (what < 12) {
      const std::string counter = Random(8) == 0 ? a : "n" + std::to_string(Random(4));
      const int64_t by = static_cast<int64_t>(Random(9)) - 4;
      request->ops.push_back(IncrementOp{counter, by});
      if (result->rejection) return;
      const auto found = state->find(counter);
      if (found != state->end() && !IsNumber(found->second.value)) {
        result->rejection = Rejection{Rejection::Why::kNotANumber, at, found->second.revision};
        return;
      }
      const int64_t sum = by + (found == state->end() ? 0 : std::stoll(found->second.value));
      result->numbers.push_back(sum);
      (*state)[counter] = Cell{std::to_string(sum), revision};
      *effects = true;
    } else {
      const std::string log = "s" + std::to_string(Random(4));
      request->ops.push_back(AppendOp{log, "+"});
      Cell& cell = (*state)[log];
      cell = Cell{cell.value + "+", revision};
      result->numbers.push_back(static_cast<int64_t>(cell.value.size()));
      *effects = true;
    }
  }

  // One entry of several requests, evaluated one after the other.
  void Propose() {
    const Revision base = evaluator_->effects().base();
    State state = states_.back();
    for (uint64_t requests = 1 + Random(4); requests > 0; --requests) {
      const auto [request, expected] = NewRequest(&state, evaluator_->effects().next_revision());
      uint32_t parked = 0;
      Evaluation evaluation = evaluator_->Evaluate(request, parked);
      while (evaluation.outcome == Evaluation::Outcome::kNeeds) {
        ASSERT_TRUE(Load(*engine_, evaluation.needs).ok());
        evaluation = evaluator_->Evaluate(request, ++parked);
      }
      ASSERT_EQ(evaluation.outcome, Evaluation::Outcome::kDone);
      ASSERT_EQ(evaluation.result, expected);
    }
    auto bytes = std::make_shared<const std::string>(evaluator_->effects().bytes());
    states_.push_back(std::move(state));
    log_.push_back({bytes, base});
    ASSERT_TRUE(overlay_.Add(Slot{last()}, bytes, *bytes, base).ok());
    evaluator_->BeginEntry(evaluator_->effects().next_revision());
  }

  void Apply() {
    if (applied_ == last()) return;
    BatchApplier applier(engine_.get(), &catalog_, &sessions_);
    for (uint64_t count = 1 + Random(5); count > 0 && applied_ < last(); --count) {
      const auto& [bytes, base] = log_[applied_];
      ++applied_;
      ASSERT_TRUE(applier.Add(Slot{applied_}, *bytes, base, 0).ok());
    }
    ASSERT_TRUE(applier.Commit().ok());
    overlay_.ForgetUpTo(Slot{applied_});
  }

  void OpenView() {
    const uint64_t slot = applied_ + Random(last() - applied_ + 1);
    auto view = std::make_unique<View>(*engine_, overlay_, Slot{slot});
    ASSERT_EQ(view->slot(), Slot{slot});
    views_.push_back({std::move(view), Slot{slot}, states_[slot]});
  }

  // The engine falls back to its flush and takes the log from there.
  void Crash() {
    views_.clear();
    overlay_.Clear();
    const Revision base = evaluator_->effects().base();
    engine_.LosePower();
    evaluator_.emplace(engine_.get(), &overlay_, &keyspaces_,
                       &sizes_);  // the engine may be another object now
    evaluator_->BeginEntry(base);
    applied_ = engine_->applied().value;
    ASSERT_GE(applied_, flushed_);
    for (uint64_t slot = applied_ + 1; slot <= last(); ++slot) {
      const auto& [bytes, base] = log_[slot - 1];
      ASSERT_TRUE(overlay_.Add(Slot{slot}, bytes, *bytes, base).ok());
    }
  }

  // What was not applied is gone; open views keep what they saw.
  void StopLeading() {
    overlay_.Clear();
    states_.resize(applied_ + 1);
    log_.resize(applied_);
    evaluator_->BeginEntry(Revision{evaluator_->effects().base().value + 1000});
  }

  static std::optional<Cell> CellOf(const State& state, const std::string& key) {
    const auto it = state.find(key);
    return it == state.end() ? std::nullopt : std::optional<Cell>(it->second);
  }
  static std::optional<Cell> CellOf(const std::optional<Record>& record) {
    return record ? std::optional<Cell>(Cell{record->value, record->revision}) : std::nullopt;
  }

  void CheckNow() {
    const std::string key = Key();
    const uint64_t slot = applied_ + Random(last() - applied_ + 1);
    const auto record = GetNow(*engine_, overlay_, kSpace, key, Slot{slot}, ReadTier::kAny);
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_EQ(CellOf(*record), CellOf(states_[slot], key)) << key << " at " << slot;
    const std::vector<std::string> keys = {Key(), Key(), Key()};
    const auto records = MultiGetNow(*engine_, overlay_, kSpace, keys, Slot{slot}, ReadTier::kAny);
    ASSERT_TRUE(records.ok()) << records.status();
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(CellOf((*records)[i]), CellOf(states_[slot], keys[i])) << keys[i];
    }
  }

  void CheckView(const OpenedView& opened) {
    const std::string key = Key();
    const auto record = opened.view->Get(kSpace, key, ReadTier::kAny);
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_EQ(CellOf(*record), CellOf(opened.state, key)) << key;

    // All pages of a range, in either direction.
    const std::string a = Key(), b = Key();
    ScanSpec spec;
    spec.keyspace = kSpace;
    spec.begin = Random(3) == 0 ? "" : std::min(a, b);
    spec.end = Random(3) == 0 ? "" : std::max(a, b);
    spec.reverse = Random(2) == 0;
    spec.limit = 1 + Random(7);
    std::vector<std::pair<std::string, Cell>> expected(
        opened.state.lower_bound(spec.begin),
        spec.end.empty() ? opened.state.end() : opened.state.lower_bound(spec.end));
    if (spec.reverse) std::reverse(expected.begin(), expected.end());
    std::vector<std::pair<std::string, Cell>> found;
    for (;;) {
      const auto page = opened.view->Scan(spec, ReadTier::kAny);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const Record& each : page->records) {
        found.emplace_back(each.key, Cell{each.value, each.revision});
      }
      if (!page->next) break;
      ASSERT_EQ(page->records.size(), spec.limit);
      (spec.reverse ? spec.end : spec.begin) = *page->next;
    }
    ASSERT_EQ(found, expected);
  }

  TestEngine engine_;
  std::mt19937_64 random_;
  Catalog catalog_;
  Sessions sessions_;
  Overlay overlay_;
  Keyspaces keyspaces_;
  KeyspaceSizes sizes_;
  std::optional<Evaluator> evaluator_;
  std::vector<State> states_;                                                 // by slot
  std::vector<std::pair<std::shared_ptr<const std::string>, Revision>> log_;  // slot 1 first
  std::vector<OpenedView> views_;
  uint64_t applied_ = 0;
  uint64_t flushed_ = 0;
};

TEST(StateModel, AgreesOnTheMemoryEngine) {
  for (uint64_t seed = 1; seed <= 300 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(Kind::kMemory, seed).Run(150);
  }
}

TEST(StateModel, AgreesOnRocksDb) {
  for (uint64_t seed = 1; seed <= 15 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(Kind::kRocksDb, seed).Run(400);
  }
}

TEST(StateModel, BothEnginesGiveOneDigest) {
  // Crashes draw no random numbers, so both worlds take the same steps.
  World memory(Kind::kMemory, 77), rocksdb(Kind::kRocksDb, 77);
  memory.Run(200);
  rocksdb.Run(200);
  const auto a = DigestKeyspace(*memory.engine().NewSnapshot(), kSpace);
  const auto b = DigestKeyspace(*rocksdb.engine().NewSnapshot(), kSpace);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_GT(a->count, 0u);
  EXPECT_EQ(a->digest, b->digest);
  EXPECT_EQ(a->count, b->count);
  EXPECT_EQ(a->applied, b->applied);
}

TEST(Digest, TellsKeysValuesAndRevisionsApart) {
  const auto digest = [](const std::string& key, const std::string& value, uint64_t revision) {
    MemoryEngine engine;
    Catalog catalog;
    Sessions sessions;
    BatchApplier applier(&engine, &catalog, &sessions);
    EffectsWriter writer(Revision{revision});
    writer.BeginRequest();
    writer.Put(kSpace, key, value);
    writer.Put(KeyspaceId{4}, "another keyspace", value);
    writer.EndRequest();
    EXPECT_TRUE(applier.Add(Slot{1}, writer.bytes(), Revision{revision}, 0).ok());
    EXPECT_TRUE(applier.Commit().ok());
    const auto result = DigestKeyspace(*engine.NewSnapshot(), kSpace);
    EXPECT_EQ(result->count, 1u);
    return result->digest;
  };
  EXPECT_EQ(digest("k", "v", 1), digest("k", "v", 1));
  EXPECT_NE(digest("k", "v", 1), digest("k", "v", 2));
  EXPECT_NE(digest("k", "v", 1), digest("k", "w", 1));
  EXPECT_NE(digest("k", "v", 1), digest("kv", "", 1));
}

}  // namespace
}  // namespace baton::engine::testing
