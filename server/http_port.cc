#include "server/http_port.h"

#include <httplib.h>

#include <utility>

#include "server/addresses.h"

namespace baton::server {
namespace {

constexpr size_t kThreads = 2;
constexpr size_t kRequestBytesMax = 4096;
constexpr time_t kKeepAliveSeconds = 1;
constexpr time_t kReadTimeoutSeconds = 2;

void Answer(const std::string& problem, httplib::Response* response) {
  response->status = problem.empty() ? 200 : 503;
  response->set_content((problem.empty() ? "ok" : problem) + "\n", "text/plain");
}

}  // namespace

HttpPort::HttpPort(HttpPages pages)
    : pages_(std::move(pages)), server_(std::make_unique<httplib::Server>()) {
  server_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server_->set_payload_max_length(kRequestBytesMax);
  server_->set_keep_alive_timeout(kKeepAliveSeconds);
  server_->set_read_timeout(kReadTimeoutSeconds);
  server_->set_write_timeout(kReadTimeoutSeconds);
  // Not SO_REUSEPORT, which would let a second process share the port unnoticed.
  server_->set_socket_options([](int socket) {
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  server_->Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(pages_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  });
  server_->Get("/livez", [this](const httplib::Request&, httplib::Response& response) {
    Answer(pages_.not_live(), &response);
  });
  server_->Get("/readyz", [this](const httplib::Request& request, httplib::Response& response) {
    Answer(pages_.not_ready(), &response);
    if (request.has_param("verbose")) response.body += pages_.details();
  });
  server_->Get("/version", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(pages_.version, "application/json");
  });
}

absl::StatusOr<std::unique_ptr<HttpPort>> HttpPort::Start(const std::string& address,
                                                          HttpPages pages) {
  std::unique_ptr<HttpPort> port(new HttpPort(std::move(pages)));
  if (!port->server_->bind_to_port(HostOf(address), PortOf(address))) {
    return absl::UnavailableError("cannot listen on " + address +
                                  " for HTTP: is the port in use, the host this machine's?");
  }
  port->thread_ = std::thread([p = port.get()] {
    p->server_->listen_after_bind();
    p->ended_ = true;
  });
  return port;
}

HttpPort::~HttpPort() {
  if (!thread_.joinable()) return;
  // stop() is lost on a server that has not begun to listen; its thread is about to.
  while (!server_->is_running() && !ended_) std::this_thread::yield();
  server_->stop();
  thread_.join();
}

}  // namespace baton::server
