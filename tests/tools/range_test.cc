#include "tools/baton/range.h"

#include <gtest/gtest.h>

namespace baton::cli {
namespace {

TEST(RangeOf, MeetsPrefixAndBounds) {
  ScanRange range = RangeOf({.prefix = "user/"});
  EXPECT_EQ(range.begin, "user/");
  EXPECT_EQ(range.end, "user0");
  EXPECT_EQ(range.prefix, "");

  range = RangeOf({.prefix = "user/", .begin = "user/m", .end = "user/x"});
  EXPECT_EQ(range.begin, "user/m");
  EXPECT_EQ(range.end, "user/x");

  range = RangeOf({.prefix = "user/", .begin = "a", .end = "z"});
  EXPECT_EQ(range.begin, "user/");
  EXPECT_EQ(range.end, "user0");

  range = RangeOf({.begin = "b"});
  EXPECT_EQ(range.begin, "b");
  EXPECT_EQ(range.end, "");
}

TEST(RangeHasKeys, KnowsEmptyRanges) {
  EXPECT_TRUE(RangeHasKeys(RangeOf({})));
  EXPECT_FALSE(RangeHasKeys(RangeOf({.begin = "b", .end = "b"})));
  EXPECT_FALSE(RangeHasKeys(RangeOf({.prefix = "a", .begin = "b"})));
  EXPECT_TRUE(RangeHasKeys(RangeOf({.prefix = "\xff"})));
}

TEST(RecordJson, IsTheAgreementWithScripts) {
  EXPECT_EQ(RecordJson({"k", "v", 7}, true).dump(), R"({"key":"k","value":"v","revision":7})");
  EXPECT_EQ(RecordJson({"k", "v", 7}, false).dump(), R"({"key":"k","value":"v"})");
  EXPECT_EQ(RecordJson({"\xff", "v", 7}, true).dump(),
            R"({"key_base64":"/w==","value":"v","revision":7})");
}

}  // namespace
}  // namespace baton::cli
