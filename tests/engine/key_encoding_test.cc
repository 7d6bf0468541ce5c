#include "engine/storage/key_encoding.h"

#include <gtest/gtest.h>

namespace baton::engine {
namespace {

using std::string_literals::operator""s;

TEST(KeyEncoding, GoldenBytes) {
  EXPECT_EQ(EngineKey(KeyspaceId{1}, "foo"), "\0\0\0\1foo"s);
  EXPECT_EQ(SystemKey(SystemTable::kKeyspaces, "x"), "\0\0\0\0\1x"s);
  EXPECT_EQ(AppliedKey(), "\0\0\0\0\0applied"s);
  EXPECT_EQ(EncodeApplied(Slot{0x0102}), "\1\2\1\0\0\0\0\0\0"s);
}

TEST(KeyEncoding, RangesStayInTheirKeyspace) {
  const KeyRange whole = EngineRange(KeyspaceId{0xff}, "", "");
  EXPECT_EQ(whole.begin, "\0\0\0\xff"s);
  EXPECT_EQ(whole.end, "\0\0\1\0"s);
  EXPECT_LT(EngineKey(KeyspaceId{0xff}, "\xff\xff\xff\xff\xff"), whole.end);
  const KeyRange part = EngineRange(kDefaultKeyspace, "a", "b");
  EXPECT_EQ(part.begin, "\0\0\0\1a"s);
  EXPECT_EQ(part.end, "\0\0\0\1b"s);
}

TEST(KeyEncoding, TakesKeysApart) {
  const std::string key = EngineKey(KeyspaceId{0x01020304}, "k");
  EXPECT_EQ(KeyspaceOf(key), KeyspaceId{0x01020304});
  EXPECT_EQ(UserKey(key), "k");
  EXPECT_TRUE(IsEngineOwn(AppliedKey()));
  EXPECT_TRUE(IsEngineOwn("\0\0\0\0"s));
  EXPECT_FALSE(IsEngineOwn(SystemKey(SystemTable::kReigns, "")));
  EXPECT_FALSE(IsEngineOwn(EngineKey(kDefaultKeyspace, "\0"s)));
}

TEST(KeyEncoding, AppliedRefusesANewerLayoutAndDamage) {
  EXPECT_EQ(*DecodeApplied(EncodeApplied(Slot{77})), Slot{77});
  const absl::StatusOr<Slot> newer = DecodeApplied("\2\0\0\0\0\0\0\0\0"s);
  EXPECT_TRUE(absl::IsFailedPrecondition(newer.status()));
  EXPECT_NE(std::string(newer.status().message()).find("layout version 2"), std::string::npos);
  for (const std::string& bytes : {""s, "\1"s, "\0\0\0\0\0\0\0\0\0"s, "\1\0\0\0\0\0\0\0\0\0"s}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeApplied(bytes).status())) << bytes.size();
  }
}

}  // namespace
}  // namespace baton::engine
