#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace baton {
namespace {

TEST(Checksum, IsXxh3Of64Bits) {
  // The published value for no bytes under seed 0: the algorithm is part of every format page.
  EXPECT_EQ(Checksum(""), 0x2d06800538d394c2u);
}

TEST(Checksum, DependsOnSeedAndOnEveryBit) {
  const std::string bytes(300, 'x');
  const uint64_t whole = Checksum(bytes, 5);
  EXPECT_NE(whole, Checksum(bytes, 6));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] ^= 1;
    EXPECT_NE(whole, Checksum(flipped, 5)) << "byte " << i;
  }
}

TEST(ChecksumStream, EqualsTheChecksumOfThePiecesTogether) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes.push_back(static_cast<char>(i * 31));
  for (const size_t cut : {0, 1, 240, 241, 4096, 5000}) {
    ChecksumStream stream(9);
    stream.Update(std::string_view(bytes).substr(0, cut));
    stream.Update(std::string_view(bytes).substr(cut));
    EXPECT_EQ(stream.Digest(), Checksum(bytes, 9)) << "cut at " << cut;
  }
}

TEST(ChecksumStream, MayGoOnAfterADigest) {
  ChecksumStream stream;
  stream.Update("ab");
  EXPECT_EQ(stream.Digest(), Checksum("ab"));
  stream.Update("c");
  EXPECT_EQ(stream.Digest(), Checksum("abc"));
}

}  // namespace
}  // namespace baton
