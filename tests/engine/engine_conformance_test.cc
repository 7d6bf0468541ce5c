// What every Engine does, asked of both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/storage/key_encoding.h"
#include "tests/engine/test_engines.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class EngineConformance : public ::testing::TestWithParam<Kind> {
 protected:
  // Keys of keyspace 7.
  static std::string K(const std::string& key) { return EngineKey(KeyspaceId{7}, key); }

  void Apply(uint64_t slot, const std::function<void(WriteBatch*)>& fill) {
    std::unique_ptr<WriteBatch> batch = engine_->NewBatch();
    fill(batch.get());
    ASSERT_TRUE(engine_->Apply(std::move(batch), Slot{slot}).ok());
  }
  void Put(uint64_t slot, const std::string& key, const std::string& value) {
    Apply(slot, [&](WriteBatch* batch) { batch->Put(K(key), value); });
  }
  std::string Get(const std::string& key) {
    const auto value = engine_->Get(K(key), ReadTier::kAny);
    return !value.ok() ? value.status().ToString() : value->value_or("(none)");
  }

  TestEngine engine_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Engines, EngineConformance,
                         ::testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& info) { return NameOf(info.param); });

TEST_P(EngineConformance, StartsEmptyAtSlotZero) {
  EXPECT_EQ(engine_->applied(), Slot{0});
  EXPECT_EQ(engine_->flushed(), Slot{0});
  EXPECT_EQ(Get("a"), "(none)");
  EXPECT_EQ(engine_->NewSnapshot()->applied(), Slot{0});
  EXPECT_THAT(AllRows(*engine_), IsEmpty());
}

TEST_P(EngineConformance, AppliesABatchInItsOrder) {
  Apply(5, [&](WriteBatch* batch) {
    batch->Put(K("a"), "1");
    batch->Put(K("b"), "2");
    batch->DeleteRange(K("a"), K("c"));
    batch->Put(K("b"), "3");
    batch->Put(K("c"), "4");
    batch->Delete(K("c"));
    EXPECT_GT(batch->bytes(), 20u);
  });
  EXPECT_EQ(engine_->applied(), Slot{5});
  EXPECT_THAT(AllRows(*engine_), ElementsAre(Pair(K("b"), "3")));
}

TEST_P(EngineConformance, MultiGetAnswersInOrderAndForRepeatedKeys) {
  Put(1, "a", "1");
  Put(2, "b", "");
  const std::string a = K("a"), b = K("b"), c = K("c");
  const auto values = engine_->MultiGet({{c, a, b, a}}, ReadTier::kAny);
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(*values[0], std::nullopt);
  EXPECT_EQ(*values[1], "1");
  EXPECT_EQ(*values[2], "");
  EXPECT_EQ(*values[3], "1");
}

TEST_P(EngineConformance, MultiGetIsBounded) {
  const std::string large(1 << 20, 'x');
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(K(std::to_string(100 + i)));
  Apply(1, [&](WriteBatch* batch) {
    for (const std::string& key : keys) batch->Put(key, large);
  });
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const auto values = engine_->MultiGet(views, ReadTier::kAny);
  ASSERT_EQ(values.size(), keys.size());
  EXPECT_TRUE(values.front().ok());
  EXPECT_TRUE(absl::IsResourceExhausted(values.back().status())) << values.back().status();
}

TEST_P(EngineConformance, ASnapshotDoesNotChange) {
  Put(1, "a", "1");
  Put(2, "b", "1");
  const std::unique_ptr<Snapshot> snapshot = engine_->NewSnapshot();
  Apply(3, [&](WriteBatch* batch) {
    batch->DeleteRange(K(""), K("\xff"));
    batch->Put(K("a"), "2");
  });
  ASSERT_TRUE(engine_->Flush().ok());
  EXPECT_EQ(snapshot->applied(), Slot{2});
  EXPECT_EQ(**snapshot->Get(K("a"), ReadTier::kAny), "1");
  EXPECT_EQ(**snapshot->Get(K("b"), ReadTier::kAny), "1");
  EXPECT_EQ(Get("a"), "2");
  EXPECT_EQ(Get("b"), "(none)");
}

TEST_P(EngineConformance, IteratorsKeepToTheirBounds) {
  Apply(1, [&](WriteBatch* batch) {
    for (const char* key : {"a", "b", "c", "d", "e"}) batch->Put(K(key), key);
    batch->Put(EngineKey(KeyspaceId{6}, "z"), "");
    batch->Put(EngineKey(KeyspaceId{8}, ""), "");
  });
  const std::unique_ptr<Snapshot> snapshot = engine_->NewSnapshot();
  const std::unique_ptr<Iterator> it = snapshot->NewIterator(K("b"), K("e"), ReadTier::kAny);
  const auto at = [&] { return it->Valid() ? std::string(UserKey(it->key())) : "(end)"; };
  it->SeekToFirst();
  EXPECT_EQ(at(), "b");
  it->Next();
  EXPECT_EQ(at(), "c");
  it->Prev();
  EXPECT_EQ(at(), "b");
  it->Prev();
  EXPECT_EQ(at(), "(end)");
  EXPECT_TRUE(it->status().ok());
  it->SeekToLast();
  EXPECT_EQ(at(), "d");
  it->Next();
  EXPECT_EQ(at(), "(end)");
  it->Seek(K("a"));
  EXPECT_EQ(at(), "b");
  it->Seek(K("cc"));
  EXPECT_EQ(at(), "d");
  it->Seek(K("dd"));
  EXPECT_EQ(at(), "(end)");
  it->SeekForPrev(K("z"));
  EXPECT_EQ(at(), "d");
  it->SeekForPrev(K("cc"));
  EXPECT_EQ(at(), "c");
  it->SeekForPrev(K("aa"));
  EXPECT_EQ(at(), "(end)");
}

TEST_P(EngineConformance, APowerCutLeavesTheLastFlush) {
  Put(1, "a", "1");
  Apply(4, [&](WriteBatch* batch) { batch->Put(K("b"), "1"); });
  ASSERT_TRUE(engine_->Flush().ok());
  EXPECT_EQ(engine_->flushed(), Slot{4});
  Put(5, "a", "2");
  Apply(6, [&](WriteBatch* batch) { batch->DeleteRange(K("b"), K("c")); });
  EXPECT_EQ(engine_->flushed(), Slot{4});
  EXPECT_EQ(Get("b"), "(none)");

  engine_.LosePower();
  EXPECT_EQ(engine_->applied(), Slot{4});
  EXPECT_EQ(engine_->flushed(), Slot{4});
  EXPECT_THAT(AllRows(*engine_), ElementsAre(Pair(K("a"), "1"), Pair(K("b"), "1")));

  // Replay gives what was lost.
  Put(5, "a", "2");
  Apply(6, [&](WriteBatch* batch) { batch->DeleteRange(K("b"), K("c")); });
  EXPECT_THAT(AllRows(*engine_), ElementsAre(Pair(K("a"), "2")));
  EXPECT_EQ(engine_->applied(), Slot{6});
}

TEST_P(EngineConformance, APowerCutBeforeAnyFlushLeavesNothing) {
  Put(3, "a", "1");
  engine_.LosePower();
  EXPECT_EQ(engine_->applied(), Slot{0});
  EXPECT_EQ(Get("a"), "(none)");
}

// In pieces of odd sizes, as a network would.
void CopyImage(Engine* from, const std::string& image, Engine* to, const std::string& copy) {
  const auto reader = from->OpenImage(image);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto writer = to->NewImage(copy);
  ASSERT_TRUE(writer.ok()) << writer.status();
  uint64_t position = 0;
  for (size_t size = 1; position < (*reader)->bytes(); size = size * 3 % 4099 + 1) {
    const auto piece = (*reader)->Read(position, size);
    ASSERT_TRUE(piece.ok()) << piece.status();
    ASSERT_FALSE(piece->empty());
    ASSERT_TRUE((*writer)->Append(*piece).ok());
    position += piece->size();
  }
  ASSERT_EQ(position, (*reader)->bytes());
  ASSERT_TRUE((*writer)->Finish().ok());
}

TEST_P(EngineConformance, AnImageThatIsNotWholeIsRefused) {
  Put(1, "a", "1");
  const std::string image = engine_.dir().Path("image");
  ASSERT_TRUE(engine_->Checkpoint(image).ok());
  const auto reader = engine_->OpenImage(image);
  ASSERT_TRUE(reader.ok());
  const std::string copy = engine_.dir().Path("copy");
  const auto writer = engine_->NewImage(copy);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append(*(*reader)->Read(0, (*reader)->bytes() - 1)).ok());
  const bool finished = (*writer)->Finish().ok();
  EXPECT_TRUE(!finished || !engine_->Restore(copy).ok());
  EXPECT_EQ(Get("a"), "1");
  EXPECT_TRUE(engine_->RemoveImage(copy).ok());
  EXPECT_TRUE(engine_->RemoveImage(copy).ok()) << "there is none any more";
}

TEST_P(EngineConformance, ACheckpointRestoresElsewhere) {
  Put(1, "a", "1");
  Put(2, "b", "2");
  const std::string image = engine_.dir().Path("image");
  const absl::StatusOr<Slot> slot = engine_->Checkpoint(image);
  ASSERT_TRUE(slot.ok()) << slot.status();
  EXPECT_EQ(*slot, Slot{2});
  EXPECT_FALSE(engine_->Checkpoint(image).ok());  // exists already
  EXPECT_FALSE(engine_->ImageApplied(engine_.dir().Path("missing")).ok());
  Put(3, "c", "3");

  TestEngine other(GetParam());
  std::unique_ptr<WriteBatch> batch = other->NewBatch();
  batch->Put(K("z"), "old");
  ASSERT_TRUE(other->Apply(std::move(batch), Slot{1}).ok());
  const std::string copy = other.dir().Path("copy");
  CopyImage(engine_.get(), image, other.get(), copy);
  const absl::StatusOr<Slot> copied = other->ImageApplied(copy);
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(*copied, Slot{2});
  ASSERT_TRUE(other->Restore(copy).ok());
  EXPECT_EQ(other->applied(), Slot{2});
  EXPECT_EQ(other->flushed(), Slot{2});
  EXPECT_THAT(AllRows(*other), ElementsAre(Pair(K("a"), "1"), Pair(K("b"), "2")));
  other.LosePower();
  EXPECT_EQ(other->applied(), Slot{2});
  EXPECT_THAT(AllRows(*other), ElementsAre(Pair(K("a"), "1"), Pair(K("b"), "2")));
}

TEST_P(EngineConformance, RestoringWhatIsNoImageChangesNothing) {
  Put(1, "a", "1");
  EXPECT_FALSE(engine_->Restore(engine_.dir().Path("missing")).ok());
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(engine_->applied(), Slot{1});
}

TEST_P(EngineConformance, AgreesWithAMapOverRandomBatches) {
  std::mt19937_64 random(7);
  std::map<std::string, std::string> model;
  std::map<std::string, std::string> flushed;
  uint64_t slot = 0, flushed_slot = 0;
  const auto key = [&] { return K(std::to_string(random() % 60)); };
  for (int round = 0; round < 400; ++round) {
    Apply(++slot, [&](WriteBatch* batch) {
      for (uint64_t i = random() % 6; i > 0; --i) {
        const std::string a = key(), b = key();
        const uint64_t what = random() % 10;
        if (what < 6) {
          model[a] = std::to_string(random());
          batch->Put(a, model[a]);
        } else if (what < 9) {
          model.erase(a);
          batch->Delete(a);
        } else if (a < b) {
          model.erase(model.lower_bound(a), model.lower_bound(b));
          batch->DeleteRange(a, b);
        }
      }
    });
    const uint64_t then = random() % 40;
    if (then == 0) {
      ASSERT_TRUE(engine_->Flush().ok());
      flushed = model;
      flushed_slot = slot;
    } else if (then == 1) {
      engine_.LosePower();
      model = flushed;
      slot = flushed_slot;
    }
    ASSERT_EQ(engine_->applied(), Slot{slot});
    ASSERT_EQ(AllRows(*engine_),
              (std::vector<std::pair<std::string, std::string>>(model.begin(), model.end())));
  }
}

TEST_P(EngineConformance, ReadersBesideAWriterSeeWholeBatches) {
  constexpr uint64_t kSlots = 2000;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      const std::string a = K("a"), b = K("b");
      while (!done) {
        const std::unique_ptr<Snapshot> snapshot = engine_->NewSnapshot();
        const auto first = snapshot->Get(a, ReadTier::kAny);
        const auto second = snapshot->Get(b, ReadTier::kAny);
        ASSERT_TRUE(first.ok() && second.ok());
        ASSERT_EQ(*first, *second);
        ASSERT_EQ(first->value_or("0"), std::to_string(snapshot->applied().value));
        const auto both = engine_->MultiGet({{a, b}}, ReadTier::kAny);
        ASSERT_EQ(*both[0], *both[1]);
      }
    });
  }
  for (uint64_t slot = 1; slot <= kSlots; ++slot) {
    Apply(slot, [&](WriteBatch* batch) {
      batch->Put(K("a"), std::to_string(slot));
      batch->Put(K("b"), std::to_string(slot));
    });
    if (slot % 500 == 0) {
      ASSERT_TRUE(engine_->Flush().ok());
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace baton::engine::testing
