#include "engine/state/row.h"

#include <gtest/gtest.h>

#include <random>

namespace baton::engine {
namespace {

using std::string_literals::operator""s;

std::string Encoded(Revision revision, std::string_view value) {
  std::string row;
  AppendRow(&row, revision, value);
  EXPECT_EQ(row.size(), RowBytes(revision, value));
  return row;
}

TEST(Row, GoldenBytes) { EXPECT_EQ(Encoded(Revision{300}, "v"), "\x01\x00\xac\x02v"s); }

TEST(Row, RoundTrips) {
  for (const uint64_t revision : {0ull, 1ull, 127ull, 128ull, 16384ull, ~0ull}) {
    const std::string bytes = Encoded(Revision{revision}, "value");
    const absl::StatusOr<Row> row = DecodeRow(bytes);
    ASSERT_TRUE(row.ok()) << row.status();
    EXPECT_EQ(row->revision, Revision{revision});
    EXPECT_EQ(row->value, "value");
    EXPECT_EQ(row->lease, 0u);
  }
}

TEST(Row, ReadsALease) {
  const std::string bytes = "\x01\x01\x05\x09value"s;  // the row points into it
  const absl::StatusOr<Row> row = DecodeRow(bytes);
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->revision, Revision{5});
  EXPECT_EQ(row->lease, 9u);
  EXPECT_EQ(row->value, "value");
}

TEST(Row, ANewerOneIsNamedNotSkipped) {
  const absl::Status version = DecodeRow("\x02\x00\x05v"s).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(version));
  EXPECT_NE(std::string(version.message()).find("version 2"), std::string::npos) << version;
  const absl::Status flags = DecodeRow("\x01\x02\x05v"s).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(flags));
  EXPECT_NE(std::string(flags.message()).find("flags 2"), std::string::npos) << flags;
}

TEST(Row, DamageIsAnError) {
  for (const std::string& bytes :
       {""s, "\x01"s, "\x01\x00"s, "\x01\x00\x80"s, "\x01\x01\x05"s, "\x00\x00\x05v"s}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeRow(bytes).status())) << bytes.size();
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
    const absl::StatusOr<Row> row = DecodeRow(bytes);
    if (row.ok()) {
      EXPECT_LE(row->value.size(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace baton::engine
