// `baton drill` on clusters of its own. How long writes pause is judged by failover_test and
// handover_test: here the limits are wide.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/integration/local.h"

namespace baton::testing {
namespace {

using nlohmann::json;

class DrillTest : public ::testing::Test {
 protected:
  CommandResult Drill(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "drill");
    arguments.insert(arguments.end(), {"--dir", local_.directory()});
    return local_.Baton(arguments);
  }
  void ExpectAllRun() {
    const json status = json::parse(local_.Local({"status", "-o", "json"}).out);
    for (const json& node : status["nodes"]) EXPECT_EQ(node["state"], "running") << node;
  }

  LocalCommands local_;
};

TEST_F(DrillTest, EachIsRunAndReported) {
  ASSERT_EQ(local_.Up({"--fault-injection"}).exit_code, 0);
  const json drills = json::parse(Drill({"list", "-o", "json"}).out)["drills"];
  ASSERT_EQ(drills.size(), 8u);
  for (const json& drill : drills) {
    SCOPED_TRACE(drill["name"]);
    const CommandResult run = Drill({"run", drill["name"], "--max-gap-ms", "6000", "-o", "json"});
    ASSERT_EQ(run.exit_code, 0) << run.err << run.out;
    const json report = json::parse(run.out);
    EXPECT_EQ(report["seen"]["lost"], 0);
    EXPECT_EQ(report["seen"]["stale"], 0);
    EXPECT_EQ(report["seen"]["errors"], 0);
    EXPECT_GT(report["seen"]["writes"], 100);
    EXPECT_GE(report["events"].size(), 2u);
    EXPECT_EQ(Drill({"report", "-o", "json"}).out, run.out);
    const CommandResult shown = Drill({"report", report["id"]});
    EXPECT_NE(shown.out.find("█"), std::string::npos) << shown.out;
    ExpectAllRun();
  }
  EXPECT_EQ(json::parse(Drill({"list", "-o", "json"}).out)["reports"].size(), drills.size());
}

TEST_F(DrillTest, IsGivenUpWhenALimitIsPassedAndMendsAll) {
  ASSERT_EQ(local_.Up().exit_code, 0);
  const CommandResult run = Drill({"run", "leader-pause", "--max-gap-ms", "60", "-o", "json"});
  EXPECT_EQ(run.exit_code, 5) << run.err;
  EXPECT_NE(run.err.find("no write was acknowledged for"), std::string::npos) << run.err;
  EXPECT_FALSE(json::parse(run.out)["passed"].get<bool>());
  ExpectAllRun();
}

TEST_F(DrillTest, SaysWhatItNeeds) {
  CommandResult run = Drill({"run", "leader-kill"});
  EXPECT_EQ(run.exit_code, 3) << "there is no cluster: " << run.err;
  ASSERT_EQ(local_.Up().exit_code, 0);
  run = Drill({"run", "earthquake"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_NE(run.err.find("there are leader-kill, "), std::string::npos) << run.err;
  run = Drill({"run", "disk-stall"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_NE(run.err.find("--fault-injection"), std::string::npos) << run.err;
  EXPECT_EQ(Drill({"report"}).exit_code, 3);
  ASSERT_EQ(local_.Local({"kill", "n2"}).exit_code, 0);
  run = Drill({"run", "leader-kill"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_NE(run.err.find("baton local start n2"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace baton::testing
