// What only the engine on disk does.
#include "engine/storage/rocksdb_engine.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "engine/storage/key_encoding.h"
#include "tests/engine/test_engines.h"

namespace baton::engine::testing {
namespace {

class RocksDbEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<RocksDbEngine> Open(RocksDbOptions options = {}) {
    auto engine = RocksDbEngine::Open(Path(), options);
    BATON_CHECK(engine.ok()) << engine.status().ToString();
    return *std::move(engine);
  }
  std::string Path() const { return dir_.Path("engine"); }
  static std::string K(uint64_t i) {
    return EngineKey(KeyspaceId{1}, std::to_string(1'000'000 + i));
  }

  static void Put(Engine* engine, uint64_t slot, uint64_t first, uint64_t count,
                  const std::string& value) {
    std::unique_ptr<WriteBatch> batch = engine->NewBatch();
    for (uint64_t i = 0; i < count; ++i) batch->Put(K(first + i), value);
    ASSERT_TRUE(engine->Apply(std::move(batch), Slot{slot}).ok());
  }

  TempDir dir_;
};

// As a keyspace that is dropped.
TEST_F(RocksDbEngineTest, WhatIsDeletedAndFlushedGivesItsSpaceBack) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  const KeyRange dropped = EngineRange(KeyspaceId{1}, {}, {});
  Put(engine.get(), 1, 0, 2'000, std::string(500, 'x'));
  std::unique_ptr<WriteBatch> other = engine->NewBatch();
  other->Put(EngineKey(KeyspaceId{2}, "stays"), "v");
  ASSERT_TRUE(engine->Apply(std::move(other), Slot{2}).ok());
  ASSERT_TRUE(engine->Flush().ok());
  EXPECT_GT(engine->ApproximateBytes(dropped.begin, dropped.end), 10'000u);

  std::unique_ptr<WriteBatch> drop = engine->NewBatch();
  drop->DeleteRange(dropped.begin, dropped.end);
  ASSERT_TRUE(engine->Apply(std::move(drop), Slot{3}).ok());
  ASSERT_TRUE(engine->Flush().ok());
  ASSERT_TRUE(engine->Reclaim(dropped.begin, dropped.end).ok());
  EXPECT_LE(engine->ApproximateBytes(dropped.begin, dropped.end), 1'000u);
  EXPECT_FALSE(engine->Get(K(7), ReadTier::kAny)->has_value());
  EXPECT_TRUE(engine->Get(EngineKey(KeyspaceId{2}, "stays"), ReadTier::kAny)->has_value());
}

TEST_F(RocksDbEngineTest, AFullMemtableRaisesTheFlushedSlotByItself) {
  RocksDbOptions options;
  options.write_buffer_bytes = 1 << 20;
  std::unique_ptr<RocksDbEngine> engine = Open(options);
  for (uint64_t slot = 1; slot <= 100; ++slot) {
    Put(engine.get(), slot, slot * 100, 100, std::string(500, 'x'));
  }
  // Flushes run beside us: the first of several must end.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (engine->flushed() == Slot{0} && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  const Slot flushed = engine->flushed();
  ASSERT_GT(flushed, Slot{0});
  ASSERT_LE(flushed, engine->applied());
  engine.reset();

  // After a crash the state is that of one slot: whole batches up to it, none above it.
  engine = Open(options);
  const uint64_t applied = engine->applied().value;
  EXPECT_GE(applied, flushed.value);
  EXPECT_EQ(AllRows(*engine).size(), applied * 100);
}

TEST_F(RocksDbEngineTest, TheMemoryTierMissesWhatOnlyTheDiskHas) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 1, 0, 1000, std::string(500, 'x'));
  EXPECT_TRUE(engine->Get(K(900), ReadTier::kMemory).ok());  // in the memtable
  ASSERT_TRUE(engine->Flush().ok());
  engine.reset();
  engine = Open();
  // Opening reads the row `applied`, whose block holds the first keys too.
  const auto cold = engine->Get(K(900), ReadTier::kMemory);
  EXPECT_TRUE(absl::IsUnavailable(cold.status())) << cold.status();
  {
    const std::unique_ptr<Snapshot> snapshot = engine->NewSnapshot();
    const std::unique_ptr<Iterator> it = snapshot->NewIterator(K(0), K(999), ReadTier::kMemory);
    it->SeekToFirst();
    while (it->Valid()) it->Next();
    EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  }
  EXPECT_EQ((*engine->Get(K(900), ReadTier::kAny))->size(), 500u);
  EXPECT_TRUE(engine->Get(K(900), ReadTier::kMemory).ok());  // now cached
}

TEST_F(RocksDbEngineTest, ASweepLeavesTheCacheAlone) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 1, 0, 5000, std::string(500, 'x'));
  ASSERT_TRUE(engine->Flush().ok());
  engine.reset();
  engine = Open();
  const std::unique_ptr<Snapshot> snapshot = engine->NewSnapshot();
  const std::unique_ptr<Iterator> it = snapshot->NewIterator(K(0), K(5000), ReadTier::kSweep);
  uint64_t rows = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
  EXPECT_EQ(rows, 5000u);
  EXPECT_TRUE(absl::IsUnavailable(engine->Get(K(2500), ReadTier::kMemory).status()));
}

TEST_F(RocksDbEngineTest, AStateOfANewerLayoutIsNotOpened) {
  std::string newer = EncodeApplied(Slot{2});
  newer[0] = 9;
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, Path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), AppliedKey(), newer).ok());
  }
  const auto engine = RocksDbEngine::Open(Path(), {});
  ASSERT_TRUE(absl::IsFailedPrecondition(engine.status())) << engine.status();
  EXPECT_NE(std::string(engine.status().message()).find("layout version 9"), std::string::npos);
}

TEST_F(RocksDbEngineTest, ManyRangesDeletedDoNotStayInTheMemtable) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 1, 0, 5000, "x");
  for (uint64_t i = 0; i < kRangeDeletesPerMemtableMax + 10; ++i) {
    std::unique_ptr<WriteBatch> batch = engine->NewBatch();
    batch->DeleteRange(K(i), K(i + 1));
    ASSERT_TRUE(engine->Apply(std::move(batch), Slot{2 + i}).ok());
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (engine->flushed() < Slot{2 + kRangeDeletesPerMemtableMax} &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_GE(engine->flushed(), Slot{2 + kRangeDeletesPerMemtableMax});
  EXPECT_EQ(AllRows(*engine).size(), 5000u - kRangeDeletesPerMemtableMax - 10);
}

TEST_F(RocksDbEngineTest, FinishesARestoreThatACrashInterrupted) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 7, 0, 3, "new");
  ASSERT_TRUE(engine->Checkpoint(Path() + ".restoring").ok());
  engine.reset();
  // Between the two renames: the old state is aside, the new one not yet in its place.
  std::filesystem::rename(Path(), Path() + ".replaced");
  engine = Open();
  EXPECT_EQ(engine->applied(), Slot{7});
  EXPECT_EQ(AllRows(*engine).size(), 3u);
  EXPECT_FALSE(std::filesystem::exists(Path() + ".replaced"));
  EXPECT_FALSE(std::filesystem::exists(Path() + ".restoring"));
}

TEST_F(RocksDbEngineTest, DropsARestoreThatHadNotBegunToReplace) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 7, 0, 3, "old");
  ASSERT_TRUE(engine->Flush().ok());
  engine.reset();
  std::filesystem::create_directory(Path() + ".restoring");  // half copied
  engine = Open();
  EXPECT_EQ(engine->applied(), Slot{7});
  EXPECT_FALSE(std::filesystem::exists(Path() + ".restoring"));
}

TEST_F(RocksDbEngineTest, ADamagedStateIsAnErrorNotACrash) {
  Open().reset();
  std::ofstream(Path() + "/CURRENT") << "MANIFEST-999999\n";
  const auto engine = RocksDbEngine::Open(Path(), {});
  ASSERT_FALSE(engine.ok());
  EXPECT_NE(std::string(engine.status().message()).find(Path()), std::string::npos)
      << engine.status();
}

TEST_F(RocksDbEngineTest, TellsItsProperties) {
  std::unique_ptr<RocksDbEngine> engine = Open();
  Put(engine.get(), 1, 0, 1000, std::string(100, 'x'));
  ASSERT_TRUE(engine->Flush().ok());
  std::map<std::string, uint64_t> properties;
  for (const auto& [name, value] : engine->Properties()) properties[name] = value;
  EXPECT_GT(properties["files_bytes"], 1000u);
  EXPECT_EQ(properties["level0_files"], 1u);
  EXPECT_EQ(properties.size(), 8u);
}

}  // namespace
}  // namespace baton::engine::testing
