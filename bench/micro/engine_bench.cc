// What the state costs a put: evaluation, overlay, apply; and what reads cost.
//
// Keys uniform over 100,000, values of 256 bytes, as in bench/README.md.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/state/apply.h"
#include "engine/state/evaluator.h"
#include "engine/state/view.h"
#include "engine/storage/rocksdb_engine.h"

namespace baton::engine {
namespace {

constexpr uint64_t kKeys = 100'000;

// An engine in a directory of its own, with the loop's and the applier's tools around it.
class Bench {
 public:
  Bench() {
    directory_ = (std::filesystem::temp_directory_path() / "baton_bench_XXXXXX").string();
    BATON_CHECK(::mkdtemp(directory_.data()) != nullptr);
    auto opened = RocksDbEngine::Open(directory_ + "/engine", {});
    BATON_CHECK(opened.ok()) << opened.status().ToString();
    engine = *std::move(opened);
    applier = std::make_unique<BatchApplier>(engine.get(), &catalog, &sessions);
    evaluator = std::make_unique<Evaluator>(engine.get(), &overlay, &keyspaces, &sizes);
    evaluator->BeginEntry(Revision{1});
  }
  ~Bench() {
    engine.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::string Key(uint64_t number) { return "user" + std::to_string(1'000'000 + number); }
  WriteRequest Put() {
    return WriteRequest{kDefaultKeyspace, {PutOp{Key(random() % kKeys), std::string(256, 'v')}}};
  }
  // Takes the entry in progress as the next slot's.
  std::shared_ptr<const std::string> Take() {
    base = evaluator->effects().base();
    auto bytes = std::make_shared<const std::string>(evaluator->effects().bytes());
    evaluator->BeginEntry(evaluator->effects().next_revision());
    ++slot.value;
    return bytes;
  }
  void Apply(std::string_view effects) {
    BATON_CHECK(applier->Add(slot, effects, base, 0).ok());
    BATON_CHECK(applier->Commit().ok());
  }
  void Fill() {
    for (uint64_t number = 0; number < kKeys; ++number) {
      const WriteRequest request{kDefaultKeyspace, {PutOp{Key(number), std::string(256, 'v')}}};
      evaluator->Evaluate(request, 0);
      if (number % 1000 == 999) Apply(*Take());
    }
  }

  std::mt19937_64 random{1};
  std::unique_ptr<RocksDbEngine> engine;
  Catalog catalog;
  Sessions sessions;
  Overlay overlay;
  std::unique_ptr<BatchApplier> applier;
  Keyspaces keyspaces;
  KeyspaceSizes sizes;
  std::unique_ptr<Evaluator> evaluator;
  Slot slot;
  Revision base;

 private:
  std::string directory_;
};

void BM_EvaluatePut(benchmark::State& state) {
  Bench bench;
  const WriteRequest request = bench.Put();
  uint64_t count = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bench.evaluator->Evaluate(request, 0));
    if (++count % 256 == 0) bench.evaluator->BeginEntry(Revision{1});
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EvaluatePut);

// Adds an entry of so many puts and forgets it eight entries later.
void BM_OverlayAddForget(benchmark::State& state) {
  Bench bench;
  std::vector<std::shared_ptr<const std::string>> entries;
  for (int i = 0; i < 64; ++i) {
    for (int64_t put = 0; put < state.range(0); ++put) bench.evaluator->Evaluate(bench.Put(), 0);
    entries.push_back(bench.Take());
    bench.evaluator->BeginEntry(Revision{1});
  }
  uint64_t slot = 0;
  for (auto _ : state) {
    const auto& bytes = entries[++slot % entries.size()];
    BATON_CHECK(bench.overlay.Add(Slot{slot}, bytes, *bytes, Revision{1}).ok());
    if (slot > 8) bench.overlay.ForgetUpTo(Slot{slot - 8});
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_OverlayAddForget)->Arg(64)->Arg(512);

// Decoding effects and writing them to RocksDB, flushes and compactions beside it.
void BM_ApplyPuts(benchmark::State& state) {
  Bench bench;
  bench.Fill();
  for (auto _ : state) {
    state.PauseTiming();
    for (int64_t put = 0; put < state.range(0); ++put) bench.evaluator->Evaluate(bench.Put(), 0);
    const auto bytes = bench.Take();
    state.ResumeTiming();
    bench.Apply(*bytes);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ApplyPuts)->Arg(16)->Arg(64)->Arg(256)->Arg(1024);

void BM_GetNow(benchmark::State& state) {
  Bench bench;
  bench.Fill();
  for (auto _ : state) {
    const auto record = GetNow(*bench.engine, bench.overlay, kDefaultKeyspace,
                               Bench::Key(bench.random() % kKeys), bench.slot, ReadTier::kAny);
    BATON_CHECK(record.ok() && record->has_value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetNow);

// As above, with ranges deleted in the memtable.
void BM_GetNowBesideDeletedRanges(benchmark::State& state) {
  Bench bench;
  bench.Fill();
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string key = Bench::Key(static_cast<uint64_t>(i) * 90);
    bench.evaluator->Evaluate(
        WriteRequest{kDefaultKeyspace, {DeleteRangeOp{key, key + "\1", false}}}, 0);
  }
  bench.Apply(*bench.Take());
  for (auto _ : state) {
    const auto record = GetNow(*bench.engine, bench.overlay, kDefaultKeyspace,
                               Bench::Key(bench.random() % kKeys), bench.slot, ReadTier::kAny);
    BATON_CHECK(record.ok());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetNowBesideDeletedRanges)->Arg(10)->Arg(1000);

void BM_OpenView(benchmark::State& state) {
  Bench bench;
  bench.Fill();
  for (auto _ : state) {
    const View view(*bench.engine, bench.overlay, Slot{bench.slot.value + 1});
    benchmark::DoNotOptimize(view.slot());
  }
}
BENCHMARK(BM_OpenView);

void BM_ScanPage(benchmark::State& state) {
  Bench bench;
  bench.Fill();
  for (auto _ : state) {
    const View view(*bench.engine, bench.overlay, bench.slot);
    ScanSpec spec;
    spec.begin = Bench::Key(bench.random() % (kKeys - 200));
    spec.limit = 100;
    const auto page = view.Scan(spec, ReadTier::kAny);
    BATON_CHECK(page.ok() && page->records.size() == 100);
  }
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(BM_ScanPage);

}  // namespace
}  // namespace baton::engine
