#include "engine/state/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "engine/state/row.h"
#include "engine/state/view.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

using ::testing::ElementsAre;

constexpr KeyspaceId kSpace{1};

class OverlayTest : public ::testing::Test {
 protected:
  // Adds an entry of one request; its revision is its slot.
  void Add(uint64_t slot, const std::function<void(EffectsWriter*)>& fill) {
    EffectsWriter writer(Revision{slot});
    writer.BeginRequest();
    fill(&writer);
    writer.EndRequest();
    auto bytes = std::make_shared<const std::string>("header" + std::string(writer.bytes()));
    const std::string_view effects = std::string_view(*bytes).substr(6);
    ASSERT_TRUE(overlay_.Add(Slot{slot}, bytes, effects, Revision{slot}).ok());
  }
  void Put(uint64_t slot, const std::string& key, const std::string& value) {
    Add(slot, [&](EffectsWriter* w) { w->Put(kSpace, key, value); });
  }
  void DeleteRange(uint64_t slot, const std::string& begin, const std::string& end) {
    Add(slot, [&](EffectsWriter* w) {
      const KeyRange range = EngineRange(kSpace, begin, end);
      w->DeleteRange(range.begin, range.end);
    });
  }
  // "value", "(deleted)" or "(unknown)".
  std::string Find(const std::string& key, uint64_t upto) {
    const auto found = overlay_.Find(EngineKey(kSpace, key), Slot{upto});
    if (!found) return "(unknown)";
    return found->deleted ? "(deleted)" : std::string(DecodeRow(found->row)->value);
  }

  Overlay overlay_;
};

TEST_F(OverlayTest, FindsTheNewestAtOrBelowASlot) {
  Put(3, "a", "three");
  Put(5, "a", "five");
  Add(7, [](EffectsWriter* w) { w->Delete(kSpace, "a"); });
  EXPECT_EQ(Find("a", 2), "(unknown)");
  EXPECT_EQ(Find("a", 3), "three");
  EXPECT_EQ(Find("a", 4), "three");
  EXPECT_EQ(Find("a", 6), "five");
  EXPECT_EQ(Find("a", 7), "(deleted)");
  EXPECT_EQ(Find("a", ~uint64_t{0}), "(deleted)");
  EXPECT_EQ(Find("b", 7), "(unknown)");
}

TEST_F(OverlayTest, TheLastChangeOfAnEntryWins) {
  Add(3, [](EffectsWriter* w) {
    w->Put(kSpace, "a", "1");
    w->Put(kSpace, "a", "2");
    w->Put(kSpace, "b", "1");
    w->Delete(kSpace, "b");
  });
  EXPECT_EQ(Find("a", 3), "2");
  EXPECT_EQ(Find("b", 3), "(deleted)");
}

TEST_F(OverlayTest, RangesHideWhatIsOlder) {
  Put(3, "b", "old");
  DeleteRange(4, "a", "c");
  Put(5, "bb", "new");
  EXPECT_EQ(Find("b", 3), "old");
  EXPECT_EQ(Find("b", 4), "(deleted)");
  EXPECT_EQ(Find("a", 4), "(deleted)");
  EXPECT_EQ(Find("a", 3), "(unknown)");
  EXPECT_EQ(Find("c", 4), "(unknown)");
  EXPECT_EQ(Find("bb", 5), "new");
  EXPECT_EQ(Find("bb", 4), "(deleted)");
}

TEST_F(OverlayTest, ForgetsWhatIsApplied) {
  Put(3, "a", "three");
  DeleteRange(4, "x", "z");
  Put(5, "a", "five");
  const uint64_t full = overlay_.bytes();
  overlay_.ForgetUpTo(Slot{3});
  EXPECT_EQ(Find("a", 4), "(unknown)");
  EXPECT_EQ(Find("a", 5), "five");
  EXPECT_EQ(Find("y", 4), "(deleted)");
  EXPECT_LT(overlay_.bytes(), full);
  overlay_.ForgetUpTo(Slot{9});
  EXPECT_EQ(Find("a", 5), "(unknown)");
  EXPECT_EQ(Find("y", 9), "(unknown)");
  EXPECT_EQ(overlay_.bytes(), 0u);
}

TEST_F(OverlayTest, APinHoldsSlotsAndItsEndLetsThemGo) {
  Put(3, "a", "three");
  Put(4, "a", "four");
  overlay_.ForgetUpTo(Slot{2});
  std::unique_ptr<Overlay::Pin> early = overlay_.NewPin();
  overlay_.ForgetUpTo(Slot{3});
  std::unique_ptr<Overlay::Pin> late = overlay_.NewPin();
  overlay_.ForgetUpTo(Slot{4});
  EXPECT_EQ(Find("a", 3), "three");
  EXPECT_EQ(Find("a", 4), "four");
  early.reset();
  EXPECT_EQ(Find("a", 3), "(unknown)");
  EXPECT_EQ(Find("a", 4), "four");
  late.reset();
  EXPECT_EQ(Find("a", 4), "(unknown)");
  EXPECT_EQ(overlay_.bytes(), 0u);
}

TEST_F(OverlayTest, ClearLeavesAnOpenViewWhatItSaw) {
  MemoryEngine engine;
  Put(3, "a", "three");
  const View view(engine, overlay_, Slot{3});
  overlay_.Clear();
  EXPECT_EQ(Find("a", 3), "(unknown)");
  EXPECT_EQ(overlay_.bytes(), 0u);
  Put(3, "a", "another reign's");  // slots may come again
  EXPECT_EQ((*view.Get(kSpace, "a", ReadTier::kAny))->value, "three");
  EXPECT_EQ(Find("a", 3), "another reign's");
}

TEST_F(OverlayTest, KeysLiveAsLongAsTheirOwnEntry) {
  // The entry that first named the key goes first; the key must not point into it.
  Put(3, std::string(100, 'k'), "three");
  Put(4, std::string(100, 'k'), "four");
  overlay_.ForgetUpTo(Slot{3});
  EXPECT_EQ(Find(std::string(100, 'k'), 4), "four");
}

TEST_F(OverlayTest, RangesAreChargedHigh) {
  DeleteRange(3, "a", "b");
  EXPECT_GE(overlay_.bytes(), EffectIndex::kRangeCharge);
}

TEST_F(OverlayTest, DamagedEffectsAreAnError) {
  auto bytes = std::make_shared<const std::string>("\x01\x01\x09");
  EXPECT_FALSE(overlay_.Add(Slot{1}, bytes, *bytes, Revision{1}).ok());
}

class ViewTest : public OverlayTest {
 protected:
  void ApplyPut(uint64_t slot, const std::string& key, const std::string& value) {
    std::unique_ptr<WriteBatch> batch = engine_.NewBatch();
    std::string row;
    AppendRow(&row, Revision{slot}, value);
    batch->Put(EngineKey(kSpace, key), row);
    ASSERT_TRUE(engine_.Apply(std::move(batch), Slot{slot}).ok());
  }
  // "key=value" of one page, "next X" last.
  std::vector<std::string> Page(const View& view, const ScanSpec& spec) {
    const absl::StatusOr<ScanPage> page = view.Scan(spec, ReadTier::kAny);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> told;
    for (const Record& record : page->records) told.push_back(record.key + "=" + record.value);
    if (page->next) told.push_back("next " + *page->next);
    return told;
  }

  MemoryEngine engine_;
};

TEST_F(ViewTest, MergesEngineAndOverlay) {
  ApplyPut(1, "a", "engine");
  ApplyPut(2, "b", "engine");
  ApplyPut(3, "d", "engine");
  Put(4, "b", "overlay");
  Put(5, "c", "overlay");
  DeleteRange(6, "d", "e");
  Put(7, "z", "too new");
  const View view(engine_, overlay_, Slot{6});
  EXPECT_EQ(view.slot(), Slot{6});
  ScanSpec spec;
  EXPECT_THAT(Page(view, spec), ElementsAre("a=engine", "b=overlay", "c=overlay"));
  spec.reverse = true;
  EXPECT_THAT(Page(view, spec), ElementsAre("c=overlay", "b=overlay", "a=engine"));
  spec.begin = "b";
  spec.end = "c";
  EXPECT_THAT(Page(view, spec), ElementsAre("b=overlay"));
  const auto record = view.Get(kSpace, "b", ReadTier::kAny);
  EXPECT_EQ((*record)->revision, Revision{4});
  EXPECT_EQ(*view.Get(kSpace, "d", ReadTier::kAny), std::nullopt);
}

TEST_F(ViewTest, AnEngineAheadOfTheReadSlotIsReadAlone) {
  Put(1, "a", "one");
  ApplyPut(1, "a", "one");
  ApplyPut(2, "a", "two");
  const View view(engine_, overlay_, Slot{1});
  EXPECT_EQ(view.slot(), Slot{2});
  EXPECT_EQ((*view.Get(kSpace, "a", ReadTier::kAny))->value, "two");
}

TEST_F(ViewTest, PagesByRecordsBothWays) {
  for (uint64_t i = 0; i < 5; ++i) ApplyPut(1 + i, std::string(1, 'a' + i), "v");
  const View view(engine_, overlay_, Slot{});
  ScanSpec spec;
  spec.limit = 2;
  EXPECT_THAT(Page(view, spec), ElementsAre("a=v", "b=v", "next c"));
  spec.begin = "c";
  EXPECT_THAT(Page(view, spec), ElementsAre("c=v", "d=v", "next e"));
  spec.begin = "e";
  EXPECT_THAT(Page(view, spec), ElementsAre("e=v"));
  spec.begin = "";
  spec.reverse = true;
  EXPECT_THAT(Page(view, spec), ElementsAre("e=v", "d=v", "next d"));
  spec.end = "d";
  EXPECT_THAT(Page(view, spec), ElementsAre("c=v", "b=v", "next b"));
  spec.end = "b";
  EXPECT_THAT(Page(view, spec), ElementsAre("a=v"));
  spec.keys_only = true;
  EXPECT_THAT(Page(view, spec), ElementsAre("a="));
}

TEST_F(ViewTest, PagesByBytesWithAtLeastOneRecord) {
  const std::string large(kValueBytesMax, 'x');
  ApplyPut(1, std::string(kKeyBytesMax, 'a'), large);
  ApplyPut(2, "b", "small");
  ApplyPut(3, "c", large);
  const View view(engine_, overlay_, Slot{});
  ScanSpec spec;
  auto page = view.Scan(spec, ReadTier::kAny);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->next, "b");
  spec.begin = "b";
  page = view.Scan(spec, ReadTier::kAny);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->next, "c");
}

TEST_F(ViewTest, ANewerRowIsAnErrorNotAGap) {
  std::unique_ptr<WriteBatch> batch = engine_.NewBatch();
  batch->Put(EngineKey(kSpace, "a"), "\x09");
  ASSERT_TRUE(engine_.Apply(std::move(batch), Slot{1}).ok());
  const View view(engine_, overlay_, Slot{});
  EXPECT_FALSE(view.Get(kSpace, "a", ReadTier::kAny).ok());
  EXPECT_FALSE(view.Scan(ScanSpec{}, ReadTier::kAny).ok());
}

}  // namespace
}  // namespace baton::engine
