#include "tools/baton/suggest.h"

#include <gtest/gtest.h>

namespace baton::cli {
namespace {

const std::vector<std::string> kWords = {"put",    "get",    "delete", "scan",
                                         "import", "export", "status"};

TEST(Nearest, ForgivesTypingMistakes) {
  EXPECT_EQ(Nearest("stauts", kWords), "status");   // swapped
  EXPECT_EQ(Nearest("delte", kWords), "delete");    // left out
  EXPECT_EQ(Nearest("imporrt", kWords), "import");  // too many
  EXPECT_EQ(Nearest("gat", kWords), "get");         // another letter
}

TEST(Nearest, CompletesABeginning) { EXPECT_EQ(Nearest("stat", kWords), "status"); }

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(Nearest("frobnicate", kWords), "");
  EXPECT_EQ(Nearest("", kWords), "");
  EXPECT_EQ(Nearest(std::string(100'000, 'x'), kWords), "");
  EXPECT_EQ(Nearest("put", {}), "");
}

}  // namespace
}  // namespace baton::cli
