#include "engine/state/catalog.h"

#include <gtest/gtest.h>

#include "engine/state/apply.h"
#include "engine/state/keyspace_change.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

class CatalogTest : public ::testing::Test {
 protected:
  // Sequences the change and, if it has effects, applies it as an entry of its own.
  absl::StatusOr<KeyspaceResult> Do(decltype(KeyspaceRequest::change) change) {
    EffectsWriter writer(next_);
    const KeyspaceRequest request{std::move(change), "ann", "why not"};
    auto result =
        ChangeKeyspaces(request, ChangeStamp{Slot{slot_ + 1}, 10, 1'000}, &sequenced_, &writer);
    if (writer.empty()) return result;
    EXPECT_TRUE(applier_.Add(Slot{++slot_}, writer.bytes(), writer.base(), 0).ok());
    EXPECT_TRUE(applier_.Commit().ok());
    next_ = writer.next_revision();
    return result;
  }
  void Put(KeyspaceId keyspace, const std::string& key) {
    EffectsWriter writer(next_);
    writer.BeginRequest();
    writer.Put(keyspace, key, "v");
    writer.EndRequest();
    EXPECT_TRUE(applier_.Add(Slot{++slot_}, writer.bytes(), writer.base(), 0).ok());
    EXPECT_TRUE(applier_.Commit().ok());
    next_ = writer.next_revision();
  }
  KeyspaceChangeRow RowOf(KeyspaceId id, Revision revision) {
    const auto row =
        engine_.Get(SystemKey(SystemTable::kKeyspaceChanges, KeyspaceChangeSuffix(id, revision)),
                    ReadTier::kAny);
    return *DecodeKeyspaceChange(id, DecodeRow(**row)->value);
  }

  MemoryEngine engine_;
  Catalog catalog_;
  Sessions sessions_;
  BatchApplier applier_{&engine_, &catalog_, &sessions_};
  Keyspaces sequenced_;
  Revision next_{1};
  uint64_t slot_ = 0;
};

TEST_F(CatalogTest, DefaultExistsFromTheStart) {
  EXPECT_EQ(catalog_.Find("default")->id, kDefaultKeyspace);
  EXPECT_EQ(catalog_.Find("")->id, kDefaultKeyspace);
  EXPECT_EQ(catalog_.Find("orders"), nullptr);
  EXPECT_EQ(catalog_.Find(KeyspaceId{7}), nullptr);
}

TEST_F(CatalogTest, LearnsKeyspacesAsTheyAreApplied) {
  const auto orders = Do(CreateKeyspace{"orders", {.mode = KeyspaceMode::kAsync}});
  ASSERT_TRUE(orders.ok());
  EXPECT_EQ(*catalog_.Find("orders"), orders->info);
  EXPECT_EQ(*catalog_.Find(orders->info.id), orders->info);
  EXPECT_EQ(orders->info.created_wall_us, 1'000);
  EXPECT_EQ(catalog_.Read().List().size(), 2u);

  Catalog reopened;
  ASSERT_TRUE(reopened.Load(engine_).ok());
  EXPECT_EQ(*reopened.Find("orders"), orders->info);
}

TEST_F(CatalogTest, RepeatingAChangeDoesNothing) {
  const CreateKeyspace create{"orders", {.mode = KeyspaceMode::kAsync}};
  ASSERT_FALSE(Do(create)->unchanged);
  EXPECT_TRUE(Do(create)->unchanged);
  EXPECT_TRUE(absl::IsAlreadyExists(Do(CreateKeyspace{"orders", {}}).status()));
  AlterKeyspace alter;
  alter.name = "orders";
  alter.max_unreplicated_ops = 5;
  EXPECT_FALSE(Do(alter)->unchanged);
  EXPECT_TRUE(Do(alter)->unchanged);
  EXPECT_EQ(catalog_.Find("orders")->settings.max_unreplicated_ops, 5u);
  EXPECT_EQ(catalog_.Find("orders")->settings.mode, KeyspaceMode::kAsync);
  EXPECT_EQ(slot_, 2u);
}

TEST_F(CatalogTest, KeepsWhoWantedAChangeAndWhy) {
  const auto created = Do(CreateKeyspace{"orders", {}});
  const KeyspaceChangeRow row = RowOf(created->info.id, created->revision);
  EXPECT_EQ(row.what, KeyspaceChangeRow::What::kCreated);
  EXPECT_EQ(row.actor, "ann");
  EXPECT_EQ(row.reason, "why not");
  EXPECT_EQ(row.stamp.slot, Slot{1});
  EXPECT_EQ(row.info, created->info);
}

TEST_F(CatalogTest, DroppingDeletesTheRowsAndGivesTheNumberToNoOther) {
  const KeyspaceId first = Do(CreateKeyspace{"orders", {}})->info.id;
  Put(first, "a");
  Put(kDefaultKeyspace, "a");
  const auto dropped = Do(DropKeyspace{"orders"});
  ASSERT_TRUE(dropped.ok());
  EXPECT_EQ(RowOf(first, dropped->revision).what, KeyspaceChangeRow::What::kDropped);
  EXPECT_EQ(catalog_.Find("orders"), nullptr);
  EXPECT_EQ(applier_.TakeDropped(), std::vector<KeyspaceId>{first});
  EXPECT_FALSE(engine_.Get(EngineKey(first, "a"), ReadTier::kAny)->has_value());
  EXPECT_TRUE(engine_.Get(EngineKey(kDefaultKeyspace, "a"), ReadTier::kAny)->has_value());
  EXPECT_TRUE(absl::IsNotFound(Do(DropKeyspace{"orders"}).status()));
  EXPECT_TRUE(Do(DropKeyspace{"orders", first})->unchanged) << "asked for again";

  sequenced_ = *Keyspaces::Load(engine_);  // as a new leader has it
  const KeyspaceId second = Do(CreateKeyspace{"orders", {}})->info.id;
  EXPECT_GT(second, first);
  for (const KeyspaceId other : {first, kDefaultKeyspace, KeyspaceId{99}}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(Do(DropKeyspace{"orders", other}).status()))
        << other.value;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(Do(DropKeyspace{"others", second}).status()));
  EXPECT_NE(catalog_.Find("orders"), nullptr);
  EXPECT_FALSE(Do(DropKeyspace{"orders", second})->unchanged);
}

TEST_F(CatalogTest, RefusesWhatMakesNoSense) {
  for (const char* name : {"", "Orders", "1st", "system", "a b", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Do(CreateKeyspace{name, {}}).status())) << name;
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(Do(CreateKeyspace{"k", {.max_unreplicated_ops = 0}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Do(CreateKeyspace{"k", {.value_bytes_max = kValueBytesMax + 1}}).status()));
  AlterKeyspace alter;
  alter.name = "nowhere";
  EXPECT_TRUE(absl::IsNotFound(Do(alter).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Do(DropKeyspace{"default"}).status()));
  EXPECT_EQ(slot_, 0u);
}

}  // namespace
}  // namespace baton::engine
