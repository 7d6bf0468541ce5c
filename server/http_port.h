// HttpPort: the port for monitors and load balancers.
//
//   /metrics          Prometheus text
//   /livez            200 while the process makes progress
//   /readyz[?verbose] 200 while writes can be sustained through this node's cluster, else 503
//   /version          JSON
//
// Two threads of its own answer, one request at a time each. Owner: the Server. The functions it is
// given are called on those threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace httplib {
class Server;
}  // namespace httplib

namespace baton::server {

struct HttpPages {
  std::function<std::string()> metrics;
  std::function<std::string()> not_live;   // why not; empty: live
  std::function<std::string()> not_ready;  // why not; empty: ready
  std::function<std::string()> details;    // of readiness, for people, one fact a line
  std::string version;                     // JSON
};

class HttpPort {
 public:
  // Errors: UNAVAILABLE when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpPort>> Start(const std::string& address,
                                                         HttpPages pages);
  ~HttpPort();
  HttpPort(const HttpPort&) = delete;
  HttpPort& operator=(const HttpPort&) = delete;

 private:
  explicit HttpPort(HttpPages pages);

  const HttpPages pages_;
  const std::unique_ptr<httplib::Server> server_;
  std::atomic<bool> ended_{false};  // the thread listens no more
  std::thread thread_;
};

}  // namespace baton::server
