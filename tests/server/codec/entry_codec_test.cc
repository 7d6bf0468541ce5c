#include "server/codec/entry_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>

#include "base/checksum.h"
#include "base/coding.h"

namespace baton::server {
namespace {

using consensus::CorePart;
using consensus::Membership;
using consensus::Reign;
using consensus::Seal;

constexpr EntryId kId{Ballot{3, NodeId{2}}, Slot{7}};

EntryStamp Stamp() {
  return EntryStamp{1'000'000, 1'700'000'000'000'000, 2, Revision{41}, Revision{1000}, Slot{5}};
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const unsigned char c : bytes) {
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}

// Replaces byte `at` and makes the hash right again, as a build of another version would.
std::string Rewritten(std::string bytes, size_t at, char to) {
  bytes[at] = to;
  StoreFixed64(&bytes[bytes.size() - 8],
               Checksum(std::string_view(bytes).substr(0, bytes.size() - 8)));
  return bytes;
}

void ExpectRoundTrip(const CorePart& core, std::string_view effects) {
  const auto bytes = EncodeEntry(kFirstGroup, kId, core, Stamp(), effects);
  const absl::StatusOr<DecodedEntry> decoded = DecodeEntry(*bytes, EntryHash::kVerify);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->group, kFirstGroup);
  EXPECT_EQ(decoded->id, kId);
  EXPECT_EQ(decoded->core, core);
  EXPECT_EQ(decoded->stamp, Stamp());
  EXPECT_EQ(decoded->effects, effects);
  const absl::StatusOr<consensus::Entry> entry = ParseEntry(bytes, kFirstGroup, EntryHash::kVerify);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(*entry, (consensus::Entry{kId, core, bytes}));
}

TEST(EntryCodec, RoundTripsEveryKind) {
  ExpectRoundTrip({}, "effects");
  ExpectRoundTrip({}, "");
  ExpectRoundTrip(Reign{kId.born, consensus::Cause::kHandover, 9, Ballot{2, NodeId{1}}, Slot{5}, 4},
                  "rows");
  ExpectRoundTrip(Seal{9, NodeId{3}}, "");
  ExpectRoundTrip(Membership{Epoch{2},
                             {{NodeId{1}, consensus::Role::kVoter, "card"},
                              {NodeId{4}, consensus::Role::kWitness, ""}},
                             {{NodeId{2}, consensus::Role::kVoter, "left"}}},
                  "x");
}

// The worked example of docs/entry-format.md.
TEST(EntryCodec, WritesTheBytesOfTheFormatPage) {
  const auto bytes = EncodeEntry(kFirstGroup, kId, Seal{9, NodeId{3}}, Stamp(), "abc");
  const std::string header = Hex(std::string_view(*bytes).substr(0, 80));
  EXPECT_EQ(header,
            "01020000"
            "01000000"
            "0700000000000000"
            "0300000000000000"
            "02000000"
            "02000000"
            "40420f0000000000"
            "00401e18240a0600"
            "2900000000000000"
            "e803000000000000"
            "0500000000000000"
            "0c000000"
            "03000000");
  EXPECT_EQ(Hex(std::string_view(*bytes).substr(80, 15)),
            "0900000000000000"
            "03000000"
            "616263");
  EXPECT_EQ(bytes->size(), 80u + 12 + 3 + 8);
  EXPECT_EQ(LoadFixed64(bytes->data() + 95), Checksum(std::string_view(*bytes).substr(0, 95)));
  EXPECT_EQ(Hex(std::string_view(*bytes).substr(95)), "7f9aa3d2d823f75a");
}

TEST(EntryCodec, NamesTheSlotOfANewerVersionAndOfAnUnknownKind) {
  const auto bytes = EncodeEntry(kFirstGroup, kId, {}, Stamp(), "abc");
  const auto newer = DecodeEntry(Rewritten(*bytes, 0, 2), EntryHash::kVerify);
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(newer.status().message().find("slot 7"), absl::string_view::npos);
  const auto unknown = DecodeEntry(Rewritten(*bytes, 1, 4), EntryHash::kVerify);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(unknown.status().message().find("slot 7"), absl::string_view::npos);
}

TEST(EntryCodec, RefusesEveryFlippedBitAndEveryCut) {
  const auto bytes = EncodeEntry(kFirstGroup, kId, Seal{9, NodeId{3}}, Stamp(), "abc");
  for (size_t bit = 0; bit < bytes->size() * 8; ++bit) {
    std::string flipped = *bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeEntry(flipped, EntryHash::kVerify).status().code(),
              absl::StatusCode::kDataLoss);
  }
  for (size_t size = 0; size < bytes->size(); ++size) {
    EXPECT_FALSE(DecodeEntry(std::string_view(*bytes).substr(0, size), EntryHash::kVerify).ok());
  }
}

TEST(EntryCodec, SurvivesGarbageWithARightHash) {
  std::mt19937_64 random(1);
  const auto good = EncodeEntry(kFirstGroup, kId, Reign{kId.born}, Stamp(), "abcdef");
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = *good;
    for (int i = 0; i < 3; ++i)
      bytes[1 + random() % (bytes.size() - 9)] = static_cast<char>(random());
    bytes = Rewritten(bytes, 0, 1);
    const auto decoded = DecodeEntry(bytes, EntryHash::kVerify);
    if (decoded.ok()) {
      EXPECT_LE(decoded->effects.size(), bytes.size());
    }
  }
}

TEST(EntryCodec, RefusesAnotherGroup) {
  const auto bytes = EncodeEntry(GroupId{2}, kId, {}, Stamp(), "");
  EXPECT_FALSE(ParseEntry(bytes, kFirstGroup, EntryHash::kVerify).ok());
}

}  // namespace
}  // namespace baton::server
