#include "tools/baton/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace baton::cli {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    std::string pattern = testing::TempDir() + "process_test_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~ProcessTest() override { std::filesystem::remove_all(directory_); }

  std::string Log() const {
    std::ifstream file(directory_ + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  absl::StatusOr<Process> Run(const std::string& script) {
    return StartDaemon({"/bin/sh", "-c", script}, directory_, directory_ + "/log");
  }

  std::string directory_;
};

TEST_F(ProcessTest, DaemonHoldsNoneOfOurDescriptors) {
  const int held = open(directory_.c_str(), O_RDONLY);  // not close-on-exec
  ASSERT_GE(held, 0);
  const auto process = Run("ls -l /proc/self/fd; pwd");
  close(held);
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE(WaitUntilGone(*process, 10 * kSecondUs));
  const std::string log = Log();
  EXPECT_EQ(log.find(directory_ + "\n"), log.rfind(directory_ + "\n")) << log;  // pwd alone
  EXPECT_NE(log.find("/dev/null"), std::string::npos) << log;
  EXPECT_EQ(log.find("pipe:"), std::string::npos) << log;
  EXPECT_EQ(log.find("socket:"), std::string::npos) << log;
}

TEST_F(ProcessTest, StopsContinuesAndEnds) {
  const auto process = Run("exec sleep 60");
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(StateOf(*process), ProcessState::kRunning);
  ASSERT_TRUE(Signal(*process, SIGSTOP).ok());
  for (int i = 0; i < 1000 && StateOf(*process) != ProcessState::kStopped; ++i) usleep(1000);
  EXPECT_EQ(StateOf(*process), ProcessState::kStopped);
  EXPECT_FALSE(WaitUntilGone(*process, 1000));
  ASSERT_TRUE(Signal(*process, SIGKILL).ok());
  EXPECT_TRUE(WaitUntilGone(*process, 10 * kSecondUs));
  EXPECT_EQ(StateOf(*process), ProcessState::kGone);
  EXPECT_TRUE(absl::IsNotFound(Signal(*process, SIGTERM)));
}

TEST_F(ProcessTest, AnotherProcessOfThatIdIsNotMeant) {
  const auto self = FindProcess(getpid());
  ASSERT_TRUE(self.has_value());
  const Process earlier{self->pid, self->start_ticks - 1};
  EXPECT_EQ(StateOf(earlier), ProcessState::kGone);
  EXPECT_TRUE(absl::IsNotFound(Signal(earlier, SIGTERM)));
  EXPECT_TRUE(WaitUntilGone(earlier, 0));
}

TEST_F(ProcessTest, SaysThatAProgramCannotBeRun) {
  const auto process = StartDaemon({directory_ + "/missing"}, directory_, directory_ + "/log");
  EXPECT_EQ(process.status().message(),
            "cannot run " + directory_ + "/missing: No such file or directory");
}

TEST(SiblingProgram, IsFoundBesideThisOneOrInThePath) {
  EXPECT_TRUE(SiblingProgram("tools_test").ok());
  EXPECT_TRUE(SiblingProgram("sh").ok());
  EXPECT_TRUE(absl::IsNotFound(SiblingProgram("no-such-program-anywhere").status()));
}

}  // namespace
}  // namespace baton::cli
