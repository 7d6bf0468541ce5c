#include "server/codec/handover_word.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace baton::server {
namespace {

std::vector<HandoverWord> Examples() {
  return {AskReady{300, true, 2'000'000, Slot{41}}, AskReady{1, false, 0, Slot{}},
          TellReady{300, true, Slot{41}, 3, 8 << 20, true, true, true, 900, 1'700'000'000'000'000},
          TellReady{300, false, Slot{41}, 0, 0, false, true, false, 0, 1}, TellHanded{300, 4'200}};
}

TEST(HandoverWord, RoundTrips) {
  for (const HandoverWord& word : Examples()) {
    const auto decoded = DecodeHandoverWord(EncodeHandoverWord(word));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, word);
  }
}

TEST(HandoverWord, RefusesWhatIsCutOrLonger) {
  for (const HandoverWord& word : Examples()) {
    const std::string bytes = EncodeHandoverWord(word);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeHandoverWord(bytes.substr(0, size)).ok()) << size;
    }
    EXPECT_TRUE(absl::IsDataLoss(DecodeHandoverWord(bytes + 'x').status()));
  }
}

TEST(HandoverWord, RefusesWhatItDoesNotKnow) {
  std::string bytes = EncodeHandoverWord(TellHanded{1, 2});
  bytes[1] = 9;  // its kind
  EXPECT_TRUE(absl::IsDataLoss(DecodeHandoverWord(bytes).status()));
  bytes[0] = 2;  // its version
  EXPECT_TRUE(absl::IsFailedPrecondition(DecodeHandoverWord(bytes).status()));
  std::string ask = EncodeHandoverWord(AskReady{1, true, 5, Slot{1}});
  ask[3] = 2;  // neither yes nor no
  EXPECT_TRUE(absl::IsDataLoss(DecodeHandoverWord(ask).status()));
}

}  // namespace
}  // namespace baton::server
