#include "client/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baton::client {
namespace {

v1::ExchangeRequest Parse(const std::string& bytes) {
  v1::ExchangeRequest request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

TEST(Encode, RequestsJoinedEndToEndAreOneRequest) {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(1234);
  options.keyspace = "ks";
  options.durability = Durability::kQuorum;
  options.actor = "me";
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("b");
  batch.DeleteRange("c", "d");
  const v1::ExchangeRequest request =
      Parse(EncodeGet(1, "k", {}) + EncodePut(2, "k", std::string(2000, 'v'), options) +
            EncodeDelete(3, "k", {.want_existed = true}, {}) +
            EncodeDeleteRange(4, "a", "", {.want_count = true}, {}) + EncodeBatch(5, batch, {}) +
            EncodeMultiGet(6, {"x", "y"}, {}) +
            EncodeScan(7, {.prefix = "p", .reverse = true}, {.limit = 9, .page_token = "t"}, {}));
  ASSERT_EQ(request.items_size(), 7);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(request.items(i).id(), static_cast<uint64_t>(i + 1));
  EXPECT_EQ(request.items(0).get().key(), "k");
  EXPECT_EQ(request.items(0).get().context().timeout_ms(), 5000u);
  const v1::PutRequest& put = request.items(1).put();
  EXPECT_EQ(put.value().size(), 2000u);
  EXPECT_EQ(put.context().timeout_ms(), 1234u);
  EXPECT_EQ(put.context().keyspace(), "ks");
  EXPECT_EQ(put.context().durability(), v1::DURABILITY_QUORUM);
  EXPECT_EQ(put.context().actor(), "me");
  EXPECT_TRUE(request.items(2).delete_().want_existed());
  EXPECT_TRUE(request.items(3).delete_range().want_count());
  ASSERT_EQ(request.items(4).batch().ops_size(), 3);
  EXPECT_EQ(request.items(4).batch().ops(0).put().value(), "1");
  EXPECT_EQ(request.items(4).batch().ops(1).delete_key(), "b");
  EXPECT_EQ(request.items(4).batch().ops(2).delete_range().end(), "d");
  EXPECT_THAT(request.items(5).multi_get().keys(), testing::ElementsAre("x", "y"));
  EXPECT_EQ(request.items(6).scan().prefix(), "p");
  EXPECT_TRUE(request.items(6).scan().reverse());
  EXPECT_EQ(request.items(6).scan().limit(), 9u);
  EXPECT_EQ(request.items(6).scan().page_token(), "t");
}

TEST(Encode, WritesCarryConditions) {
  const auto put = [](Condition condition) {
    return Parse(EncodePut(1, "k", "v", {.condition = std::move(condition)})).items(0).put();
  };
  EXPECT_FALSE(put({}).has_condition());
  EXPECT_EQ(put(Condition::Absent()).condition().what_case(), v1::Condition::kExists);
  EXPECT_FALSE(put(Condition::Absent()).condition().exists());
  EXPECT_TRUE(put(Condition::Exists()).condition().exists());
  EXPECT_EQ(put(Condition::AtRevision(7)).condition().revision(), 7u);
  EXPECT_EQ(put(Condition::HasValue("x")).condition().value(), "x");

  WriteBatch batch;
  batch.Increment("n", -2, "counters");
  batch.Append("log", "+");
  batch.Require("k", Condition::AtRevision(3), "other");
  CallOptions options;
  options.condition = Condition::Absent();  // of one key: a batch has its own
  const v1::BatchRequest request = Parse(EncodeBatch(1, batch, options)).items(0).batch();
  ASSERT_EQ(request.ops_size(), 2);
  EXPECT_EQ(request.ops(0).increment().by(), -2);
  EXPECT_EQ(request.ops(0).keyspace(), "counters");
  EXPECT_EQ(request.ops(1).append().value(), "+");
  ASSERT_EQ(request.conditions_size(), 1);
  EXPECT_EQ(request.conditions(0).key(), "k");
  EXPECT_EQ(request.conditions(0).keyspace(), "other");
  EXPECT_EQ(request.conditions(0).revision(), 3u);
  EXPECT_EQ(Parse(EncodeIncrement(1, "n", 5, {})).items(0).increment().by(), 5);
  EXPECT_EQ(Parse(EncodeAppend(1, "s", "+", {})).items(0).append().value(), "+");
}

TEST(Encode, AReadNamesItsLevelUnlessItIsTheLeadersAlone) {
  const auto get = [](const ReadOptions& read) {
    return Parse(EncodeGet(1, "k", {.read = read})).items(0).get();
  };
  EXPECT_EQ(get({}).level(), v1::READ_LEVEL_UNSPECIFIED);
  EXPECT_EQ(get({.level = ReadLevel::kLinearizable}).level(), v1::READ_LEVEL_LINEARIZABLE);
  EXPECT_EQ(get({.from = ReadFrom::kNearest}).level(), v1::READ_LEVEL_LINEARIZABLE);
  EXPECT_EQ(get({.node = "a:1"}).level(), v1::READ_LEVEL_LINEARIZABLE);
  const ReadOptions stale{.level = ReadLevel::kBoundedStaleness,
                          .max_staleness = std::chrono::seconds(2)};
  EXPECT_EQ(get(stale).level(), v1::READ_LEVEL_BOUNDED_STALENESS);
  EXPECT_EQ(get(stale).max_staleness_ms(), 2'000u);
  const ReadOptions at_least{.level = ReadLevel::kAtLeast, .at_least = {.reign = 3, .slot = 12}};
  const auto scan = Parse(EncodeScan(1, {}, {}, {.read = at_least})).items(0).scan();
  EXPECT_EQ(scan.level(), v1::READ_LEVEL_AT_LEAST);
  EXPECT_EQ(scan.at_least().reign_round(), 3u);
  EXPECT_EQ(scan.at_least().slot(), 12u);
}

TEST(CheckOptions, ReadOptionsFitTogether) {
  const auto good = [](const ReadOptions& read) { return CheckOptions({.read = read}).ok(); };
  EXPECT_TRUE(good({}));
  EXPECT_TRUE(
      good({.level = ReadLevel::kBoundedStaleness, .max_staleness = std::chrono::milliseconds(1)}));
  EXPECT_TRUE(good({.level = ReadLevel::kAtLeast, .at_least = {.reign = 1, .slot = 1}}));
  EXPECT_FALSE(good({.level = ReadLevel::kBoundedStaleness}));
  EXPECT_FALSE(good({.max_staleness = std::chrono::milliseconds(1)}));
  EXPECT_FALSE(good({.level = ReadLevel::kAtLeast}));
  EXPECT_FALSE(good({.level = ReadLevel::kAtLeast, .at_least = {.reign = 1}}));
  EXPECT_FALSE(good({.at_least = {.reign = 1, .slot = 1}}));
  EXPECT_FALSE(good({.node = "nowhere"}));
}

TEST(SetTimeout, ChangesOnlyTheTimeout) {
  CallOptions options;
  options.keyspace = "ks";
  std::string bytes = EncodePut(2, "k", "v", options);
  SetTimeout(&bytes, 17'900);
  const v1::ExchangeRequest request = Parse(bytes);
  EXPECT_EQ(request.items(0).put().context().timeout_ms(), 17u);
  EXPECT_EQ(request.items(0).put().context().keyspace(), "ks");
  EXPECT_EQ(request.items(0).put().value(), "v");
  SetTimeout(&bytes, -5);  // time is up: the least there is, not "none given"
  EXPECT_EQ(Parse(bytes).items(0).put().context().timeout_ms(), 1u);
}

TEST(Decode, TakesEachKindOfResult) {
  v1::ExchangeResult get;
  get.mutable_get()->set_found(true);
  get.mutable_get()->mutable_record()->set_value("v");
  get.mutable_get()->mutable_record()->set_revision(8);
  get.mutable_get()->mutable_position()->set_slot(5);
  get.mutable_get()->mutable_position()->set_reign_round(3);
  const auto got = Decode<GetResult>(&get);
  ASSERT_TRUE(got.ok() && got->record);
  EXPECT_EQ(got->record->value, "v");
  EXPECT_EQ(got->record->revision, 8u);
  EXPECT_EQ(got->slot, 5u);
  EXPECT_EQ(got->reign, 3u);

  v1::ExchangeResult put;
  put.mutable_put()->mutable_position()->set_revision(11);
  put.mutable_put()->set_durability(v1::DURABILITY_QUORUM);
  EXPECT_EQ(Decode<WriteResult>(&put)->revision, 11u);
  EXPECT_EQ(Decode<WriteResult>(&put)->durability, Durability::kQuorum);

  v1::ExchangeResult deleted;
  deleted.mutable_delete_();
  EXPECT_FALSE(Decode<DeleteResult>(&deleted)->existed);
  deleted.mutable_delete_()->set_existed(false);
  EXPECT_EQ(Decode<DeleteResult>(&deleted)->existed, false);

  v1::ExchangeResult range;
  range.mutable_delete_range()->set_count(4);
  EXPECT_EQ(Decode<DeleteRangeResult>(&range)->count, 4u);

  v1::ExchangeResult many;
  many.mutable_multi_get()->add_items();
  many.mutable_multi_get()->add_items()->set_found(true);
  const auto several = Decode<MultiGetResult>(&many);
  ASSERT_EQ(several->records.size(), 2u);
  EXPECT_FALSE(several->records[0]);
  EXPECT_TRUE(several->records[1]);

  v1::ExchangeResult scan;
  scan.mutable_scan()->add_records()->set_key("k");
  scan.mutable_scan()->set_next_page_token("t");
  const auto page = Decode<ScanPage>(&scan);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0].key, "k");
  EXPECT_EQ(page->next_page_token, "t");
}

TEST(Decode, AResultOfAnotherKindIsAnError) {
  v1::ExchangeResult result;
  EXPECT_EQ(Decode<GetResult>(&result).status().code(), absl::StatusCode::kInternal);
  result.mutable_get();
  EXPECT_EQ(Decode<WriteResult>(&result).status().code(), absl::StatusCode::kInternal);
}

TEST(CheckOptions, BoundsTheTimeout) {
  EXPECT_TRUE(CheckOptions({}).ok());
  EXPECT_FALSE(CheckOptions({.timeout = std::chrono::milliseconds(0)}).ok());
  EXPECT_FALSE(CheckOptions({.timeout = std::chrono::hours(25)}).ok());
}

}  // namespace
}  // namespace baton::client
