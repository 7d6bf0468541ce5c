#include "server/faults/fault_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/faults/manual_clock.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class NoTransport : public Transport {
 public:
  void SetMembers(const std::vector<MemberInfo>&) override {}
  void Send(consensus::Message) override {}
  bool Connected(NodeId) const override { return false; }
};

class FaultCommandsTest : public ::testing::Test {
 protected:
  std::string Run(const std::string& line) { return commands_.Run(line); }

  wal::MemoryFileSystem disk_;
  NoTransport network_;
  ManualClock clock_;
  std::vector<MemberInfo> peers_ = {{NodeId{2}, "n2"}, {NodeId{3}, "n3"}};
  FaultyFileSystem fs_{&disk_, &clock_};
  FaultyTransport transport_{&network_, &clock_, [](StopAction) {}};
  FaultCommands commands_{&fs_, &transport_, [this] { return peers_; }};
};

TEST_F(FaultCommandsTest, AnswersWithWhatIsInForce) {
  EXPECT_EQ(Run("list"), "ok\n");
  EXPECT_EQ(Run("stall"), "ok\nstall\n");
  EXPECT_EQ(Run("stall 0"), "ok\n");
  EXPECT_EQ(Run("slow 50"), "ok\nslow 50\n");
  EXPECT_EQ(Run("full"), "ok\nslow 50\nfull\n");
  EXPECT_EQ(Run(" clear "), "ok\n");
  EXPECT_EQ(Run("fail"), "ok\nfail\n");
  EXPECT_EQ(Run("delay n3 100"), "ok\nfail\ndelay n3 100\n");
  EXPECT_EQ(Run("drop all"), "ok\nfail\ndelay n3 100\ndrop n2\ndrop n3\n");
  EXPECT_EQ(Run("clear"), "ok\n");
  EXPECT_EQ(Run("kill-at promise"), "ok\nkill-at promise 1\n");
  EXPECT_EQ(Run("pause-at heartbeat 7"), "ok\npause-at heartbeat 7\n");
}

TEST_F(FaultCommandsTest, WhatItPrintsBringsItAbout) {
  Run("slow 50");
  Run("delay all 9");
  const std::string standing = Run("kill-at accept 3");
  Run("clear");
  for (const char* line : {"slow 50", "delay n2 9", "delay n3 9"}) Run(line);
  EXPECT_EQ(Run("kill-at accept 3"), standing);
}

TEST_F(FaultCommandsTest, SaysWhatToChange) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "there are delay, drop, stall, slow, full, fail, kill-at, pause-at, clear, list"},
      {"burn", "no fault is called \"burn\""},
      {"delay n2", "write: delay PEER|all MILLISECONDS"},
      {"stall 1 2", "write: stall [MILLISECONDS]"},
      {"delay n1 5", "no peer is called \"n1\"; there are n2, n3"},
      {"slow -1", "\"-1\" is not a number from 0 to 3600000"},
      {"slow 3600001", "is not a number from 0"},
      {"kill-at letter", "no message is called \"letter\"; there are canvass, "},
      {"kill-at accept 0", "is not a number from 1"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_THAT(Run(line), StartsWith("error: ")) << line;
    EXPECT_THAT(Run(line), HasSubstr(problem)) << line;
  }
  EXPECT_EQ(Run("list"), "ok\n");
  peers_.clear();
  EXPECT_THAT(Run("drop all"), HasSubstr("there are none yet"));
}

}  // namespace
}  // namespace baton::server
