#include "server/faults/fault_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

namespace baton::server {
namespace {

class FaultSocketTest : public ::testing::Test {
 protected:
  FaultSocketTest() {
    std::string pattern = ::testing::TempDir() + "fault_socket_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/fault.sock";
  }
  ~FaultSocketTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<std::unique_ptr<FaultSocket>> Open() {
    return FaultSocket::Open(path_,
                             [](std::string_view line) { return "<" + std::string(line) + ">"; });
  }
  int Connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return connection;
  }
  std::string Ask(const std::string& text) {
    const int connection = Connect();
    EXPECT_EQ(send(connection, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    std::string answer;
    char bytes[256];
    for (ssize_t got; (got = recv(connection, bytes, sizeof bytes, 0)) > 0;) {
      answer.append(bytes, static_cast<size_t>(got));
    }
    close(connection);
    return answer;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(FaultSocketTest, AnswersOneLineAConnection) {
  const auto socket = Open();
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(Ask("list\n"), "<list>");
  EXPECT_EQ(Ask("\n"), "<>");
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(FaultSocketTest, HangsUpOnALineWithoutEnd) {
  const auto socket = Open();
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(Ask(std::string(FaultSocket::kLineBytesMax + 1, 'x')), "");
  EXPECT_EQ(Ask("list\n"), "<list>");
}

TEST_F(FaultSocketTest, EndsBesideOneWhoSaysNothing) {
  auto socket = Open();
  ASSERT_TRUE(socket.ok());
  const int silent = Connect();
  socket->reset();
  close(silent);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(FaultSocketTest, ReplacesWhatAKilledProcessLeft) {
  const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(left);
  const auto socket = Open();
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(Ask("list\n"), "<list>");
}

TEST_F(FaultSocketTest, RefusesAPathThatNoSocketCanHave) {
  path_ = directory_ + "/" + std::string(200, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(Open().status()));
}

}  // namespace
}  // namespace baton::server
