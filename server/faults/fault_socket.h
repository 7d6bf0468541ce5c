// FaultSocket: a unix socket at which one line is asked and answered a connection.
//
// A thread of its own serves one connection at a time. The file is made readable and writable by
// its owner alone, and removed at the end. Owner: FaultInjection.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"

namespace baton::server {

class FaultSocket {
 public:
  static constexpr size_t kLineBytesMax = 256;
  static constexpr int kAskTimeoutMs = 2'000;  // one who connects and says nothing is hung up on

  // Replaces a socket that an earlier process left at `path`. `run` is called on the thread.
  // Errors: INVALID_ARGUMENT when the path is too long for a socket, else the system's.
  static absl::StatusOr<std::unique_ptr<FaultSocket>> Open(
      const std::string& path, std::function<std::string(std::string_view line)> run);
  ~FaultSocket();
  FaultSocket(const FaultSocket&) = delete;
  FaultSocket& operator=(const FaultSocket&) = delete;

 private:
  FaultSocket(std::string path, std::function<std::string(std::string_view)> run)
      : path_(std::move(path)), run_(std::move(run)) {}
  void Serve();
  void Answer(int connection);
  bool AwaitReadable(int descriptor, int timeout_ms) const;  // false: time is up, or the end

  const std::string path_;
  const std::function<std::string(std::string_view)> run_;
  int listener_ = -1;
  int end_ = -1;  // an eventfd: readable once the thread shall end
  std::thread thread_;
};

}  // namespace baton::server
