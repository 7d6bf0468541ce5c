// The commands of docs/runbooks, run as they stand against a local cluster that is in the state
// that the page is about.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "nlohmann/json.hpp"
#include "tests/integration/cluster.h"
#include "tests/integration/local.h"

namespace baton::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kPages = fs::path(BATON_SOURCE_DIR) / "docs" / "runbooks";

// The commands of a page, block by block, under the heading of each.
std::vector<std::pair<std::string, std::string>> BlocksOf(const std::string& page) {
  std::ifstream file(kPages / (page + ".md"));
  std::vector<std::pair<std::string, std::string>> blocks;
  std::string heading;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("## ", 0) == 0) heading = line.substr(3);
    if (line.rfind("```", 0) == 0) {
      inside = line == "```sh";
      if (inside) blocks.emplace_back(heading, "");
    } else if (inside) {
      blocks.back().second += line + "\n";
    }
  }
  return blocks;
}

// Changes one byte of the entry with that value, which has been synced long ago.
void DamageLog(const fs::path& directory, const std::string& value) {
  for (const auto& segment : fs::directory_iterator(directory)) {
    if (segment.path().extension() != ".wal") continue;
    std::fstream file(segment.path(), std::ios::in | std::ios::out | std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    const size_t at = bytes.str().find(value);
    if (at == std::string::npos) continue;
    file.seekp(static_cast<std::streamoff>(at));
    file.put('!');
    return;
  }
  FAIL() << value << " is in no segment";
}

class RunbookTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(local_.Up({"--fault-injection"}).exit_code, 0); }

  json Ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    return json::parse(local_.Baton(arguments).out);
  }
  json Member(const std::string& name) {
    json status = Ask({"status"});
    for (json& member : status["members"]) {
      if (member["name"] == name) return member;
    }
    return json::object();
  }
  // Once it serves.
  std::string Leader() {
    EXPECT_TRUE(Eventually([&] { return local_.Baton({"why-leader"}).exit_code == 0; }));
    return Ask({"status"})["leader"];
  }
  std::string Follower() { return Leader() == "n1" ? "n2" : "n1"; }
  void ExpectAllHealthy() {
    const json status = Ask({"status"});
    for (const json& member : status["members"]) EXPECT_TRUE(member["healthy"]) << member;
  }

  void Mend() {
    for (const char* node : {"n1", "n2", "n3"}) local_.Local({"fault", node, "clear"});
  }

  // Every block of the page, in its order, each of which must succeed. What they printed. What is
  // broken is mended before it is gone back.
  std::string Follow(const std::string& page, const std::string& node) {
    std::string endpoints;
    for (const std::string& address : local_.addresses()) endpoints += "," + address;
    const std::string address = local_.addresses()[static_cast<size_t>(node[1] - '1')];
    const std::string setting =
        "set -eu\nexport PATH=" + fs::path(BATON_PATH).parent_path().string() + ":$PATH" +
        " BATON_ENDPOINTS=" + endpoints.substr(1) + " DIR=" + local_.directory() + " NODE=" + node +
        " ADDRESS=" + address + "\n";
    const auto blocks = BlocksOf(page);
    EXPECT_GE(blocks.size(), 3u) << page;
    std::string out;
    for (const auto& [heading, commands] : blocks) {
      if (heading == "Go back") Mend();
      const CommandResult result = RunCommand({"/bin/bash", "-c", setting + commands});
      EXPECT_EQ(result.exit_code, 0) << page << ", " << heading << ":\n"
                                     << commands << result.out << result.err;
      out += result.out + result.err;
    }
    return out;
  }

  LocalCommands local_;
};

TEST_F(RunbookTest, MemberDown) {
  const std::string node = Follower();
  local_.Local({"kill", node});
  Follow("member-down", node);
  ExpectAllHealthy();
}

TEST_F(RunbookTest, NoQuorum) {
  const std::string leader = Leader();
  std::string lost;
  for (const char* node : {"n1", "n2", "n3"}) {
    if (node == leader) continue;
    local_.Local({"kill", node});
    lost = node;
  }
  EXPECT_NE(Follow("no-quorum", lost).find("election"), std::string::npos);
}

TEST_F(RunbookTest, SlowDisk) {
  const std::string node = Leader();
  local_.Local({"fault", node, "slow", "200"});
  EXPECT_TRUE(Eventually([&] {
    local_.Baton({"put", "key", "value"});  // what its disk is measured by
    const json member = Member(node);
    return member["health"].is_object() && member["health"]["disk"] == "slow";
  })) << Member(node);
  Follow("slow-disk", node);
  EXPECT_EQ(Leader(), node) << "it went back";
  EXPECT_TRUE(Ask({"orders"})["orders"].empty());
}

TEST_F(RunbookTest, FullDisk) {
  const std::string node = Leader();
  local_.Local({"fault", node, "full"});
  Follow("full-disk", node);
}

TEST_F(RunbookTest, FlappingLeader) {
  const std::string node = Leader();
  local_.Local({"kill", node});
  local_.Local({"start", node});
  Leader();
  const std::string out = Follow("flapping-leader", node);
  EXPECT_NE(out.find("hold-down"), std::string::npos) << out;
  EXPECT_TRUE(Ask({"orders"})["orders"].empty());
}

TEST_F(RunbookTest, DamagedLog) {
  const std::string node = Follower();
  local_.Baton({"put", "key", "to be damaged"});
  for (int i = 0; i < 10; ++i) local_.Baton({"put", "key", std::to_string(i)});
  local_.Local({"kill", node});
  DamageLog(fs::path(local_.directory()) / node / "data" / "wal", "to be damaged");
  local_.Local({"start", node});
  EXPECT_TRUE(Eventually([&] { return Member(node)["state"] == "faulty"; })) << Member(node);
  EXPECT_NE(Follow("damaged-log", node).find("damaged at slot"), std::string::npos);
  ExpectAllHealthy();
}

TEST_F(RunbookTest, LostWrites) {
  ASSERT_EQ(local_.Baton({"keyspace", "create", "fast", "--mode", "async"}).exit_code, 0);
  const auto client = Client::Connect({.endpoints = local_.addresses()});
  ASSERT_TRUE(client.ok());
  CallOptions fast;
  fast.keyspace = "fast";
  std::string node;
  for (bool lost = false; !lost;) {  // again, if its lease ended before it was asked
    node = Leader();
    const auto kept = (*client)->Put("key", "kept", fast);
    ASSERT_TRUE(kept.ok()) << kept.status();
    local_.Local({"fault", node, "drop", "all"});
    const auto put = (*client)->Put("key", "lost?", fast);
    ASSERT_TRUE(put.ok()) << put.status();
    lost = put->reign == kept->reign;
    local_.Local({"kill", node});
    Leader();
    local_.Local({"start", node});
  }
  ASSERT_TRUE(Eventually([&] { return !Ask({"loss", "list"})["losses"].empty(); }));
  Follow("lost-writes", node);
  EXPECT_EQ(Ask({"get", "key", "--keyspace", "fast"})["value"], "lost?");
}

TEST(RunbookPages, EachIsFollowedAndListed) {
  const std::set<std::string> followed = {"member-down", "no-quorum",   "slow-disk",
                                          "full-disk",   "damaged-log", "flapping-leader",
                                          "lost-writes"};
  std::ifstream file(kPages / "README.md");
  std::ostringstream index;
  index << file.rdbuf();
  std::set<std::string> pages;
  for (const auto& page : fs::directory_iterator(kPages)) {
    const std::string name = page.path().stem();
    if (name != "README") pages.insert(name);
  }
  EXPECT_EQ(pages, followed);
  for (const std::string& page : pages) {
    EXPECT_NE(index.str().find("(" + page + ".md)"), std::string::npos) << page;
    std::ifstream text(kPages / (page + ".md"));
    std::ostringstream all;
    all << text.rdbuf();
    for (const char* part :
         {"**Alert**", "**Who decides**", "## See", "## Do", "## Verify", "## Go back"}) {
      EXPECT_NE(all.str().find(part), std::string::npos) << page << " lacks " << part;
    }
  }
}

}  // namespace
}  // namespace baton::testing
