#include "engine/state/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/state/apply.h"
#include "engine/storage/key_encoding.h"
#include "engine/storage/memory_engine.h"

namespace baton::engine {
namespace {

using std::string_literals::operator""s;
using ::testing::HasSubstr;

TEST(Catalog, DefaultExistsFromTheStart) {
  const Catalog catalog;
  EXPECT_EQ(catalog.FindKeyspace("default"), kDefaultKeyspace);
  EXPECT_EQ(catalog.FindKeyspace(""), kDefaultKeyspace);
  EXPECT_EQ(catalog.FindKeyspace("orders"), std::nullopt);
  EXPECT_EQ(catalog.Find(KeyspaceId{7}), std::nullopt);
}

TEST(Catalog, LearnsKeyspacesAsTheyAreApplied) {
  MemoryEngine engine;
  Catalog catalog;
  BatchApplier applier(&engine, &catalog);
  KeyspaceInfo orders;
  orders.id = KeyspaceId{7};
  orders.name = "orders";
  orders.mode = KeyspaceMode::kAsync;
  orders.created_wall_us = 1234;
  EffectsWriter writer(Revision{1});
  writer.BeginRequest();
  PutKeyspace(DefaultKeyspaceInfo(99), &writer);
  PutKeyspace(orders, &writer);
  writer.EndRequest();
  ASSERT_TRUE(applier.Add(Slot{1}, writer.bytes(), Revision{1}).ok());
  EXPECT_EQ(catalog.FindKeyspace("orders"), std::nullopt);
  ASSERT_TRUE(applier.Commit().ok());
  EXPECT_EQ(catalog.FindKeyspace("orders"), KeyspaceId{7});
  EXPECT_EQ(catalog.Find(KeyspaceId{7}), orders);
  EXPECT_EQ(catalog.Find(kDefaultKeyspace)->created_wall_us, 99);
  EXPECT_EQ(catalog.List().size(), 2u);

  Catalog reopened;
  ASSERT_TRUE(reopened.Load(engine).ok());
  EXPECT_EQ(reopened.List(), catalog.List());
}

TEST(KeyspaceRow, GoldenBytes) {
  EXPECT_EQ(EncodeKeyspace(DefaultKeyspaceInfo(5)),
            "\x01\x01\x07"
            "default"
            "\x02\x01\x01"
            "\x03\x01\x01"
            "\x04\x01\x05"s);
}

TEST(KeyspaceRow, WhatIsNewerIsNamed) {
  const auto error = [](const std::string& bytes) {
    const absl::Status status = DecodeKeyspace(KeyspaceId{1}, bytes).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(error("\x02"s), HasSubstr("version 2"));
  EXPECT_THAT(error("\x01\x01\x01k\x02\x01\x03"s), HasSubstr("mode 3"));
  EXPECT_THAT(error("\x01\x01\x01k\x03\x01\x02"s), HasSubstr("kind of versions 2"));
  EXPECT_THAT(error("\x01\x01\x01k\x09\x01\x02"s), HasSubstr("field 9"));
}

TEST(KeyspaceRow, DamageIsAnError) {
  const std::string good = EncodeKeyspace(DefaultKeyspaceInfo(5));
  const std::string damaged[] = {""s,
                                 "\x01"s,
                                 "\x00"s + good.substr(1),
                                 good.substr(0, good.size() - 1),
                                 good + "\x01\x01k"s,  // a field twice
                                 "\x01\x01\x00"s};     // no name
  for (const std::string& bytes : damaged) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeKeyspace(KeyspaceId{1}, bytes).status()));
  }
}

}  // namespace
}  // namespace baton::engine
