// Ports on loopback for tests that start servers of their own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>

namespace baton::loopback {

// A free port below those that the system gives to outgoing connections: a server that is away for
// a moment would lose one of those. Never the same twice in a process; one thread.
inline int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  static std::set<int> given;
  while (true) {
    const int port = std::uniform_int_distribution<int>(12'000, 31'999)(random);
    if (!given.insert(port).second) continue;
    const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(socket_fd);
    if (free) return port;
  }
}

inline std::string Loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace baton::loopback
