#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "server/addresses.h"

namespace baton::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class OptionsTest : public testing::Test {
 protected:
  ~OptionsTest() override { std::filesystem::remove(file_); }

  absl::StatusOr<CommandLine> Parse(std::vector<std::string> args) {
    return ParseCommandLine(args, [this](const std::string& name) -> const char* {
      const auto it = environment_.find(name);
      return it == environment_.end() ? nullptr : it->second.c_str();
    });
  }
  // Parses `text` as the configuration file, beside the two options that every node needs.
  absl::StatusOr<CommandLine> ParseFile(const std::string& text,
                                        std::vector<std::string> args = {}) {
    std::ofstream(file_) << text;
    args.insert(args.end(), {"--config", file_});
    return Parse(args);
  }

  std::map<std::string, std::string> environment_;
  const std::string file_ =
      testing::TempDir() + "/options_test_" + std::to_string(getpid()) + ".toml";
};

constexpr char kNode[] = "[node]\nname = \"n1\"\ndata_dir = \"/var/lib/baton\"\n";

TEST_F(OptionsTest, FlagWinsOverEnvironmentOverFileOverDefault) {
  const std::string file = std::string(kNode) + "[log]\nlevel = \"warn\"\n";
  auto line = ParseFile(file);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->options.name, "n1");
  EXPECT_EQ(line->options.log_level, "warn");
  EXPECT_EQ(line->options.segment_bytes, uint64_t{64} << 20);

  environment_["BATOND_LOG_LEVEL"] = "debug";
  EXPECT_EQ(ParseFile(file)->options.log_level, "debug");
  EXPECT_EQ(ParseFile(file, {"--log-level", "error"})->options.log_level, "error");

  environment_["BATOND_CONFIG"] = file_;
  EXPECT_EQ(Parse({})->options.name, "n1");
}

TEST_F(OptionsTest, OneListenerWhenNoPeerAddressIsGiven) {
  auto line = ParseFile(std::string(kNode) + "client_address = \"db1:7400\"\n");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->options.peer_address, "db1:7400");
  line = ParseFile(std::string(kNode) + "peer_address = \"db1:7500\"\n");
  EXPECT_EQ(line->options.peer_address, "db1:7500");
}

TEST_F(OptionsTest, WhatIsWrongInTheFileIsNamedByPlace) {
  struct Case {
    std::string text;
    std::string where;
    std::string message;
  };
  const std::string node = kNode;
  const std::vector<Case> cases = {
      {node + "colour = \"red\"\n", ":4:1: ", "unknown key node.colour: [node] has name, data_dir"},
      {node + "[network]\nport = 1\n", ":4:2: ", "unknown section [network]"},
      {"name = \"n1\"\n", ":1:", "unknown section [name]"},
      {"node = 3\n", ":1:", "must be a section"},
      {node + "[node]\nname = \"n2\"\n", ":4:", "node"},
      {"[node]\nname = \"n1\"\nname = \"n2\"\n", ":3:", "name"},
      {node + "[wal]\nsegment_bytes = \"big\"\n", ":5:", "must be a whole number"},
      {node + "[wal]\nsegment_bytes = 5\n", ":5:", "not a number from 1048576"},
      {node + "[wal]\nsegment_bytes = -5\n", ":5:", "not a number from 1048576"},
      {node + "[log]\nlevel = \"loud\"\n", ":5:", "not one of"},
      {node + "[log]\nlevel = 3\n", ":5:", "must be a text in quotes"},
      {node + "[replica]\nlease_reads = 1\n", ":5:", "must be true or false"},
      {"[node\n", ":1:", ""},
  };
  for (const Case& bad : cases) {
    const auto line = ParseFile(bad.text);
    ASSERT_FALSE(line.ok()) << bad.text;
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string message(line.status().message());
    EXPECT_THAT(message, StartsWith(file_ + bad.where)) << bad.text;
    EXPECT_THAT(message, HasSubstr(bad.message)) << bad.text;
  }
}

TEST_F(OptionsTest, WhatIsWrongElsewhereIsNamed) {
  struct Case {
    std::vector<std::string> args;
    std::string message;
  };
  const std::vector<std::string> good = {"--name", "n1", "--data-dir", "/d"};
  const std::vector<Case> cases = {
      {{"--data-dir", "/d"}, "node.name: every node needs a name"},
      {{"--name", "n1"}, "node.data_dir: a node needs a directory"},
      {{"--name", "a b", "--data-dir", "/d"}, "\"a b\" is no name"},
      {{"--colour", "red"}, "--colour"},
      {{"--client-address", "here"}, "node.client_address: \"here\" is no address"},
      {{"--client-address", "here:0"}, "no port from 1 to 65535"},
      {{"--client-address", "0.0.0.0:7400"}, "tells others nothing"},
      {{"--http-address", "127.0.0.1:7400"}, "node.http_address: must differ"},
      {{"--queue-calls-max", "0"}, "--queue-calls-max: \"0\" is not a number from 1"},
      {{"--queue-calls-max", "99999999999999999999"}, "is not a number"},
      {{"--region", "256"}, "--region: \"256\" is not a number from 0 to 255"},
      {{"--lease-reads", "no"}, "--lease-reads: \"no\" is not true or false"},
      {{"--config", "/no/such/file.toml"}, "/no/such/file.toml"},
      {{"--config", "/"}, "/: is a directory"},
      {{"--fault-injection", "--client-address", "db1:7400"},
       "--fault-injection is for nodes on loopback alone: node.client_address is db1:7400"},
      {{"--fault-injection", "--peer-address", "10.0.0.1:7400"}, "node.peer_address is 10.0.0.1"},
      {{"--fault-injection", "--http-address", "127.evil.org:80"}, "node.http_address is 127."},
  };
  for (const Case& bad : cases) {
    std::vector<std::string> args = bad.args;
    if (args[0] != "--name" && args[0] != "--data-dir") {
      args.insert(args.end(), good.begin(), good.end());
    }
    const auto line = Parse(args);
    ASSERT_FALSE(line.ok()) << bad.message;
    EXPECT_THAT(std::string(line.status().message()), HasSubstr(bad.message));
  }
  environment_["BATOND_LOG_FORMAT"] = "xml";
  EXPECT_THAT(std::string(Parse(good).status().message()), HasSubstr("BATOND_LOG_FORMAT: \"xml\""));
}

TEST_F(OptionsTest, PrintedConfigurationCanBeReadBackAndSaysWhereItIsFrom) {
  environment_["BATOND_LOG_FORMAT"] = "json";
  const auto line = ParseFile(std::string(kNode) + "[replica]\nlease_reads = false\n",
                              {"--print-config", "--queue-calls-max", "77"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->mode, Mode::kPrintConfig);
  const std::string printed = PrintConfig(*line);
  EXPECT_THAT(printed, HasSubstr("queue_calls_max = 77  # --queue-calls-max"));
  EXPECT_THAT(printed, HasSubstr("# BATOND_LOG_FORMAT"));
  EXPECT_THAT(printed, HasSubstr("# " + file_ + ":2"));
  EXPECT_THAT(printed, HasSubstr("# default"));
  environment_.clear();
  // http_address is empty by default, in a file as without one.
  const auto again = ParseFile(printed);
  ASSERT_TRUE(again.ok()) << again.status() << printed;
  EXPECT_EQ(again->options.queue_calls_max, 77u);
  EXPECT_EQ(again->options.log_format, "json");
  EXPECT_FALSE(again->options.lease_reads);
}

TEST_F(OptionsTest, TheLogLevelIsReadAgainUnlessAFlagRulesIt) {
  auto line = ParseFile(std::string(kNode) + "[log]\nlevel = \"info\"\n");
  std::ofstream(file_) << kNode << "[log]\nlevel = \"debug\"\n";
  EXPECT_EQ(*ReloadLogLevel(*line), "debug");
  std::ofstream(file_) << kNode << "[log]\nlevel = \"loud\"\n";
  EXPECT_FALSE(ReloadLogLevel(*line).ok());
  line = ParseFile(kNode, {"--log-level", "warn"});
  std::ofstream(file_) << kNode << "[log]\nlevel = \"debug\"\n";
  EXPECT_EQ(*ReloadLogLevel(*line), "warn");
}

TEST_F(OptionsTest, FaultInjectionIsAFlagAlone) {
  const auto line = ParseFile(
      std::string(kNode) + "client_address = \"localhost:7400\"\nhttp_address = \"[::1]:7500\"\n",
      {"--fault-injection"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->options.fault_injection);
  EXPECT_FALSE(ParseFile(kNode)->options.fault_injection);
  EXPECT_FALSE(ParseFile(std::string(kNode) + "fault_injection = 1\n").ok());
}

TEST_F(OptionsTest, Modes) {
  EXPECT_EQ(Parse({"--version"})->mode, Mode::kVersion);
  EXPECT_EQ(Parse({"--help"})->mode, Mode::kHelp);
  EXPECT_THAT(Parse({"--help"})->help, HasSubstr("BATOND_DATA_DIR"));
  EXPECT_EQ(Parse({"--check-config", "--name", "n1", "--data-dir", "/d"})->mode,
            Mode::kCheckConfig);
  EXPECT_FALSE(Parse({"--check-config"}).ok());
}

TEST(AddressesTest, HostsAndPorts) {
  for (const char* good : {"a:1", "127.0.0.1:7400", "[::1]:65535", "db-1.example:80"}) {
    EXPECT_EQ(AddressProblem(good), "") << good;
  }
  for (const char* bad : {"", ":1", "a", "a:", "a:x", "a:65536", "::1:80", "a b:1", "a:-1"}) {
    EXPECT_NE(AddressProblem(bad), "") << bad;
  }
  EXPECT_EQ(HostOf("[::1]:80"), "::1");
  EXPECT_EQ(PortOf("[::1]:80"), 80);
  EXPECT_EQ(HostOf("h:80"), "h");
  for (const char* here : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(IsLoopback(here)) << here;
  }
  for (const char* away : {"10.0.0.1:1", "127.example:1", "[::2]:1", "db1:1", "128.0.0.1:1"}) {
    EXPECT_FALSE(IsLoopback(away)) << away;
  }
}

}  // namespace
}  // namespace baton::server
