#include "server/faults/fault_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::server {
namespace {

constexpr int kWaitingMax = 8;  // connections that wait; more are refused by the system

}  // namespace

absl::StatusOr<std::unique_ptr<FaultSocket>> FaultSocket::Open(
    const std::string& path, std::function<std::string(std::string_view)> run) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the path of a socket has at most ",
                                                   sizeof address.sun_path - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::unique_ptr<FaultSocket> socket(new FaultSocket(path, std::move(run)));
  socket->end_ = eventfd(0, EFD_CLOEXEC);
  socket->listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(path.c_str());
  if (bind(socket->listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || listen(socket->listener_, kWaitingMax) != 0) {
    return absl::InternalError(absl::StrCat("cannot listen on ", path, ": ", strerror(errno)));
  }
  socket->thread_ = std::thread([s = socket.get()] { s->Serve(); });
  return socket;
}

FaultSocket::~FaultSocket() {
  if (thread_.joinable()) {
    eventfd_write(end_, 1);
    thread_.join();
    unlink(path_.c_str());
  }
  for (const int descriptor : {listener_, end_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

bool FaultSocket::AwaitReadable(int descriptor, int timeout_ms) const {
  while (true) {
    pollfd fds[] = {{end_, POLLIN, 0}, {descriptor, POLLIN, 0}};
    const int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 && fds[0].revents == 0;
  }
}

void FaultSocket::Serve() {
  while (AwaitReadable(listener_, -1)) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    Answer(connection);
    close(connection);
  }
}

void FaultSocket::Answer(int connection) {
  std::string line;
  while (line.find('\n') == std::string::npos) {
    char bytes[kLineBytesMax];
    if (!AwaitReadable(connection, kAskTimeoutMs)) return;
    const ssize_t read = recv(connection, bytes, sizeof bytes, 0);
    if (read <= 0) return;
    line.append(bytes, static_cast<size_t>(read));
    if (line.size() > kLineBytesMax) return;
  }
  const std::string answer = run_(std::string_view(line).substr(0, line.find('\n')));
  // A few lines fit the socket's buffer; one who does not read them misses them.
  (void)send(connection, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace baton::server
