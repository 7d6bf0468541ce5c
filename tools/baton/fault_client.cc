#include "tools/baton/fault_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <sstream>

namespace baton::cli {
namespace {

constexpr char kRefused[] = "error: ";
constexpr size_t kAnswerBytesMax = 64 << 10;

class Connection {
 public:
  explicit Connection(int64_t timeout_us) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{timeout_us / 1'000'000, timeout_us % 1'000'000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Open(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool Send(const std::string& text) {
    return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // All until the other side hangs up; false: it did not, in time.
  bool Receive(std::string* text) {
    char bytes[4096];
    while (text->size() < kAnswerBytesMax) {
      const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
      if (got <= 0) break;
      text->append(bytes, static_cast<size_t>(got));
    }
    return true;
  }

 private:
  const int fd_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> AskForFault(const std::string& path,
                                                     const std::string& command,
                                                     int64_t timeout_us) {
  Connection connection(timeout_us);
  if (!connection.Open(path) || !connection.Send(command + "\n")) {
    return absl::UnavailableError("nobody listens at " + path +
                                  ": only a running node with --fault-injection does");
  }
  std::string answer;
  if (!connection.Receive(&answer)) {
    return absl::DeadlineExceededError("no answer at " + path + " in time");
  }
  std::istringstream lines(answer);
  std::string line;
  std::getline(lines, line);
  if (line.rfind(kRefused, 0) == 0) {
    return absl::InvalidArgumentError(line.substr(std::strlen(kRefused)));
  }
  if (line != "ok") return absl::UnavailableError("the node hung up at " + path);
  std::vector<std::string> faults;
  while (std::getline(lines, line)) faults.push_back(line);
  return faults;
}

}  // namespace baton::cli
