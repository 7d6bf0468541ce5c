#include "base/coding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace baton {
namespace {

const std::vector<uint64_t> kNumbers = {0,
                                        1,
                                        127,
                                        128,
                                        16383,
                                        16384,
                                        0xffffffff,
                                        uint64_t{1} << 63,
                                        std::numeric_limits<uint64_t>::max()};

TEST(Coding, BytesAreThoseOfTheFormatPages) {
  std::string bytes;
  PutFixed32(&bytes, 0x01020304);
  PutBig32(&bytes, 0x01020304);
  PutFixed64(&bytes, 1);
  PutVarint(&bytes, 300);
  PutString(&bytes, "hi");
  PutId128(&bytes, Id128{2, 3});
  EXPECT_EQ(bytes, std::string("\x04\x03\x02\x01"
                               "\x01\x02\x03\x04"
                               "\x01\0\0\0\0\0\0\0"
                               "\xac\x02"
                               "\x02hi"
                               "\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0",
                               37));
}

TEST(Coding, ReadsBackWhatWasPut) {
  for (const uint64_t number : kNumbers) {
    std::string bytes;
    PutVarint(&bytes, number);
    PutFixed64(&bytes, number);
    PutFixed32(&bytes, static_cast<uint32_t>(number));
    PutBig32(&bytes, static_cast<uint32_t>(number));
    PutString(&bytes, std::to_string(number));
    PutId128(&bytes, Id128{number, ~number});
    Decoder decoder(bytes);
    EXPECT_EQ(decoder.ReadVarint(), number);
    EXPECT_EQ(decoder.ReadFixed64(), number);
    EXPECT_EQ(decoder.ReadFixed32(), static_cast<uint32_t>(number));
    EXPECT_EQ(decoder.ReadBig32(), static_cast<uint32_t>(number));
    EXPECT_EQ(decoder.ReadString(), std::to_string(number));
    EXPECT_EQ(decoder.ReadId128(), (Id128{number, ~number}));
    EXPECT_TRUE(decoder.Done());
  }
}

TEST(Coding, BigEndianOrderIsNumericOrder) {
  std::vector<std::string> keys;
  for (const uint64_t number : kNumbers) PutBig64(&keys.emplace_back(), number);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(Decoder, StaysFailedAndNeverReadsPastTheEnd) {
  Decoder decoder("abc");
  EXPECT_EQ(decoder.ReadFixed32(), 0u);
  EXPECT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.ReadByte(), 0u);
  EXPECT_EQ(decoder.ReadBytes(1), "");
  EXPECT_FALSE(decoder.Done());
}

TEST(Decoder, RefusesEveryTruncation) {
  std::string bytes;
  PutVarint(&bytes, std::numeric_limits<uint64_t>::max());
  PutString(&bytes, "value");
  for (size_t size = 0; size < bytes.size(); ++size) {
    Decoder decoder(std::string_view(bytes).substr(0, size));
    decoder.ReadVarint();
    decoder.ReadString();
    EXPECT_FALSE(decoder.ok()) << size << " bytes";
  }
}

TEST(Decoder, RefusesVarintsThatDoNotFit) {
  EXPECT_FALSE([] {
    Decoder decoder("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");  // 65 bits
    decoder.ReadVarint();
    return decoder.ok();
  }());
  EXPECT_FALSE([] {
    const std::string bytes = std::string(10, '\x80') + '\0';  // 11 bytes
    Decoder decoder(bytes);
    decoder.ReadVarint();
    return decoder.ok();
  }());
}

TEST(Decoder, RefusesStringsLongerThanWhatIsLeft) {
  std::string bytes;
  PutVarint(&bytes, std::numeric_limits<uint64_t>::max());
  bytes += "short";
  Decoder decoder(bytes);
  EXPECT_EQ(decoder.ReadString(), "");
  EXPECT_FALSE(decoder.ok());
}

}  // namespace
}  // namespace baton
