// Server: everything of one batond process, put together: data directory, formation, listeners,
// transport, node, HTTP port.
//
//   auto server = Server::Start(options, version, [] { wake the main loop });
//   (*server)->Tick();  // often, and whenever woken
//   (*server)->Stop();
//
// One thread, the process's main, calls all of it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/options.h"

namespace baton::server {

class Server {
 public:
  // Opens everything; recovers the log if the node is formed. `wake` is called, on any thread, when
  // Tick has something to do. Errors say what to change.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options,
                                                       std::function<void()> wake);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts the node once it has been formed; refreshes what health checks say. An error is final.
  absl::Status Tick();

  // A snapshot waits to be installed: Stop this server and start another, which does it.
  bool WantsReopen() const;

  // If this node leads, has another lead first; takes a few seconds at the most.
  void Drain();
  // Leaves in good order: stops being ready, gives up leadership, answers what waits, hangs up.
  void Stop();

 private:
  struct Parts;
  Server(const Options& options, std::function<void()> wake);
  absl::Status Listen();
  absl::Status StartFaults();
  absl::Status StartNode();
  absl::Status StartHttp();
  std::string NotReady() const;
  std::string Metrics() const;

  const std::unique_ptr<Parts> parts_;
};

}  // namespace baton::server
