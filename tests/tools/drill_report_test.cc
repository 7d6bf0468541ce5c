#include "tools/baton/drill/drill_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace baton::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

DrillReport Example() {
  DrillReport report;
  report.id = "20261128T061418.807-leader-kill";
  report.name = "leader-kill";
  report.what = "the leader is killed with -9";
  report.nodes = 3;
  report.limits = {.gap_ms = 1'500};
  report.seen.longest_gap_ms = 500;
  report.seen.writes_each = {100, 50, 0, 0, 1, 100};
  report.events = {{120, "n1 is killed"}, {430, "n2 leads"}};
  return report;
}

TEST(DrillReportTest, DrawsNothingAsADotAndTheMostAsAFullBlock) {
  EXPECT_EQ(DrawTimeline({}), "");
  EXPECT_EQ(DrawTimeline({0, 0}), "..");
  EXPECT_EQ(DrawTimeline({8, 4, 1, 0}), "█▄▁.");
  EXPECT_EQ(DrawTimeline({4'000'000'000, 1, 500'000'001}), "█▁▂");
}

TEST(DrillReportTest, EventsPointAtTheirColumn) {
  const std::string text = DrillMarkdown(Example());
  EXPECT_THAT(text, HasSubstr("    0.0 s  █▄..▁█\n"));
  EXPECT_THAT(text, HasSubstr("            ^ 0.1 s: n1 is killed\n"));
  EXPECT_THAT(text, HasSubstr("               ^ 0.4 s: n2 leads\n"));
}

TEST(DrillReportTest, LongOnesTakeSeveralLines) {
  DrillReport report = Example();
  report.seen.writes_each.assign(150, 7);
  report.events.push_back({12'000, "late"});
  EXPECT_THAT(DrillMarkdown(report), HasSubstr("   10.0 s  █"));
  EXPECT_THAT(DrillMarkdown(report),
              HasSubstr("\n                               ^ 12.0 s: late\n"));
}

TEST(DrillReportTest, SaysWhichLimitWasPassed) {
  DrillReport report = Example();
  EXPECT_THAT(DrillMarkdown(report), HasSubstr("# Drill leader-kill: passed"));
  EXPECT_THAT(DrillMarkdown(report), Not(HasSubstr("**")));
  EXPECT_TRUE(DrillJson(report)["passed"].get<bool>());
  report.lost = 2;
  report.failure = "2 acknowledged writes are gone; the limit is 0";
  EXPECT_THAT(DrillMarkdown(report), HasSubstr("# Drill leader-kill: FAILED"));
  EXPECT_THAT(DrillMarkdown(report),
              HasSubstr("| acknowledged writes that are gone | 0 | 2 | **exceeded** |"));
  EXPECT_EQ(DrillJson(report)["failure"], report.failure);
}

TEST(DrillReportTest, KeepsReportsAndFindsTheNewest) {
  const std::string directory = ::testing::TempDir() + "/drill_report_test";
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(absl::IsNotFound(ReadReport(directory, "", false).status()));
  DrillReport first = Example();
  DrillReport second = Example();
  second.id = "20261128T061419.000-leader-pause";
  ASSERT_TRUE(KeepReport(directory, second).ok());
  ASSERT_TRUE(KeepReport(directory, first).ok());
  EXPECT_THAT(KeptReports(directory), ElementsAre(first.id, second.id));
  EXPECT_EQ(*ReadReport(directory, "", true), DrillJson(second).dump() + "\n");
  EXPECT_EQ(*ReadReport(directory, first.id, false), DrillMarkdown(first));
  EXPECT_TRUE(absl::IsNotFound(ReadReport(directory, "../../x", false).status()));
}

}  // namespace
}  // namespace baton::cli
