#include "tools/baton/fault_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

namespace baton::cli {
namespace {

constexpr int64_t kPatienceUs = 60'000'000;

// A node that answers one command with a given text; it says nothing when that is empty.
class FakeNode {
 public:
  explicit FakeNode(std::string answer) : answer_(std::move(answer)) {
    std::string pattern = testing::TempDir() + "fault_client_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeNode() {
    thread_.join();
    close(listener_);
    std::filesystem::remove_all(directory_);
  }
  std::string path() const { return directory_ + "/fault.sock"; }
  std::string asked;  // once AskForFault has returned an answer

 private:
  void Serve() {
    const int connection = accept(listener_, nullptr, nullptr);
    char byte;
    while (recv(connection, &byte, 1, 0) == 1) {
      asked += byte;
      if (byte == '\n' && !answer_.empty()) break;  // else until the other side hangs up
    }
    send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    close(connection);
  }

  const std::string answer_;
  std::string directory_;
  int listener_ = -1;
  std::thread thread_;
};

TEST(FaultClientTest, GivesWhatIsInForce) {
  FakeNode node("ok\nstall\ndrop n2\n");
  const auto faults = AskForFault(node.path(), "drop n2", kPatienceUs);
  ASSERT_TRUE(faults.ok()) << faults.status();
  EXPECT_EQ(*faults, (std::vector<std::string>{"stall", "drop n2"}));
  EXPECT_EQ(node.asked, "drop n2\n");
}

TEST(FaultClientTest, GivesTheNodesWordsWhenItRefuses) {
  FakeNode node("error: no fault is called \"burn\"\n");
  const auto faults = AskForFault(node.path(), "burn", kPatienceUs);
  EXPECT_EQ(faults.status(), absl::InvalidArgumentError("no fault is called \"burn\""));
}

TEST(FaultClientTest, TellsWhenThereIsNoAnswer) {
  EXPECT_TRUE(absl::IsUnavailable(AskForFault("/no/such/socket", "list", kPatienceUs).status()));
  EXPECT_TRUE(
      absl::IsUnavailable(AskForFault("/" + std::string(200, 'x'), "list", kPatienceUs).status()));
  FakeNode silent("");
  EXPECT_TRUE(absl::IsDeadlineExceeded(AskForFault(silent.path(), "list", 50'000).status()));
}

}  // namespace
}  // namespace baton::cli
