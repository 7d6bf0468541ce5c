#include "tools/baton/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace baton::cli {
namespace {

TEST(Progress, PrintsALineEveryFiveSecondsOffTerminals) {
  std::ostringstream out;
  Progress progress(&out, /*terminal=*/false, "records", 0, 1'000'000);
  progress.Update(10, 2'000'000);
  EXPECT_EQ(out.str(), "");
  progress.Update(5000, 6'000'000);
  EXPECT_EQ(out.str(), "5,000 records in 5.0 s, 1,000/s\n");
  progress.Update(6000, 7'000'000);
  progress.Finish(12'000, 7'000'000);
  EXPECT_EQ(out.str(),
            "5,000 records in 5.0 s, 1,000/s\n"
            "12,000 records in 6.0 s, 2,000/s\n");
}

TEST(Progress, RedrawsOneLineOnATerminal) {
  std::ostringstream out;
  Progress progress(&out, /*terminal=*/true, "records", 100, 0);
  progress.Update(25, 50'000);
  EXPECT_EQ(out.str(), "");
  progress.Update(50, 500'000);
  EXPECT_EQ(out.str(), "\r\033[K[############............] 50 of 100 records in 0.5 s, 100/s");
  progress.Update(51, 550'000);
  EXPECT_EQ(out.str(), "\r\033[K[############............] 50 of 100 records in 0.5 s, 100/s");
}

TEST(Progress, SurvivesNoTimeAndMoreThanTheTotal) {
  std::ostringstream out;
  Progress progress(&out, /*terminal=*/false, "records", 2, 5);
  progress.Finish(3, 5);
  EXPECT_EQ(out.str().substr(0, 26), "[########################]");
}

TEST(WithCommas, GroupsByThousands) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
}

}  // namespace
}  // namespace baton::cli
