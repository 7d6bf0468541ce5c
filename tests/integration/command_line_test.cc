// `baton` from outside: what scripts depend on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/integration/cluster.h"
#include "tests/integration/command.h"
#include "tests/integration/local.h"

namespace baton::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class CommandLineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = new Cluster; }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  CommandResult Baton(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), BATON_PATH);
    CommandOptions options;
    options.input = input;
    options.environment = {"BATON_ENDPOINTS=" + cluster_->endpoints(), "NO_COLOR=1"};
    return RunCommand(arguments, options);
  }
  json BatonJson(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"-o", "json"});
    const CommandResult result = Baton(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const json parsed = json::parse(result.out, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << result.out;
    EXPECT_EQ(result.out.find('\n'), result.out.size() - 1) << "one object, one line";
    return parsed;
  }

  static Cluster* cluster_;
};
Cluster* CommandLineTest::cluster_ = nullptr;

TEST_F(CommandLineTest, PutGetDelete) {
  const json put = BatonJson({"put", "cli/a", "one"});
  EXPECT_GT(put["revision"], 0);
  EXPECT_EQ(put["durability"], "quorum");
  EXPECT_GT(put["slot"], 0);
  EXPECT_GT(put["reign"], 0);
  EXPECT_EQ(put.size(), 4u);

  const json get = BatonJson({"get", "cli/a"});
  EXPECT_EQ(get, (json{{"key", "cli/a"}, {"value", "one"}, {"revision", put["revision"]}}));
  EXPECT_EQ(Baton({"get", "cli/a"}).out, "one\n");
  EXPECT_EQ(Baton({"get", "cli/a", "--raw"}).out, "one");

  const json erased = BatonJson({"delete", "cli/a"});
  EXPECT_GT(erased["revision"], put["revision"]);
  EXPECT_EQ(erased["durability"], "quorum");
  const CommandResult gone = Baton({"get", "cli/a"});
  EXPECT_EQ(gone.exit_code, 3);
  EXPECT_EQ(gone.out, "");
  EXPECT_EQ(gone.err, "baton: there is no key cli/a\n");
}

TEST_F(CommandLineTest, WritesMayBeConditional) {
  const json put = BatonJson({"put", "cond/a", "one", "--if-absent"});
  const CommandResult again = Baton({"put", "cond/a", "two", "--if-absent"});
  EXPECT_EQ(again.exit_code, 5);
  EXPECT_NE(again.err.find("is at revision " + put["revision"].dump()), std::string::npos)
      << again.err;
  EXPECT_EQ(Baton({"put", "cond/a", "two", "--if-revision", "1"}).exit_code, 5);
  EXPECT_EQ(Baton({"put", "cond/a", "two", "--if-revision", put["revision"].dump()}).exit_code, 0);
  EXPECT_EQ(Baton({"delete", "cond/a", "--if-value", "one"}).exit_code, 5);
  EXPECT_EQ(Baton({"delete", "cond/a", "--if-value", "two"}).exit_code, 0);
  EXPECT_EQ(Baton({"put", "cond/a", "x", "--if-exists"}).exit_code, 5);
  EXPECT_EQ(Baton({"put", "cond/a", "x", "--if-exists", "--if-absent"}).exit_code, 2);
}

TEST_F(CommandLineTest, CountersAndAppends) {
  EXPECT_EQ(BatonJson({"increment", "count"})["value"], 1);
  EXPECT_EQ(BatonJson({"increment", "count", "-5"})["value"], -4);
  EXPECT_EQ(Baton({"get", "count"}).out, "-4\n");
  EXPECT_EQ(BatonJson({"append", "log", "ab"})["value_bytes"], 2);
  EXPECT_EQ(BatonJson({"append", "log", "c"})["value_bytes"], 3);
  EXPECT_EQ(Baton({"get", "log"}).out, "abc\n");
  const CommandResult bad = Baton({"increment", "log"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_NE(bad.err.find("no decimal number"), std::string::npos) << bad.err;
}

TEST_F(CommandLineTest, KeyspacesComeAndGo) {
  const json created = BatonJson({"keyspace", "create", "orders", "--mode", "async",
                                  "--max-unreplicated-ops", "7", "--description", "what came in"});
  EXPECT_EQ(created["mode"], "async");
  EXPECT_EQ(created["max_unreplicated_ops"], 7);
  EXPECT_EQ(created["unchanged"], false);
  // A quorum may have it even before the leader's own disk; not always.
  std::set<std::string> got;
  for (int i = 0; i < 100 && got.count("local") == 0; ++i) {
    got.insert(BatonJson({"put", "k", "v", "--keyspace", "orders"})["durability"]);
  }
  EXPECT_EQ(got.count("local"), 1u);
  EXPECT_EQ(
      BatonJson({"put", "k", "v", "--keyspace", "orders", "--durability", "quorum"})["durability"],
      "quorum");
  EXPECT_EQ(Baton({"get", "k"}).exit_code, 3) << "another keyspace";
  EXPECT_EQ(BatonJson({"keyspace", "alter", "orders", "--mode", "sync", "--reason", "because",
                       "--actor", "me"})["mode"],
            "sync");
  EXPECT_EQ(BatonJson({"keyspace", "alter", "orders", "--mode", "sync"})["unchanged"], true);
  EXPECT_EQ(BatonJson({"put", "k", "v", "--keyspace", "orders"})["durability"], "quorum");

  const json shown = BatonJson({"keyspace", "show", "orders"});
  EXPECT_EQ(shown["description"], "what came in");
  EXPECT_EQ(shown["max_unreplicated_ops"], 7);
  const json list = BatonJson({"keyspace", "list"})["keyspaces"];
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["name"], "default");
  EXPECT_EQ(list[1], shown);

  EXPECT_EQ(Baton({"keyspace", "create", "orders", "--mode", "async"}).exit_code, 1);
  EXPECT_EQ(Baton({"keyspace", "create", "Orders"}).exit_code, 1);
  EXPECT_EQ(Baton({"keyspace", "drop", "orders", "--confirm", "order"}).exit_code, 1);
  EXPECT_EQ(Baton({"get", "k", "--keyspace", "orders"}).exit_code, 0);
  EXPECT_EQ(Baton({"keyspace", "drop", "orders", "--confirm", "orders"}).exit_code, 0);
  EXPECT_EQ(Baton({"keyspace", "show", "orders"}).exit_code, 3);
  EXPECT_EQ(Baton({"keyspace", "history", "odrers"}).exit_code, 3) << "a slip of the pen";
  EXPECT_EQ(Baton({"loss", "list", "--keyspace", "odrers"}).exit_code, 3);
  EXPECT_EQ(Baton({"keyspace", "create", "less", "--max-unreplicated-ops", "-5"}).exit_code, 2);
  const json history = BatonJson({"keyspace", "history", "orders"})["changes"];
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0]["change"], "created");
  EXPECT_EQ(history[0]["mode"], "async");
  EXPECT_EQ(history[1]["change"], "altered");
  EXPECT_EQ(history[1]["reason"], "because");
  EXPECT_EQ(history[1]["actor"], "me");
  EXPECT_EQ(history[2]["change"], "dropped");
  EXPECT_EQ(Baton({"get", "k", "--keyspace", "orders"}).exit_code, 3);
}

TEST_F(CommandLineTest, ValuesMayBeAnyBytes) {
  const std::string bytes("\x00\xff\n\x80", 4);
  EXPECT_EQ(Baton({"put", "cli/bytes"}, bytes).exit_code, 0);
  EXPECT_EQ(Baton({"get", "cli/bytes", "--raw"}).out, bytes);
  const json get = BatonJson({"get", "cli/bytes"});
  EXPECT_EQ(get["value_base64"], "AP8KgA==");
  EXPECT_FALSE(get.contains("value"));
  EXPECT_EQ(Baton({"put", "cli/dash", "-"}, "from stdin").exit_code, 0);
  EXPECT_EQ(Baton({"get", "cli/dash"}).out, "from stdin\n");
  EXPECT_EQ(Baton({"put", "cli/empty", ""}).exit_code, 0);
  EXPECT_EQ(Baton({"get", "cli/empty", "--raw"}).out, "");
}

TEST_F(CommandLineTest, ScanGoesBothWaysAndInPages) {
  for (const char* key : {"scan/a", "scan/b", "scan/c", "scan0"}) {
    ASSERT_EQ(Baton({"put", key, key}).exit_code, 0);
  }
  const auto keys = [](const json& scan) {
    std::string list;
    for (const json& item : scan["items"]) list += item["key"].get<std::string>() + " ";
    return list;
  };
  json scan = BatonJson({"scan", "scan/"});
  EXPECT_EQ(keys(scan), "scan/a scan/b scan/c ");
  EXPECT_TRUE(scan["next"].is_null());
  EXPECT_EQ(scan.size(), 2u);
  scan = BatonJson({"scan", "scan/", "--reverse", "--limit", "2"});
  EXPECT_EQ(keys(scan), "scan/c scan/b ");
  scan = BatonJson({"scan", "scan/", "--reverse", "--end", scan["next"]});
  EXPECT_EQ(keys(scan), "scan/a ");
  scan = BatonJson({"scan", "scan/", "--limit", "2"});
  EXPECT_EQ(keys(scan), "scan/a scan/b ");
  scan = BatonJson({"scan", "scan/", "--begin", scan["next"]});
  EXPECT_EQ(keys(scan), "scan/c ");
  EXPECT_TRUE(scan["next"].is_null());
  EXPECT_EQ(keys(BatonJson({"scan", "--begin", "scan/b", "--end", "scan0"})), "scan/b scan/c ");
  EXPECT_EQ(keys(BatonJson({"scan", "--begin", "z", "--end", "a"})), "");
  const CommandResult people = Baton({"scan", "scan/", "--limit", "2"});
  EXPECT_NE(people.err.find("there is more; go on with --begin scan/c"), std::string::npos)
      << people.err;
  EXPECT_EQ(Baton({"scan", "scan0"}).out.substr(0, 10), "KEY    VAL");
}

TEST_F(CommandLineTest, ExportThenImportIsTheSameData) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) {
    lines += json{{"key", "im/" + std::to_string(10000 + i)}, {"value", std::to_string(i)}}.dump() +
             "\n";
  }
  lines += R"({"key_base64":"aW0v/w==","value_base64":"/wA="})"
           "\n";
  const json imported = BatonJson({"import", "-"}, lines);
  EXPECT_EQ(imported["imported"], 3001);
  const CommandResult exported = Baton({"export", "im/", "--no-revision"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.out, lines);
  EXPECT_NE(exported.err.find("3,001 records exported"), std::string::npos) << exported.err;
  // Again, from what export wrote: harmless.
  const CommandResult with_revisions = Baton({"export", "im/"});
  EXPECT_EQ(BatonJson({"import", "-"}, with_revisions.out)["imported"], 3001);
  EXPECT_EQ(Baton({"export", "im/", "--no-revision"}).out, lines);
}

TEST_F(CommandLineTest, ImportNamesTheLineThatIsWrong) {
  const CommandResult result =
      Baton({"import", "-"}, "{\"key\":\"bad/1\",\"value\":\"x\"}\n{\"key\":\"bad/2\"}\n");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("standard input:2: "), std::string::npos) << result.err;
  EXPECT_EQ(Baton({"get", "bad/1"}).exit_code, 0);
  EXPECT_EQ(Baton({"get", "bad/2"}).exit_code, 3);
}

TEST_F(CommandLineTest, StatusTellsOfEveryMember) {
  ASSERT_TRUE(cluster_->AwaitHealthy());
  const json status = BatonJson({"status"});
  const int leader = cluster_->AwaitLeader();
  const std::string name = "n" + std::to_string(leader + 1);
  EXPECT_EQ(status["leader"], name);
  EXPECT_EQ(status["ballot"]["node"], name);
  EXPECT_GT(status["ballot"]["round"], 0);
  EXPECT_EQ(status["cluster_id"].get<std::string>().size(), 32u);
  ASSERT_EQ(status["members"].size(), 3u);
  for (const json& member : status["members"]) {
    EXPECT_EQ(member["role"], "voter");
    EXPECT_EQ(member["healthy"], true);
    EXPECT_GE(member["durable_slot"], member["applied_slot"]);
    EXPECT_GE(member["commit_slot"], member["applied_slot"]);
  }
  // One endpoint is enough: it names the others.
  const json one = BatonJson({"status", "--endpoints", cluster_->address(0)});
  EXPECT_EQ(one["members"].size(), 3u);
  EXPECT_EQ(one["leader"], name);
  const std::string table = Baton({"status"}).out;
  EXPECT_NE(table.find("NAME  ADDRESS"), std::string::npos) << table;
  EXPECT_EQ(table.find('\033'), std::string::npos) << "colour off a terminal";
}

TEST_F(CommandLineTest, HandoversAreStartedShownAndListed) {
  EXPECT_EQ(Baton({"handover", "list"}).out, "there was no handover yet\n");
  const json forecast = BatonJson({"handover", "start", "--dry-run"});
  EXPECT_EQ(forecast["refusal"], "") << forecast;
  EXPECT_EQ(forecast["checks"].size(), 11u) << forecast;
  EXPECT_EQ(Baton({"handover", "list"}).out, "there was no handover yet\n") << "nothing was done";
  const std::string leader = "n" + std::to_string(cluster_->AwaitLeader() + 1);
  const CommandResult itself = Baton({"handover", "start", "--dry-run", "--to", leader});
  EXPECT_EQ(itself.exit_code, 1);
  EXPECT_NE(itself.err.find("leads already"), std::string::npos) << itself.err;
  const std::vector<std::string> start = {"handover", "start",  "--id",        "move-1",
                                          "--reason", "a test", "--probation", "10ms"};
  const CommandResult first = Baton(start);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out.rfind("handover move-1: DONE\n", 0), 0u) << first.out;
  EXPECT_EQ(Baton(start).out, first.out) << "asked again it is the same";

  const json shown = BatonJson({"handover", "show", "move-1"});
  EXPECT_EQ(shown["state"], "DONE");
  EXPECT_EQ(shown["reason"], "a test");
  EXPECT_EQ(shown["steps"].size(), 7u);
  EXPECT_EQ(shown["steps"][3]["state"], "SEALED");
  EXPECT_EQ(shown["checks"].size(), 12u) << "the promise is the last: " << shown;
  EXPECT_NE(shown["from"], shown["to"]);
  EXPECT_EQ(BatonJson({"handover", "list"})["handovers"][0], shown);

  const CommandResult why = Baton({"why-leader"});
  EXPECT_EQ(why.out.rfind("handover move-1: DONE\n", 0), 0u) << why.out;
  const json elections = BatonJson({"election", "list"})["elections"];
  ASSERT_FALSE(elections.empty());
  const std::string id = elections[0]["id"];
  EXPECT_EQ(BatonJson({"election", "show", id}), elections[0]);
  EXPECT_EQ(elections[0]["steps"][0]["state"], "DETECTED");
  EXPECT_EQ(Baton({"handover", "start", "--id", id}).exit_code, 1) << "nobody asks for one";

  CommandResult refused = Baton({"handover", "start", "--id", "move-1", "--to", "n1"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("other arguments"), std::string::npos) << refused.err;
  refused = Baton({"handover", "start", "--to", shown["to"].get<std::string>()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.out.find("leads already"), std::string::npos) << refused.out;
  EXPECT_EQ(Baton({"handover", "abort", "move-1"}).exit_code, 1);
  EXPECT_EQ(Baton({"handover", "show", "move-2"}).exit_code, 3);
}

TEST_F(CommandLineTest, OrdersAreGivenListedAndLifted) {
  EXPECT_EQ(Baton({"orders"}).out, "no order stands\n");
  const CommandResult bar = Baton({"bar", "n3", "--for", "1h", "--reason", "its disk"});
  ASSERT_EQ(bar.exit_code, 0) << bar.err;
  EXPECT_EQ(bar.out.rfind("the bar of n3 stands until ", 0), 0u) << bar.out;
  ASSERT_EQ(Baton({"prefer", "n2", "--priority", "7"}).exit_code, 0);
  EXPECT_NE(Baton({"prefer", "n2"}).exit_code, 0) << "nothing is preferred";
  EXPECT_NE(Baton({"bar", "n9"}).exit_code, 0);
  const json orders = BatonJson({"orders"})["orders"];
  ASSERT_EQ(orders.size(), 2u) << orders;
  EXPECT_EQ(orders[0]["kind"], "bar");
  EXPECT_EQ(orders[0]["node"], "n3");
  EXPECT_EQ(orders[0]["reason"], "its disk");
  EXPECT_EQ(orders[1]["priority"], 7);
  EXPECT_EQ(Baton({"unbar", "n3"}).out, "the bar of n3 is lifted\nthere was no hold-down of n3\n");
  EXPECT_EQ(Baton({"prefer", "n2", "--lift"}).exit_code, 0);
  EXPECT_EQ(Baton({"freeze", "--for", "1m"}).exit_code, 0);
  EXPECT_EQ(Baton({"unfreeze"}).out, "the freeze is lifted\n");
  EXPECT_EQ(Baton({"orders"}).out, "no order stands\n");
}

TEST_F(CommandLineTest, APolicyIsProposedJudgedActivatedAndRolledBack) {
  const json first = BatonJson({"policy", "show"});
  EXPECT_EQ(first["version"], 1);
  EXPECT_EQ(first["state"], "ACTIVE");
  EXPECT_EQ(first["limits"]["handover_lag_max"], 1'024);
  const json proposed =
      BatonJson({"policy", "propose", "--rank", "barred,recovering,lag,disk,priority,region",
                 "--set", "hold_down_s=30", "--reason", "priority first"});
  EXPECT_EQ(proposed["version"], 2);
  EXPECT_EQ(proposed["rank"][4], "priority");
  EXPECT_EQ(proposed["limits"]["hold_down_s"], 30);
  EXPECT_EQ(BatonJson({"policy", "show"})["version"], 1) << "nothing has changed";
  EXPECT_EQ(BatonJson({"policy", "shadow", "2"})["state"], "SHADOW");
  EXPECT_EQ(BatonJson({"policy", "shadow", "--off"})["state"], "PROPOSED");
  EXPECT_EQ(Baton({"policy", "activate", "2"}).out, "policy 2 is ACTIVE\n");
  EXPECT_EQ(Baton({"policy", "activate", "2"}).out, "policy 2 is ACTIVE, as before\n");
  EXPECT_EQ(BatonJson({"policy", "rollback"})["version"], 1);
  const json history = BatonJson({"policy", "history"})["policies"];
  ASSERT_EQ(history.size(), 2u) << history;
  EXPECT_EQ(history[0]["state"], "ACTIVE");
  EXPECT_EQ(history[1]["state"], "RETIRED");

  EXPECT_EQ(Baton({"policy", "activate", "9"}).exit_code, 3);
  EXPECT_EQ(Baton({"policy", "show", "9"}).exit_code, 3);
  EXPECT_EQ(Baton({"policy", "shadow"}).exit_code, 2);
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--rank", "luck"}, {"--rank", "lag"}, {"--set", "hold_down_s"}, {"--set", "luck=1"}}) {
    std::vector<std::string> arguments = {"policy", "propose"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const CommandResult refused = Baton(arguments);
    EXPECT_EQ(refused.exit_code, 1) << wrong[1];
    EXPECT_NE(refused.err, "");
  }
}

TEST_F(CommandLineTest, AHandoverWaitsForAnApprovalWhereThePolicySaysSo) {
  const std::string from = BatonJson({"status"})["leader"];
  const std::string to = from == "n1" ? "n2" : "n1";
  ASSERT_EQ(Baton({"prefer", to, "--region", "1"}).exit_code, 0);
  const json policy = BatonJson({"policy", "propose", "--set", "approve_cross_region=1"});
  ASSERT_EQ(Baton({"policy", "activate", policy["version"].dump()}).exit_code, 0);
  // The leader hears of a preference by a heartbeat.
  ASSERT_TRUE(Eventually([&] {
    const CommandResult dry = Baton({"handover", "start", "--to", to, "--dry-run"});
    return dry.out.find("would ask for an approval") != std::string::npos;
  }));
  const std::vector<std::string> start = {"handover", "start", "--to",        to,
                                          "--id",     "far",   "--probation", "100ms"};
  const CommandResult waits = Baton(start);
  EXPECT_EQ(waits.exit_code, 5);
  EXPECT_NE(waits.err.find("baton approve far"), std::string::npos) << waits.err;
  const json shown = BatonJson({"handover", "show", "far"});
  EXPECT_EQ(shown["state"], "AWAITING");
  EXPECT_EQ(shown["risk"], "it goes from region 0 to region 1");
  EXPECT_EQ(shown["predicted_loss"]["operations"], 0);
  EXPECT_EQ(BatonJson({"status"})["leader"], from);

  EXPECT_EQ(Baton({"approve", "other"}).exit_code, 3);
  EXPECT_EQ(Baton({"approve", "far", "--reason", "agreed"}).exit_code, 0);
  const json done = BatonJson({"handover", "show", "far", "--wait"});
  EXPECT_EQ(done["state"], "DONE");
  EXPECT_EQ(done["approval_reason"], "agreed");
  EXPECT_EQ(BatonJson({"status"})["leader"], to);
  ASSERT_EQ(Baton({"policy", "rollback"}).exit_code, 0);
  ASSERT_EQ(Baton({"prefer", to, "--lift"}).exit_code, 0);
}

TEST_F(CommandLineTest, TheAuditIsListedAndVerified) {
  const json audit = BatonJson({"audit"})["records"];
  ASSERT_FALSE(audit.empty());
  EXPECT_EQ(audit[0]["kind"], "reign");
  EXPECT_EQ(audit[0]["what"], "ELECTED");
  EXPECT_EQ(audit[0]["previous"], std::string(64, '0'));
  const json verified = BatonJson({"audit", "verify"});
  EXPECT_EQ(verified["records"], audit.size());
  const std::string head = verified["head"];
  EXPECT_EQ(Baton({"freeze", "--for", "1m"}).exit_code, 0);
  EXPECT_EQ(Baton({"audit", "verify", "--head", head}).exit_code, 0) << "it goes on from there";
  const CommandResult other = Baton({"audit", "verify", "--head", "1:" + std::string(64, '0')});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("another audit"), std::string::npos) << other.err;
  EXPECT_EQ(Baton({"unfreeze"}).exit_code, 0);
}

TEST_F(CommandLineTest, ItIsToldWhyANodeDoesNotLead) {
  const int leader = cluster_->AwaitLeader();
  const std::string other = leader == 2 ? "n2" : "n3";
  const CommandResult why = Baton({"why-not", other});
  ASSERT_EQ(why.exit_code, 0) << why.err;
  EXPECT_NE(why.out.find("gone it would stand as number 2 of 2"), std::string::npos) << why.out;
  EXPECT_NE(why.out.find("its id is higher"), std::string::npos) << why.out;
  EXPECT_NE(why.out.find("it would take place"), std::string::npos) << why.out;
  EXPECT_NE(Baton({"why-not", "n" + std::to_string(leader + 1)}).out.find("leads"),
            std::string::npos);
  EXPECT_EQ(Baton({"why-not", "n9"}).exit_code, 3);
}

TEST_F(CommandLineTest, ARecordIsReadThroughAFollower) {
  ASSERT_EQ(Baton({"put", "through", "value"}).exit_code, 0);
  for (int i = 0; i < cluster_->size(); ++i) {
    EXPECT_EQ(Baton({"get", "through", "--through", cluster_->address(i)}).out, "value\n");
  }
  EXPECT_EQ(Baton({"get", "no such", "--through", cluster_->address(0)}).exit_code, 3);
}

TEST_F(CommandLineTest, VersionsOfProgramAndNodes) {
  const json version = BatonJson({"version"});
  EXPECT_FALSE(version["version"].get<std::string>().empty());
  ASSERT_EQ(version["nodes"].size(), 3u);
  EXPECT_GT(version["nodes"][0]["wal_version"], 0);
}

TEST_F(CommandLineTest, ExitCodesTellWhatHappened) {
  EXPECT_EQ(Baton({"--help"}).exit_code, 0);
  EXPECT_EQ(Baton({}).exit_code, 2);
  const CommandResult typo = Baton({"stauts"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_NE(typo.err.find("Did you mean status?"), std::string::npos) << typo.err;
  EXPECT_EQ(Baton({"get", "k", "--timeout", "soon"}).exit_code, 2);
  const CommandResult nobody =
      Baton({"get", "k", "--endpoints", "127.0.0.1:1", "--timeout", "300ms"});
  EXPECT_EQ(nobody.exit_code, 4);
  EXPECT_EQ(nobody.out, "");
  EXPECT_EQ(Baton({"status", "--endpoints", "127.0.0.1:1"}).exit_code, 4);
}

class LocalTest : public ::testing::Test, protected LocalCommands {
 protected:
  json LocalStatus() {
    const CommandResult result = Local({"status", "-o", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }
};

TEST_F(LocalTest, ComesUpSurvivesAndGoesDown) {
  std::ofstream(directory() + "/notes.txt") << "mine";
  const CommandResult up = Up();
  ASSERT_EQ(up.exit_code, 0) << up.err;
  // "Returns once a write would succeed": the first one does, without patience.
  EXPECT_EQ(Baton({"put", "k", "v", "--timeout", "2s"}).exit_code, 0);
  const json status = LocalStatus();
  ASSERT_EQ(status["nodes"].size(), 3u);
  const pid_t n1 = status["nodes"][0]["pid"];
  EXPECT_EQ(status["nodes"][0]["state"], "running");
  EXPECT_EQ(status["nodes"][0]["address"], "127.0.0.1:" + std::to_string(base_port()));
  EXPECT_EQ(status["nodes"][2]["http_address"], "127.0.0.1:" + std::to_string(base_port() + 12));

  // A daemon: its own session, nothing of ours open (RunCommand would wait for its pipes).
  EXPECT_EQ(getsid(n1) == getsid(0), false);

  EXPECT_EQ(Up().exit_code, 0);  // again: nothing to do
  EXPECT_EQ(LocalStatus()["nodes"][0]["pid"], n1);

  EXPECT_EQ(Local({"kill", "n1"}).exit_code, 0);
  EXPECT_EQ(Local({"kill", "n1"}).exit_code, 0);
  EXPECT_EQ(LocalStatus()["nodes"][0]["state"], "stopped");
  EXPECT_EQ(Baton({"get", "k", "--timeout", "30s"}).out, "v\n");
  EXPECT_EQ(Local({"start", "n1"}).exit_code, 0);
  EXPECT_EQ(LocalStatus()["nodes"][0]["state"], "running");

  EXPECT_EQ(Local({"pause", "n2"}).exit_code, 0);
  EXPECT_EQ(LocalStatus()["nodes"][1]["state"], "paused");
  EXPECT_EQ(Baton({"put", "k", "w", "--timeout", "30s"}).exit_code, 0);
  EXPECT_EQ(Local({"resume", "n2"}).exit_code, 0);
  EXPECT_EQ(LocalStatus()["nodes"][1]["state"], "running");
  EXPECT_EQ(Local({"pause", "n9"}).exit_code, 3);

  EXPECT_EQ(Local({"down"}).exit_code, 0);
  EXPECT_EQ(Local({"down"}).exit_code, 0);
  for (const json& node : LocalStatus()["nodes"]) EXPECT_EQ(node["state"], "stopped");
  EXPECT_TRUE(fs::exists(directory() + "/notes.txt"));

  // The offline reader understands what a stopped node left.
  const CommandResult verify = RunCommand({BATON_PATH, "wal", "verify", directory() + "/n1/data"});
  EXPECT_EQ(verify.exit_code, 0) << verify.out << verify.err;

  EXPECT_EQ(Up().exit_code, 0);  // the data are still there
  EXPECT_EQ(Baton({"get", "k"}).out, "w\n");
}

TEST_F(LocalTest, SaysWhatIsWrong) {
  const CommandResult none = Local({"status"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("baton local up --dir"), std::string::npos) << none.err;
  EXPECT_EQ(Local({"up", "--nodes", "0"}).exit_code, 2);
}

}  // namespace
}  // namespace baton::testing
