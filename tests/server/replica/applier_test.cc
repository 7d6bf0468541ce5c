#include "server/replica/applier.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state/effects.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/view.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"
#include "tests/server/replica/sim_cluster.h"
#include "tests/server/replica/testing.h"

namespace baton::server {
namespace {

class ApplierTest : public ::testing::Test {
 protected:
  ApplierTest() { Restart(1 << 30, 1 << 30); }

  void Restart(uint64_t replay_bytes_max, uint64_t truncate_bytes_min) {
    applier_ = std::make_unique<Applier>(
        &engine_, &catalog_, &sessions_, &orders_, &sizes_, &wal_, &clock_, &metrics_,
        Applier::Limits{replay_bytes_max, truncate_bytes_min, log_retention_bytes_},
        Applier::Hooks{[this](Slot slot) { applied_ = slot; }, [this](Slot slot) { trim_ = slot; },
                       [this](std::vector<KeyspaceId> dropped) { dropped_ = std::move(dropped); },
                       [this](const std::string& reason) { fatal_.push_back(reason); }});
  }

  // An entry that puts key -> value, and states a floor.
  wal::EntryRecord Entry(uint64_t slot, const std::string& key, const std::string& value,
                         Slot floor = {}) {
    engine::EffectsWriter writer(Revision{slot * 10});
    writer.BeginRequest();
    writer.Put(kDefaultKeyspace, key, value);
    writer.EndRequest();
    EntryStamp stamp;
    stamp.request_count = 1;
    stamp.base_revision = writer.base();
    stamp.log_floor = floor;
    return RecordOf(slot, stamp, writer.bytes());
  }
  ApplyItem Item(const wal::EntryRecord& record) {
    return ApplyItem{record.id.slot, record.id.slot, record.bytes};
  }
  std::optional<engine::Record> Get(const std::string& key) {
    return *engine::GetNow(engine_, overlay_, kDefaultKeyspace, key, Slot{},
                           engine::ReadTier::kAny);
  }

  void Change(uint64_t slot, decltype(engine::KeyspaceRequest::change) change) {
    engine::EffectsWriter writer(Revision{slot * 10});
    const auto done = engine::ChangeKeyspaces({std::move(change), "", ""}, {Slot{slot}, 0, 0},
                                              &keyspaces_, &writer);
    ASSERT_TRUE(done.ok());
    EntryStamp stamp;
    stamp.request_count = 1;
    stamp.base_revision = writer.base();
    applier_->Submit({Item(RecordOf(slot, stamp, writer.bytes()))});
    applier_->RunOnce();
  }
  // Applied and flushed, one after the other, with a KiB each: the last asks for truncation.
  void ApplyFlushed(uint64_t first, uint64_t last) {
    for (uint64_t slot = first; slot <= last; ++slot) {
      ASSERT_TRUE(engine_.Flush().ok());
      applier_->Submit({Item(Entry(slot, "k", std::string(1'000, 'x'), Slot{1}))});
      applier_->RunOnce();
    }
  }

  uint64_t log_retention_bytes_ = 1 << 30;
  engine::MemoryEngine engine_;
  engine::Catalog catalog_;
  engine::Keyspaces keyspaces_;
  engine::Sessions sessions_;
  OrderBook orders_;
  engine::KeyspaceSizes sizes_;
  engine::Overlay overlay_;
  FakeWal wal_;
  SimClock clock_;
  Metrics metrics_;
  Slot applied_, trim_;
  std::vector<KeyspaceId> dropped_;
  std::vector<std::string> fatal_;
  std::unique_ptr<Applier> applier_;
};

TEST_F(ApplierTest, AppliesEntriesFromMemoryAndFromTheLog) {
  std::vector<wal::Record> stored;
  for (uint64_t slot = 2; slot <= 6; ++slot) {
    stored.push_back(Entry(slot, "k" + std::to_string(slot), "v"));
  }
  ASSERT_TRUE(wal_.Append(stored).ok());
  applier_->Submit(
      {Item(Entry(1, "k1", "v")), ApplyItem{Slot{2}, Slot{6}, nullptr}, Item(Entry(7, "k2", "w"))});
  EXPECT_GT(applier_->backlog_bytes(), 0u);
  EXPECT_TRUE(applier_->RunOnce());
  EXPECT_FALSE(applier_->RunOnce());
  EXPECT_EQ(applied_, Slot{7});
  EXPECT_EQ(engine_.applied(), Slot{7});
  EXPECT_EQ(Get("k2")->value, "w");
  EXPECT_EQ(Get("k2")->revision, Revision{70});
  EXPECT_EQ(Get("k6")->value, "v");
  EXPECT_EQ(applier_->backlog_bytes(), 0u);
}

TEST_F(ApplierTest, AnEntryFromTheFutureIsFatalAndNamesItsSlot) {
  applier_->Submit({Item(RecordOf(1, {}, "\x63 not effects"))});
  applier_->RunOnce();
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_NE(fatal_[0].find("slot 1"), std::string::npos) << fatal_[0];
  EXPECT_EQ(engine_.applied(), Slot{});
  applier_->Submit({Item(Entry(2, "k", "v"))});
  EXPECT_FALSE(applier_->RunOnce());
}

TEST_F(ApplierTest, FlushesWhenTheLogAboveItIsLong) {
  Restart(/*replay_bytes_max=*/1'000, /*truncate_bytes_min=*/1 << 30);
  applier_->Submit({Item(Entry(1, "k", "short"))});
  applier_->RunOnce();
  EXPECT_EQ(engine_.flushed(), Slot{});
  applier_->Submit({Item(Entry(2, "k", std::string(1'000, 'x')))});
  applier_->RunOnce();
  EXPECT_EQ(engine_.flushed(), Slot{2});
}

TEST_F(ApplierTest, TrimsBelowFlushedAndFloorAndKeepsTheLastEntry) {
  Restart(/*replay_bytes_max=*/1 << 30, /*truncate_bytes_min=*/1);
  applier_->Submit({Item(Entry(1, "k", "v")), Item(Entry(2, "k", "v", Slot{1}))});
  applier_->RunOnce();
  EXPECT_EQ(trim_, Slot{});  // nothing is flushed
  ASSERT_TRUE(engine_.Flush().ok());
  applier_->Submit({Item(Entry(3, "k", "v", Slot{1}))});
  applier_->RunOnce();
  EXPECT_EQ(trim_, Slot{1});  // the floor
  ASSERT_TRUE(engine_.Flush().ok());
  applier_->Submit({Item(Entry(4, "k", "v", Slot{4}))});
  applier_->RunOnce();
  EXPECT_EQ(trim_, Slot{2});  // what a crash leaves applied ends with slot 3, which stays
}

TEST_F(ApplierTest, KeepsTheLogForThoseThatAreAwayUpToItsRetention) {
  log_retention_bytes_ = 100'000;
  Restart(/*replay_bytes_max=*/1 << 30, /*truncate_bytes_min=*/1);
  ApplyFlushed(1, 60);
  EXPECT_EQ(trim_, Slot{1}) << "the floor: all of it is within the retention";
  ApplyFlushed(61, 300);
  EXPECT_GT(trim_, Slot{190}) << "100 entries and what else there is to them";
  EXPECT_LT(trim_, Slot{220});
}

TEST_F(ApplierTest, KeepsTheLogAboveASnapshotOnItsWayAndLetsItGoAtOnce) {
  log_retention_bytes_ = 10'000;
  Restart(/*replay_bytes_max=*/1 << 30, /*truncate_bytes_min=*/1);
  ApplyFlushed(1, 50);
  EXPECT_GT(trim_, Slot{30});
  applier_->KeepLogAbove(Slot{50});
  ApplyFlushed(51, 300);
  EXPECT_EQ(trim_, Slot{50});
  EXPECT_FALSE(applier_->RunOnce());
  applier_->KeepLogAbove(kSlotNone);
  EXPECT_TRUE(applier_->RunOnce()) << "no entry has to come for it: the disk may be full";
  EXPECT_GT(trim_, Slot{280});
}

TEST_F(ApplierTest, LooksAgainAtAKeyspaceThatWasFullThoughNothingIsApplied) {
  engine::CreateKeyspace create{"orders", {}};
  create.settings.size_bytes_max = 1'000;
  Change(1, create);
  const KeyspaceId orders = catalog_.Find("orders")->id;
  const engine::KeyRange rows = engine::EngineRange(orders, {}, {});
  EXPECT_EQ(applier_->NextDeadlineUs(), kNever);
  engine::EffectsWriter writer(Revision{20});
  writer.BeginRequest();
  writer.Put(orders, "k", std::string(2'000, 'x'));
  writer.EndRequest();
  EntryStamp stamp;
  stamp.request_count = 1;
  stamp.base_revision = writer.base();
  clock_.now_us += Applier::kSizeLookUs;
  applier_->Submit({Item(RecordOf(2, stamp, writer.bytes()))});
  applier_->RunOnce();
  EXPECT_GT(sizes_.Bytes(orders), 2'000u);
  EXPECT_EQ(applier_->NextDeadlineUs(), clock_.now_us + Applier::kSizeLookUs);
  EXPECT_FALSE(applier_->RunOnce()) << "not yet";

  auto batch = engine_.NewBatch();  // compaction, say
  batch->DeleteRange(rows.begin, rows.end);
  ASSERT_TRUE(engine_.Apply(std::move(batch), Slot{3}).ok());
  ASSERT_TRUE(engine_.Flush().ok());
  clock_.now_us += Applier::kSizeLookUs;
  EXPECT_TRUE(applier_->RunOnce());
  EXPECT_EQ(sizes_.Bytes(orders), 0u);
  EXPECT_EQ(applier_->NextDeadlineUs(), kNever);
}

TEST_F(ApplierTest, TellsOfAKeyspaceThatWasDropped) {
  Change(1, engine::CreateKeyspace{"orders", {}});
  const KeyspaceId orders = catalog_.Find("orders")->id;
  EXPECT_TRUE(dropped_.empty());
  Change(2, engine::DropKeyspace{"orders"});
  EXPECT_EQ(catalog_.Find("orders"), nullptr);
  EXPECT_EQ(dropped_, std::vector<KeyspaceId>{orders});
}

}  // namespace
}  // namespace baton::server
