#include "tools/baton/bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::cli {
namespace {

TEST(IsUtf8, FollowsRfc3629) {
  for (const std::string good : {"", "plain", "\xc2\x80", "grün", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                 "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << Base64(good);
  }
  EXPECT_TRUE(IsUtf8(std::string(1, '\0')));
  for (const std::string bad :
       {"\x80", "\xff", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xc3"}) {
    EXPECT_FALSE(IsUtf8(bad)) << Base64(bad);
  }
}

TEST(Base64, IsThatOfRfc4648) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64("\xff\xfe\xfd"), "//79");
}

TEST(Base64, ReadsBackAllBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i));
    EXPECT_EQ(FromBase64(Base64(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zg=a", "Zm9\n", "Zm 9"}) {
    EXPECT_EQ(FromBase64(bad), std::nullopt) << bad;
  }
}

TEST(JsonBytes, ChooseTheFieldByTheBytes) {
  Json object;
  SetBytes(&object, "key", "grün");
  SetBytes(&object, "value", "\xff\x01");
  EXPECT_EQ(object.dump(), R"({"key":"grün","value_base64":"/wE="})");
  EXPECT_EQ(*GetBytes(object, "key"), "grün");
  EXPECT_EQ(*GetBytes(object, "value"), "\xff\x01");
}

TEST(JsonBytes, SayWhatIsWrong) {
  const auto message = [](const char* text) {
    return std::string(GetBytes(Json::parse(text), "key").status().message());
  };
  EXPECT_EQ(message(R"({})"), R"(give exactly one of "key" and "key_base64")");
  EXPECT_EQ(message(R"({"key":"a","key_base64":"YQ=="})"),
            R"(give exactly one of "key" and "key_base64")");
  EXPECT_EQ(message(R"({"key":7})"), R"("key" must be a string)");
  EXPECT_EQ(message(R"({"key_base64":"%"})"), R"("key_base64" is not base64)");
}

TEST(Printable, NeverLetsControlBytesThrough) {
  EXPECT_EQ(Printable("a\n\t\x1b[31m\xff\\", 80), "a\\n\\t\\x1b[31m\\xff\\\\");
  EXPECT_EQ(Printable("\xc2\x9b", 80), "\\xc2\\x9b");  // the 8-bit control sequence introducer
  EXPECT_EQ(Printable("grün", 80), "grün");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(Printable("grün", 4), "grün");
  EXPECT_EQ(Printable("grün", 3), "grü…");
  EXPECT_EQ(Printable("a\xff", 3), "a…");  // an escape is not cut in two
}

TEST(PrefixEnd, IsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\x7f"), "\x80");
  EXPECT_EQ(PrefixEnd("\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace baton::cli
