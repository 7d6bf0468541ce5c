#include "engine/state/keyspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace baton::engine {
namespace {

using std::string_literals::operator""s;
using ::testing::HasSubstr;

TEST(KeyspaceRow, KeepsEverySetting) {
  KeyspaceInfo info = DefaultKeyspaceInfo(5);
  info.settings = {.mode = KeyspaceMode::kAsync,
                   .on_budget = OnBudget::kFail,
                   .max_unreplicated_bytes = 1,
                   .max_unreplicated_ops = 2,
                   .max_unreplicated_ms = 3,
                   .size_bytes_max = 4,
                   .value_bytes_max = 5,
                   .default_staleness_ms = 6,
                   .description = "seven"};
  const auto read = DecodeKeyspace(info.id, EncodeKeyspace(info));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, info);
}

// Of a build that knew no budgets.
TEST(KeyspaceRow, WhatIsLeftOutHasItsDefault) {
  const auto read = DecodeKeyspace(kDefaultKeyspace,
                                   "\x01\x01\x07"
                                   "default"
                                   "\x02\x01\x02"s);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->settings, KeyspaceSettings{.mode = KeyspaceMode::kAsync});
}

TEST(KeyspaceRow, GoldenBytes) {
  EXPECT_EQ(EncodeKeyspace(DefaultKeyspaceInfo(5)),
            "\x01\x01\x07"
            "default"
            "\x02\x01\x01"
            "\x03\x01\x01"
            "\x04\x01\x05"
            "\x05\x01\x01"
            "\x06\x04\x80\x80\x80\x08"
            "\x07\x02\x90\x4e"
            "\x08\x02\xe8\x07"
            "\x09\x01\x00"
            "\x0a\x03\x80\x80\x40"
            "\x0b\x01\x00"
            "\x0c\x00"s);
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
  EXPECT_THAT(error("\x01\x01\x01k\x0d\x01\x02"s), HasSubstr("field 13"));
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
