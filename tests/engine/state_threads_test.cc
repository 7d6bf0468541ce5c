// Readers beside the loop and the applier: views stay whole while slots are applied and forgotten.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/state/apply.h"
#include "engine/state/overlay.h"
#include "engine/state/view.h"
#include "tests/engine/test_engines.h"

namespace baton::engine::testing {
namespace {

constexpr KeyspaceId kSpace{1};
constexpr uint64_t kSlots = 3000;
constexpr int kKeys = 20;

class StateThreads : public ::testing::TestWithParam<Kind> {};

INSTANTIATE_TEST_SUITE_P(Engines, StateThreads, ::testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& info) { return NameOf(info.param); });

// Each entry puts its slot under every key but one, which it deletes: a view that tears shows two
// slots, or another key missing.
std::shared_ptr<const std::string> Entry(uint64_t slot) {
  EffectsWriter writer(Revision{slot});
  writer.BeginRequest();
  for (int key = 0; key < kKeys; ++key) {
    writer.Put(kSpace, std::to_string(100 + key), std::to_string(slot));
  }
  writer.Delete(kSpace, std::to_string(100 + slot % kKeys));
  writer.EndRequest();
  return std::make_shared<const std::string>(writer.bytes());
}

void CheckWhole(const View& view, const std::atomic<uint64_t>& pace) {
  if (view.slot() == Slot{}) return;
  ScanSpec spec;
  spec.keyspace = kSpace;
  spec.limit = 7;
  int seen = 0;
  for (;;) {
    const auto page = view.Scan(spec, ReadTier::kAny);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const Record& record : page->records) {
      ASSERT_EQ(record.revision, Revision{view.slot().value});
      ASSERT_NE(record.key, std::to_string(100 + view.slot().value % kKeys));
      ++seen;
    }
    if (!page->next) break;
    spec.begin = *page->next;
    // Let the applier pass between two pages, unless it has ended.
    const uint64_t from = pace;
    while (pace == from && from < kSlots) std::this_thread::yield();
  }
  ASSERT_EQ(seen, kKeys - 1);
}

TEST_P(StateThreads, ViewsStayWholeWhileTheApplierPasses) {
  TestEngine engine(GetParam());
  Overlay overlay;
  Catalog catalog;
  std::atomic<uint64_t> proposed{0};
  std::atomic<uint64_t> applied{0};

  std::thread applier_thread([&] {
    Sessions sessions;
    BatchApplier applier(engine.get(), &catalog, &sessions);
    while (applied < kSlots) {
      const uint64_t upto = proposed;
      if (upto == applied) std::this_thread::yield();
      for (uint64_t slot = applied + 1; slot <= upto && applier.entries() < 8; ++slot) {
        ASSERT_TRUE(applier.Add(Slot{slot}, *Entry(slot), Revision{slot}, 0).ok());
      }
      ASSERT_TRUE(applier.Commit().ok());
      applied = engine->applied().value;
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      while (applied < kSlots) {
        const uint64_t read_slot = proposed;
        if (i == 0) {
          const auto record =
              GetNow(*engine, overlay, kSpace, "105", Slot{read_slot}, ReadTier::kAny);
          ASSERT_TRUE(record.ok()) << record.status();
          if (*record) {
            ASSERT_GE((*record)->revision.value + 1, read_slot);
          }
          continue;
        }
        const View view(*engine, overlay, Slot{read_slot});
        ASSERT_GE(view.slot(), Slot{read_slot});
        CheckWhole(view, applied);
        if (HasFatalFailure()) return;
      }
    });
  }
  // The loop: a little ahead of the applier, forgetting behind it.
  for (uint64_t slot = 1; slot <= kSlots; ++slot) {
    const auto bytes = Entry(slot);
    ASSERT_TRUE(overlay.Add(Slot{slot}, bytes, *bytes, Revision{slot}).ok());
    proposed = slot;
    overlay.ForgetUpTo(Slot{applied});
    while (slot > applied + 30) std::this_thread::yield();
  }
  applier_thread.join();
  for (std::thread& reader : readers) reader.join();
  overlay.ForgetUpTo(Slot{kSlots});
  EXPECT_EQ(overlay.bytes(), 0u);
}

}  // namespace
}  // namespace baton::engine::testing
