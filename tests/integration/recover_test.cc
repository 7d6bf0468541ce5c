// A quorum that is gone for good: a plan, one node that goes on alone, and what becomes of the
// others when they come back after all. Real processes, by the commands that an operator has.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "nlohmann/json.hpp"
#include "tests/integration/cluster.h"
#include "tests/integration/local.h"

namespace baton::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class RecoverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(local_.Up().exit_code, 0);
    ASSERT_EQ(local_.Baton({"keyspace", "create", "fast", "--mode", "async"}).exit_code, 0);
    ASSERT_EQ(local_.Baton({"put", "k", "survives"}).exit_code, 0);
    // Those that are lost have no more than n1.
    ASSERT_TRUE(Eventually([&] {
      const json members = Ask({"status"})["members"];
      return members[0]["durable_slot"] == members[1]["durable_slot"] &&
             members[0]["durable_slot"] == members[2]["durable_slot"];
    }));
  }
  json Ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    return json::parse(local_.Baton(arguments).out, nullptr, false);
  }
  CommandResult Recover(const std::string& plan) {
    return local_.Baton(
        {"recover", "--unsafe", "--execute", plan, "--approved-by", "bob", "--reason", "a fire"});
  }
  void LoseTheQuorum() {
    for (const char* node : {"n2", "n3"}) ASSERT_EQ(local_.Local({"kill", node}).exit_code, 0);
    ASSERT_TRUE(Eventually([&] { return local_.Baton({"recover", "--unsafe"}).exit_code == 0; }));
  }
  // What the audit has of it.
  json Recorded() {
    json lines = json::array();
    const json audit = Ask({"audit"});
    for (const json& line : audit["records"]) {
      if (line["what"] == "RECOVERED") lines.push_back(line);
    }
    return lines;
  }
  json Member(const std::string& name) {
    const json status = Ask({"status"});
    for (const json& member : status["members"]) {
      if (member["name"] == name) return member;
    }
    return nullptr;
  }

  LocalCommands local_;
};

TEST_F(RecoverTest, IsRefusedWhileALeaderLeads) {
  const CommandResult refused = local_.Baton({"recover", "--unsafe"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("the quorum is not gone"), std::string::npos) << refused.err;
  EXPECT_EQ(local_.Baton({"recover"}).exit_code, 2);
}

TEST_F(RecoverTest, OneNodeGoesOnAloneAndTheOthersAreLeftBehind) {
  LoseTheQuorum();
  const CommandResult planned = local_.Baton({"recover", "--unsafe", "-o", "json"});
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  const json plan = json::parse(planned.out);
  EXPECT_EQ(plan["node"], "n1");
  EXPECT_GT(plan["survives_to_slot"], 0);
  EXPECT_EQ(plan["members"].size(), 3u);
  EXPECT_EQ(plan["keyspaces"].size(), 2u);
  EXPECT_NE(local_.Baton({"put", "k", "x", "--timeout", "300ms"}).exit_code, 0)
      << "a plan changes nothing";

  EXPECT_EQ(Recover("n1.e1.1.1.1").exit_code, 1) << "another plan";
  const CommandResult done = Recover(plan["plan"]);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  ASSERT_TRUE(Eventually([&] { return local_.Baton({"put", "k2", "after"}).exit_code == 0; }));
  EXPECT_EQ(Ask({"get", "k"})["value"], "survives");
  const json status = Ask({"status"});
  EXPECT_EQ(status["leader"], "n1");
  ASSERT_EQ(Recorded().size(), 1u);
  EXPECT_NE(
      std::string(Recorded()[0]["reason"]).find("approved by bob: a fire; left behind: n2#2 n3#3"),
      std::string::npos)
      << Recorded();
  EXPECT_EQ(local_.Baton({"audit", "verify"}).exit_code, 0);

  // They were not gone after all: a quorum of old, which must not lead.
  for (const char* node : {"n2", "n3"}) ASSERT_EQ(local_.Local({"start", node}).exit_code, 0);
  const auto admin = Admin::Connect({.endpoints = local_.addresses()});
  ASSERT_TRUE(admin.ok());
  for (const size_t node : {1, 2}) {
    absl::StatusOr<NodeStatus> status;
    EXPECT_TRUE(Eventually([&] {
      status = (*admin)->Status(local_.addresses()[node]);
      return status.ok() && status->state == "faulty";
    })) << status.status();
    EXPECT_NE(status->reason.find("has left this node behind"), std::string::npos)
        << status->reason;
  }
  EXPECT_EQ(Ask({"get", "k2"})["value"], "after");

  // It is added anew, with an empty directory.
  ASSERT_EQ(local_.Local({"kill", "n2"}).exit_code, 0);
  fs::rename(fs::path(local_.directory()) / "n2" / "data",
             fs::path(local_.directory()) / "n2" / "data.old");
  ASSERT_EQ(local_.Local({"start", "n2"}).exit_code, 0);
  const CommandResult added =
      local_.Baton({"--timeout", "60s", "member", "add", "n2=" + local_.addresses()[1]});
  ASSERT_EQ(added.exit_code, 0) << added.err;
  EXPECT_TRUE(Eventually([&] { return local_.Baton({"member", "promote", "n2"}).exit_code == 0; }));
  EXPECT_TRUE(Eventually([&] {
    const json member = Member("n2");
    return member.is_object() && member["healthy"] == true && member["role"] == "voter";
  })) << Ask({"status"});
  EXPECT_EQ(Recorded().size(), 1u) << "once";
}

}  // namespace
}  // namespace baton::testing
